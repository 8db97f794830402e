# SPDX-License-Identifier: GPL-2.0-only
"""Builds of CPython that are traced with a warning, or not at all."""

import os
import subprocess

import roots
from harness import Skip, case, clean_env


def without_jit(python):
    """Why the JIT cannot be tested here; None if it can."""
    code = "import sys; raise SystemExit(not sys._jit.is_enabled())"
    asked = subprocess.run([python.path, "-c", code], env=clean_env(PYTHON_JIT="1"),
                           stderr=subprocess.DEVNULL)
    return "built without a JIT" if asked.returncode else None


@case(each="minor", needs=without_jit, exact=True)
def jit(context):
    """With the JIT on: a warning, in the trace too, and what it hides is counted as lost."""
    target = context.target("calls.py", 5000, env=clean_env(PYTHON_JIT="1"))
    tracer = context.attach(target)
    truth = target.ask("go")
    trace = tracer.stop()
    assert "JIT" in tracer.text(), tracer.text()
    assert any("JIT" in text for text in trace.raw["vtbpf"]["warnings"]), trace.raw["vtbpf"]
    counts, lost = trace.counts(target.facts["file"]), trace.raw["vtbpf"]["losses"]["by_thread"]
    for thread in truth["threads"][:3]:  # they call nothing but middle and leaf
        tid = thread["tid"]
        captured = counts[tid]["middle"] + counts[tid]["leaf"]
        assert captured + lost.get(str(tid), 0) == 3 * thread["rounds"], (thread, captured, lost)


@case(exact=True)
def switch_dispatch(context):
    """From 3.11 on an interpreter whose loop has no table of handlers is refused by name, and left
    alone. Older ones are traced: all cases run on what fetch-pythons.sh calls switch39."""
    path = os.path.join(roots.CACHE, "clang313", "bin", "python3.13-switch")
    if not os.path.exists(path):
        raise Skip("no such interpreter: scripts/fetch-pythons.sh clang313 makes one")
    target = context.start([path, context.script("spin.py")])
    text = context.fails(4, "-p", target.pid)
    assert "3.13" in text and "computed goto" in text, text
    before = target.ask("ping")["count"]
    assert target.ask("ping")["count"] >= before
