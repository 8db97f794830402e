# SPDX-License-Identifier: GPL-2.0-only
"""Exactly the calls and returns that a profile function sees, in their order, on every thread.

Each theme (targets/torture_*.py) runs twice on each interpreter: by itself under a profile function
in C (targets/recorder.c), and traced by vtbpf. Every frame of every file is compared, the standard
library's too, unless what the library does depends on time.
"""

import base64
import collections
import functools
import heapq
import os
import subprocess

import packages
from harness import HERE, case, clean_env

BUILD = os.path.join(HERE, "..", "..", "build", "e2e")
BUFFER = ("--buffer-size", "64M")
ALL, OWN = "all files", "own files"

# Theme: what is compared. Threads and loops of the standard library wait in ways that depend on
# time; typing, which imports run, drops half-used generators, which then run once more under a
# profiler.
THEMES = {"calls": ALL, "objects": ALL, "generators": ALL, "coroutines": ALL, "exceptions": ALL,
          "code": OWN, "finalizers": OWN, "random": ALL, "asyncio": OWN, "threads": OWN}
# Tool: on which interpreters (see harness.case).
TOOLS = {"settrace": True, "setprofile": True, "monitoring": True, "settrace_then_none": "minor",
         "cprofile": "minor", "coverage": "minor"}


@functools.lru_cache(maxsize=None)
def recorder():
    """recorder.c as an object for any interpreter, base64."""
    os.makedirs(BUILD, exist_ok=True)
    output = os.path.join(BUILD, "recorder.so")
    source = os.path.join(HERE, "targets", "recorder.c")
    made = subprocess.run(["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-s",
                           "-o", output, source], stderr=subprocess.PIPE, text=True)
    if made.returncode:
        raise AssertionError("cannot build recorder.c:\n" + made.stderr)
    with open(output, "rb") as f:
        return base64.b64encode(f.read()).decode()


class Sequence:
    """A thread's calls and returns: [(kind, qualname, file, line), ...]"""

    def __init__(self, events):
        self.events = events

    def cut(self, own):
        """From the first event of the own files to the last; in the main thread from work() on."""
        places = [i for i, e in enumerate(self.events) if own(e[2])]
        work = [i for i in places if self.events[i][1] == "work"]
        ends = work or places
        return self.events[ends[0]:ends[-1] + 1] if ends else []


def reference_sequences(facts):
    codes = [(qualname, place(file), line) for qualname, file, line in facts["codes"]]
    kinds = "call", "return"
    return {name: Sequence([(kinds[number & 1], *codes[number >> 1]) for number in log])
            for name, log in facts["threads"].items()}


def timed(slices):
    """[(time, event), ...] of a track's slices in order; a call that was open has no event."""
    stack = []
    for s in slices:
        while stack and stack[-1].end <= s.start:
            yield stack[-1].end, ("return", *key(stack.pop()))
        yield s.start, ("call", *key(s))
        stack.append(s)
    while stack:
        yield stack[-1].end, ("return", *key(stack.pop()))


def traced_sequences(trace, names):
    """{name: Sequence}, rebuilt from the slices' times, of all tracks of a thread."""
    tracks = collections.defaultdict(list)
    for (_, tid), slices in trace.tracks().items():
        finished = [s for s in slices if not s.open]
        if finished:
            tracks[finished[0].args.get("tid", tid)].append(timed(finished))
    return {name: Sequence([event for _, event in heapq.merge(*tracks[int(tid)],
                                                              key=lambda pair: pair[0])])
            for tid, name in names.items()}


def place(file):
    """A file's name without its directory: some are temporary."""
    return file if file.startswith("<") else os.path.basename(file)


def key(s):
    return s.qualname, place(s.file), s.line


def show(events, depth=0):
    """Some events as an indented tree, a line each."""
    lines = []
    for kind, qualname, file, line in events:
        depth -= kind == "return"
        lines.append("%s%s %s (%s:%s)" % ("  " * max(depth, 0), "<" if kind == "return" else ">",
                                          qualname, file, line))
        depth += kind == "call"
    return "\n      ".join(lines)


def difference(name, want, got):
    """None, or where and how the sequences of a thread differ first."""
    if want == got:
        return None
    at = next((i for i, (w, g) in enumerate(zip(want, got)) if w != g), min(len(want), len(got)))
    before = want[max(0, at - 8):at]
    return "%s: %d events, traced %d; first difference at %d\n    before:\n      %s\n" \
           "    reference:\n      %s\n    traced:\n      %s" % (
               name, len(want), len(got), at, show(before, 8), show(want[at:at + 8], 8),
               show(got[at:at + 8], 8))


def is_theme(file):
    return file.startswith("torture_")


def is_own(file):
    """A theme's file, or what it made by exec()."""
    return is_theme(file) or file.startswith("<") and not file.startswith("<frozen")


def compare(want, trace, facts, scope, own=is_own):
    got = traced_sequences(trace, facts["names"])
    problems = ["warning: " + text for text in trace.raw["vtbpf"]["warnings"]]
    for name in sorted(set(want) | set(got)):
        if name not in want or name not in got:
            problems.append("thread %s is only in the %s" % (name, "trace" if name in got
                                                             else "reference"))
            continue
        pair = [sequence[name].cut(own) for sequence in (want, got)]
        if scope == OWN:
            pair = [[e for e in events if own(e[2])] for events in pair]
        problems.append(difference(name, *pair))
    problems = [p for p in problems if p]
    assert not problems, "\n".join(problems)[:5000]


def run_traced(context, script, *args, env=None):
    target = context.target(script, *args, env=env)
    tracer = context.attach(target, *BUFFER)
    truth = target.ask("go")
    trace = tracer.stop()
    assert trace.lost == 0, trace.raw["vtbpf"]["losses"]
    target.tell("exit")
    assert target.wait() == 0
    return trace, truth


def run_reference(context, script, **env):
    env = clean_env(VTBPF_RECORDER=recorder(), **env)
    return reference_sequences(context.target(script, "reference", env=env).facts)


def truth(theme, scope):
    """A case: the theme's calls and returns are those of a profile function."""
    script = "torture_%s.py" % theme

    def run(context):
        want = run_reference(context, script)
        compare(want, *run_traced(context, script), scope)
    run.__doc__ = "Calls and returns in the order of a profile function (%s): %s." % (scope, theme)
    run.__name__ = "truth_" + theme
    return run


def with_tool(tool):
    """A case: the same with a tool at work in the target, which must change nothing."""
    def run(context):
        script = "torture_tools.py"
        env = {"PYTHONPATH": packages.site(context, tool)} if tool == "coverage" else {}
        want = run_reference(context, script)
        traced = run_traced(context, script, "tool", tool, env=clean_env(**env))
        compare(want, *traced, OWN, is_theme)
    run.__doc__ = "Calls and returns while %s is at work in the target." % tool
    run.__name__ = "truth_under_" + tool
    return run


def no_monitoring(python):
    return None if python.minor >= (3, 12) else "no sys.monitoring"


@functools.lru_cache(maxsize=None)
def no_coverage(python):
    asked = subprocess.run([python.path, "-c", "import sqlite3"], env=clean_env(),
                           stderr=subprocess.DEVNULL)
    return "built without sqlite3, which coverage needs" if asked.returncode else None


def no_greenlet(python):
    return "greenlet crashes there by itself" if python.free_threaded else None


@case(each=True, needs=no_greenlet, exact=True)
def truth_greenlets(context):
    """The order of calls through all switches; each greenlet's calls lie on one track."""
    env = {"PYTHONPATH": packages.site(context, "greenlet")}
    want = run_reference(context, "torture_greenlets.py", **env)
    trace, facts = run_traced(context, "torture_greenlets.py", env=clean_env(**env))
    compare(want, trace, facts, OWN)
    main = next(int(tid) for tid, name in facts["names"].items() if name == "MainThread")
    seen = sorted((s.start, s.tid) for s in trace.slices
                  if s.qualname == "seen" and s.args.get("tid", s.tid) == main)
    assert len(seen) == len(facts["seen"]), (len(seen), len(facts["seen"]))
    tracks = collections.defaultdict(set)
    for number, (_, track) in zip(facts["seen"], seen):
        tracks[number].add(track)
    spread = {number: sorted(found) for number, found in tracks.items() if len(found) > 1}
    assert not spread, "greenlets on several tracks: %r" % spread


@case(each="minor", needs=no_greenlet, exact=True)
def truth_gevent(context):
    """The order of calls of gevent's tasks."""
    env = {"PYTHONPATH": packages.site(context, "gevent")}
    want = run_reference(context, "torture_gevent.py", **env)
    compare(want, *run_traced(context, "torture_gevent.py", env=clean_env(**env)), OWN)


NEEDS = {"monitoring": no_monitoring, "coverage": no_coverage}
for _theme, _scope in THEMES.items():
    case(each=True)(truth(_theme, _scope))
for _tool, _each in TOOLS.items():
    case(each=_each, needs=NEEDS.get(_tool))(with_tool(_tool))
