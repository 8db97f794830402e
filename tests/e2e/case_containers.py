# SPDX-License-Identifier: GPL-2.0-only
"""Targets in containers: other mount, pid and user namespaces, overlays, read-only roots."""

import json
import os
import re
import subprocess

import container
from harness import case, text_differences


def leaves(trace):
    """{pid: calls of leaf()}"""
    counts = {}
    for s in trace.slices:
        if s.qualname == "leaf":
            counts[s.pid] = counts.get(s.pid, 0) + 1
    return counts


def inner_pids(trace):
    """{pid: what the process calls itself}, of those that say so"""
    return {e["pid"]: e["args"]["ns_pid"] for e in trace.events
            if e["name"] == "process_name" and "ns_pid" in e["args"]}


def others(trace, category):
    return [e for e in trace.events if e.get("cat") == category]


def check_both_pids(target, trace):
    inner = target.facts["pid"]
    assert trace.raw["vtbpf"]["target"]["pid"] == target.pid
    assert trace.raw["vtbpf"]["target"]["ns_pid"] == inner == inner_pids(trace)[target.pid]
    assert trace.process_names[target.pid] == target.facts["argv0"], trace.process_names


def check_followed(target, trace, said):
    """What each process of the container counted, by what we call it. Both are what it says it is."""
    ours = {inner: pid for pid, inner in inner_pids(trace).items() if pid != target.pid}
    assert leaves(trace) == {ours[int(inner)]: n for inner, n in said.items()}, (said, ours)
    assert not trace.raw["vtbpf"].get("missed"), trace.raw["vtbpf"]["missed"]


def not_in_a_root(python):
    return None if python.place.root and python.place.note != "embedded" else "of this system"


def trace_all(context, target):
    """Calls, collections, marks and names of a contained program; its children, too."""
    tids = container.inner_tids(target.pid)
    tracer = context.attach(target, "--gc")
    assert re.search(r"tracing %d… \(.*; %d in its own pid namespace\)" % (target.pid, tids[target.pid]),
                     tracer.text_so_far()), tracer.text_so_far()
    made, collections = target.do("calls 50"), target.do("gc")
    target.do("mark")
    trace = tracer.stop()
    assert trace.lost == 0 and leaves(trace) == {target.pid: made[str(tids[target.pid])]}
    assert sorted(trace.thread_names.values()) == ["MainThread", "worker-0", "worker-1"]
    counted = [e["args"]["generation"] for e in others(trace, "gc")]
    assert [counted.count(i) for i in range(3)] == collections, (counted, collections)
    assert [e["name"] for e in others(trace, "mark")] == ["contained"]
    assert target.facts["file"] in trace.raw["file_info"]["files"]
    check_both_pids(target, trace)
    assert not text_differences(target.pid)


@case(each="ends")
def contained(context):
    """Two pid namespaces deep: calls, names, sources, collections, marks; both pids are shown."""
    trace_all(context, container.start(context, "contained.py", depth=2))


@case(each=True, needs=not_in_a_root)
def contained_suites(context):
    """The interpreters of other systems, each on an overlay of its system's root."""
    trace_all(context, container.start(context, "contained.py"))


@case()
def contained_hostile(context):
    """A user namespace, a read-only root, and a /proc that lies to who reads it in there."""
    trace_all(context, container.start(context, "contained.py", user="nobody", proc="lies", writes="ro"))


@case()
def contained_without_proc(context):
    """No /proc in the container."""
    trace_all(context, container.start(context, "contained.py", proc="none"))


@case(each="ends")
def contained_children(context):
    """--follow: the pids are ours, what the processes call themselves is beside them; in the namespaces
    that they make, too."""
    target = container.start(context, "contained.py")
    tracer = context.attach(target, "--follow", "--gc")
    said = target.do("spaces 40")
    trace = tracer.stop()
    assert said == {"1": 40}
    inner = [pid for pid, n in leaves(trace).items() if n == 40]
    assert len(inner) == 1 and inner_pids(trace)[inner[0]] == 1 and inner[0] != target.pid
    tracer = context.attach(target, "--follow")
    said = target.do("pool fork")
    trace = tracer.stop()
    check_followed(target, trace, said)
    names = {trace.process_names[pid] for pid in leaves(trace)}
    assert all(re.fullmatch(r"ForkPoolWorker-\d", name) for name in names), names


@case()
def contained_upgrade(context):
    """The interpreter's file is gone in the container, as after an upgrade: the one that runs is traced."""
    target = container.start(context, "contained.py")
    image = context.python.image[len(context.python.place.root):]
    os.unlink("/proc/%d/root%s" % (target.pid, image))
    trace_all(context, target)
    tracer = context.attach(target, "--follow")
    said = target.do("fork 40")
    check_followed(target, tracer.stop(), said)


@case()
def contained_by_rule(context):
    """--match finds it, whatever it calls itself, and `ctl` reaches it by our pid."""
    target = container.start(context, "contained.py", context.tmp)
    tracer = context.command("--match", "* %s" % context.tmp, "-o", context.path("out.json"),
                             out=context.path("out.json")).wait_tracing(target.pid)
    target.do("calls 30")
    status = context.command("ctl", "-p", target.pid, "status", "--json").wait(0)
    assert json.loads(status.stdout.text())["pid"] == target.pid
    trace = tracer.stop()
    assert leaves(trace) == {target.pid: 60}
    check_both_pids(target, trace)


@case()
def contained_pid(context):
    """A pid that was read in the container: the message names ours. `vtbpf threads` shows both."""
    target = container.start(context, "service.py")
    tids = container.inner_tids(target.pid)
    for command in ["-p", 1], ["threads", "-p", 1], ["ctl", "-p", 1, "status"]:
        said = context.command(*command)
        assert said.process.wait(60) and re.search(
            r"in containers, .*\b%d\b" % target.pid, said.text()), said.text()
    answer = json.loads(context.command("threads", "-p", target.pid, "--json").wait(0).stdout.text())
    assert answer["ns_pid"] == tids[target.pid] == 1
    assert {t["tid"]: t["ns_tid"] for t in answer["threads"]} == tids
    table = context.command("threads", "-p", target.pid).wait(0).stdout.text().splitlines()
    assert table[0].split()[:2] == ["TID", "NS-TID"], table
    assert {int(row.split()[0]): int(row.split()[1]) for row in table[1:]} == tids, table


@case(each="ends")
def contained_tracer(context):
    """vtbpf itself in the container: all pids are the container's, and who runs the same interpreter
    outside is not in the trace."""
    target, other = container.start(context, "contained.py"), context.target("service.py")
    inner, out = target.facts["pid"], context.path("out.json")
    tracer = container.command(context, target, "-p", inner, "--follow", "--gc", "-o", out, out=out)
    tracer.wait_tracing(inner)
    other.ask("burst 200")
    made, collections, forked = target.do("calls 50"), target.do("gc"), target.do("fork 40")
    other.ask("burst 200")
    status = container.command(context, target, "ctl", "-p", inner, "stop").wait(0)
    tracer.wait(0)
    trace = tracer.trace()
    trace.check_shape()
    assert trace.lost == 0 and not inner_pids(trace), (status.text(), inner_pids(trace))
    assert leaves(trace) == {int(pid): n for pid, n in {**made, **forked}.items()}
    counted = [e["args"]["generation"] for e in others(trace, "gc") if e["pid"] == inner]
    assert [counted.count(i) for i in range(3)] == collections, (counted, collections)
    assert sorted(set(trace.thread_names.values())) == ["MainThread", "worker-0", "worker-1"]
    assert not any(s.qualname in ("often", "handle") for s in trace.slices)


@case()
def contained_tracer_states(context):
    """vtbpf in the container, --sched and samples: threads by what the container calls them."""
    target, out = container.start(context, "service.py"), context.path("out.json")
    tids = set(container.inner_tids(target.pid).values())
    tracer = container.command(context, target, "-p", 1, "--sched", "-d", "1s", "-o", out, out=out)
    trace = tracer.wait(0).trace()
    assert {e["tid"] for e in others(trace, "sched")} == tids, tids
    assert {s.tid for s in trace.slices} >= tids - {1}, trace.thread_names
    wakers = {e["args"]["waker"] for e in others(trace, "sched") if "waker" in e.get("args", {})}
    assert wakers <= tids | {0}, wakers
    tracer = container.command(context, target, "-p", 1, "--hz", 1000, "--wall", "-d", "1s", "-o", out,
                               out=out)
    trace = tracer.wait(0).trace()
    assert {s.tid for s in trace.slices} == tids, trace.thread_names


@case()
def contained_with_foreign_proc(context):
    """A container that shows another pid namespace in /proc: refused, with what to do."""
    said = subprocess.run(["unshare", "--pid", "--fork", context.vtbpf, "-p", "1"],
                          stderr=subprocess.PIPE, text=True)
    assert said.returncode == 3 and "mount -t proc" in said.stderr, said
