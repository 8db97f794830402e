# SPDX-License-Identifier: GPL-2.0-only
"""Exactly the calls and returns that a profile function sees, in their order, on every thread.

Each theme (targets/torture_*.py) runs twice on each interpreter: by itself under a profile function in
C (targets/recorder.c), and traced by vtbpf. Every frame of every file is compared, the standard
library's too, unless what the library does depends on time.
"""

import base64
import functools
import os
import subprocess

from harness import HERE, Skip, case, clean_env

BUILD = os.path.join(HERE, "..", "..", "build", "e2e")
BUFFER = ("--buffer-size", "64M")
ALL, OWN = "all files", "own files"

# Theme: what is compared. Threads of the standard library wait in ways that depend on time.
THEMES = {"calls": ALL, "objects": ALL, "generators": ALL, "coroutines": ALL, "exceptions": ALL,
          "code": ALL, "finalizers": OWN, "random": ALL, "asyncio": OWN, "threads": OWN}
TOOLS = ("settrace", "setprofile", "settrace_then_none", "monitoring", "cprofile", "coverage")


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
        """From the first event of the own files to the last, `work` being the first of the main thread."""
        places = [i for i, e in enumerate(self.events) if own(e[2])]
        work = [i for i in places if self.events[i][1] == "work"]
        ends = work or places
        return self.events[ends[0]:ends[-1] + 1] if ends else []


def reference_sequences(facts):
    codes = facts["codes"]
    return {name: Sequence([(("call", "return")[number & 1], *codes[number >> 1]) for number in log])
            for name, log in facts["threads"].items()}


def traced_sequences(trace, names):
    """{name: Sequence}, rebuilt from the slices' times."""
    tracks = {tid: slices for (_, tid), slices in trace.tracks().items()}
    result = {}
    for tid, name in names.items():
        events, stack = [], []
        for s in tracks.get(int(tid), []):
            if s.open:
                continue
            while stack and stack[-1].end <= s.start:
                events.append(("return", *key(stack.pop())))
            events.append(("call", *key(s)))
            stack.append(s)
        events += [("return", *key(s)) for s in reversed(stack)]
        result[name] = Sequence(events)
    return result


def key(s):
    return s.qualname, s.file, s.line


def show(events, depth=0):
    """Some events as an indented tree, a line each."""
    lines = []
    for kind, qualname, file, line in events:
        depth -= kind == "return"
        lines.append("%s%s %s (%s:%s)" % ("  " * max(depth, 0), "<" if kind == "return" else ">",
                                          qualname, os.path.basename(str(file)), line))
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


def compare(want, got, own, scope):
    problems = []
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


def is_own(file):
    return os.path.basename(str(file)).startswith("torture_")


def run_traced(context, script, *args, env=None):
    target = context.target(script, *args, env=env)
    tracer = context.attach(target, *BUFFER)
    truth = target.ask("go")
    trace = tracer.stop()
    assert trace.lost == 0, trace.raw["vtbpf"]["losses"]
    target.tell("exit")
    assert target.wait() == 0
    return trace, truth


def run_reference(context, script):
    env = clean_env(VTBPF_RECORDER=recorder())
    return context.target(script, "reference", env=env).facts


def truth(theme, scope):
    """A case: the theme's calls and returns are those of a profile function."""
    script = "torture_%s.py" % theme

    def run(context):
        want = reference_sequences(run_reference(context, script))
        trace, facts = run_traced(context, script)
        compare(want, traced_sequences(trace, facts["names"]), is_own, scope)
    run.__doc__ = "Calls and returns in the order of a profile function (%s): %s." % (scope, theme)
    run.__name__ = "truth_" + theme
    return run


def with_tool(tool):
    """A case: the same with a tool at work in the target, which must change nothing."""
    def run(context):
        script = "torture_tools.py"
        want = reference_sequences(run_reference(context, script))
        trace, facts = run_traced(context, script, "tool", tool)
        compare(want, traced_sequences(trace, facts["names"]), is_own, OWN)
    run.__doc__ = "Calls and returns while %s is at work in the target." % tool
    run.__name__ = "truth_under_" + tool
    return run


def tool_needs(tool):
    if tool == "monitoring":
        return lambda python: None if python.minor >= (3, 12) else "no sys.monitoring"
    return None


for _theme, _scope in THEMES.items():
    case(each=True)(truth(_theme, _scope))
for _tool in TOOLS:
    case(each=True, needs=tool_needs(_tool))(with_tool(_tool))
