# SPDX-License-Identifier: GPL-2.0-only
"""--follow with the options that show more than calls: of each process what is its own."""

import json
import os

from case_follow import another, follows_too
from case_sched import EDGE, check_nesting, events_of
from harness import case, wait_until

NAP_NS = 150000000
SLEEPS = ("blocked: clock_nanosleep", "blocked: nanosleep", "blocked: select", "blocked: pselect6")


def launched(context, *options):
    """What family_events.py said by pid, and the trace: its forked child, and another interpreter, the
    second process of which runs when the probes are in its file."""
    other = another(context).path
    tracer = context.launch([context.python.path, context.script("family_events.py"), "work", other,
                             other], *options)
    told = [json.loads(line) for line in tracer.stdout.text().splitlines()]
    assert len(told) == 4, told
    del told[2]  # of which the begin may be missing
    return {facts["pid"]: facts for facts in told}, tracer.trace()


def threads_of(trace, pid, name):
    return [e["tid"] for e in trace.events if e["ph"] == "M" and e["name"] == "thread_name" and
            e["pid"] == pid and e["args"]["name"] == name]


@case()
def follow_sched(context):
    """What each process does without a CPU, once; nothing of children that run no Python."""
    told, trace = launched(context, "--sched")
    check_nesting(trace)
    assert trace.lost == 0
    assert {e["pid"] for e in trace.events} == {s.pid for s in trace.slices}
    for pid, facts in told.items():
        napper, = threads_of(trace, pid, "napper")
        naps = [e for e in events_of(trace) if e.tid == napper and e.name in SLEEPS]
        assert len(naps) == 1, (pid, naps)
        assert naps[0].end - naps[0].start >= NAP_NS * 0.99, naps
        assert facts["begin"] <= naps[0].start and naps[0].end <= facts["end"], (naps, facts)


@case()
def follow_sched_of_sleepers(context):
    """Children that were asleep before, also in another interpreter: from the trace's start to its end."""
    other = another(context)
    target = context.target("family_events.py", "sleep", other.path)
    children = target.facts["children"]
    wait_until(lambda: all(len(os.listdir("/proc/%d/task" % pid)) == 2 for pid in children),
               "the threads of %s" % children)
    tracer = context.attach(target, "--follow", "--sched")
    follows_too(tracer, children[1])
    target.ask("wake up")
    trace = tracer.stop()
    check_nesting(trace)
    first = [e for e in events_of(trace) if e.tid == target.pid][0]
    assert first.name == "blocked: read" and first.start <= min(s.start for s in trace.slices) + EDGE, first
    for pid in children:
        forever, = threads_of(trace, pid, "forever")
        for tid, call in (pid, "blocked: pause"), (forever, "blocked: futex"):
            assert [e.name for e in events_of(trace) if e.tid == tid] == [call], (pid, tid)


@case()
def follow_options_of_events(context):
    """Arguments, exceptions, tasks and the GIL of children, also of another interpreter."""
    told, trace = launched(context, "--args", "leaf", "--exceptions", "--async", "--gil")
    trace.check_shape()
    assert trace.lost == 0
    for pid in told:
        mine = [e for e in trace.events if e.get("pid") == pid]
        given = [e["args"]["func_args"]["number"] for e in mine if e["name"].startswith("leaf ")]
        assert sorted(given) == sorted(["0", "1", str(pid)]), (pid, given)
        raised = [e["args"]["message"] for e in mine if e["name"] == "Exception - ValueError" and
                  e["args"].get("message", "").startswith("of ")]
        assert raised == ["of %d" % pid], raised
        assert len(threads_of(trace, pid, "job of %d" % pid)) == 2, pid
        holders = {e["name"] for e in mine if e.get("cat") == "gil"}
        assert {"GIL held: MainThread", "GIL held: napper"} <= holders, (pid, holders)
