# SPDX-License-Identifier: GPL-2.0-only
"""A target that lies about its own memory: names of any length, pointers to anywhere, strings that
change while they are read, frames in a circle. The tracer stays right about everything else."""

import collections
import json
import subprocess

from harness import case
from samplefile import Samples

LONGEST = 1 << 20


def has_gil(python):
    """The target knows where objects are in builds with the GIL."""
    return "its objects begin otherwise" if python.free_threaded else None


def longest_name(trace):
    return max(len(s.name.encode()) for s in trace.slices)


@case(each="ends", needs=has_gil)
def forged_names(context):
    target = context.target("forged.py", "names")
    tracer = context.attach(target, "--args", "argument_*", "--args", "*:forged", "--exceptions")
    target.tell("go")
    truth = target.hear()
    assert target.alive()
    trace = tracer.stop()
    forged = [s for s in trace.slices if s.file == "/srv/forged.py" and s.qualname != "<module>"]
    lines = collections.Counter(s.line for s in forged)
    want = {int(line): calls for line, calls in truth["lines"].items()}
    assert lines == want, (lines, want)
    assert trace.lost == 0
    assert {s.qualname for s in forged if s.line // 100 == 2} == {"<unreadable>"}
    assert sum(s.qualname == "plain" for s in trace.slices) == truth["plain"]
    assert longest_name(trace) <= LONGEST + 100, longest_name(trace)
    target.tell("exit")
    assert target.wait() == 0


@case(each="ends", needs=has_gil)
def forged_frames(context):
    target = context.target("forged.py", "cycle")
    listed = subprocess.run([context.vtbpf, "threads", "-p", str(target.pid), "--json"],
                            stdout=subprocess.PIPE, timeout=60, check=True).stdout
    assert target.pid in [t["tid"] for t in json.loads(listed)["threads"]], listed
    tracer = context.attach(target)
    target.tell("go")
    truth = target.hear()
    trace = tracer.stop()
    assert sum(s.qualname == "plain" for s in trace.slices) == truth["plain"]
    assert trace.lost == 0
    target.tell("exit")
    assert target.wait() == 0


@case(each="ends", needs=has_gil)
def forged_frames_sampled(context):
    target = context.target("forged.py", "cycle")
    out = context.path("out.vtb")
    tracer = context.attach(target, "--hz", "500", out="out.vtb")
    target.ask("go")
    tracer.send(2)
    tracer.wait(0)
    samples = Samples(out)
    assert samples.total() + samples.unreadable > 20, (samples.total(), samples.unreadable)
    assert all(len(frames) <= 1025 for _, frames in samples.stacks)
    target.tell("exit")
    assert target.wait() == 0
