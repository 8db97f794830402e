# SPDX-License-Identifier: GPL-2.0-only
"""Programs as they are in production, several options at once: the known numbers come out."""

import re
from collections import Counter

from harness import case


def of_category(trace, category):
    return [e for e in trace.events if e.get("cat") == category]


def leaves(trace):
    return dict(Counter(s.pid for s in trace.slices if s.qualname == "leaf"))


def collected(trace):
    """{pid: collections by generation}"""
    seen = {}
    for event in of_category(trace, "gc"):
        counts = seen.setdefault(event["pid"], [0, 0, 0])
        counts[event["args"]["generation"]] += 1
    return seen


def check_all_nest(trace):
    """Slices of every category, on each track."""
    tracks = {}
    for i, e in enumerate(trace.events):
        if e["ph"] == "X":
            track = tracks.setdefault((e["pid"], e["tid"]), [])
            track.append((e["ts"], -e["ts"] - e["dur"], -i, e["name"]))
    for track, slices in tracks.items():
        ends = []
        for start, end, _, name in sorted(slices):
            while ends and ends[-1] <= start:
                ends.pop()
            assert not ends or -end <= ends[-1], (track, name, start, -end, ends[-1])
            ends.append(-end)


def check_workers(trace, told, at_exit=0):
    """at_exit: so many collections of everything may come after an interpreter's last word."""
    told = {int(pid): facts for pid, facts in told.items()}
    assert trace.lost == 0
    assert {pid: n for pid, n in leaves(trace).items() if pid in told} == {
        pid: calls for pid, (calls, _) in told.items() if calls}, (leaves(trace), told)
    seen = collected(trace)
    for pid, (_, counts) in told.items():
        got = seen.get(pid, [0, 0, 0])
        assert got[:2] == counts[:2] and counts[2] <= got[2] <= counts[2] + at_exit, (seen, told)
    check_all_nest(trace)


def pool(context, method, at_exit):
    target = context.target("scenes.py")
    tracer = context.attach(target, "--follow", "--gc")
    told = target.ask("pool " + method)["did"]
    trace = tracer.stop()
    check_workers(trace, told, at_exit)
    names = {trace.process_names[int(pid)] for pid in told}
    assert all(re.fullmatch(r"(Fork|Spawn|ForkServer)PoolWorker-\d+", name) for name in names), names
    assert not trace.raw["vtbpf"].get("missed"), trace.raw["vtbpf"]["missed"]


@case(each="ends", exact=True)
def scene_pool_fork(context):
    """A pool of forked workers, --follow and --gc: calls and collections of each."""
    pool(context, "fork", 0)


@case(exact=True)
def scene_pool_spawn(context):
    """A pool of new interpreters: their collections from the first one on."""
    pool(context, "spawn", 5)


@case(exact=True)
def scene_pool_forkserver(context):
    """A pool of the fork server's children; what they inherit from it is not theirs."""
    target = context.target("scenes.py")
    tracer = context.attach(target, "--follow", "--gc")
    told = target.ask("pool forkserver")["did"]
    trace = tracer.stop()
    assert leaves(trace) == {int(pid): calls for pid, (calls, _) in told.items()}, (leaves(trace), told)
    check_all_nest(trace)


@case(each="ends", exact=True)
def scene_prefork(context):
    """Four workers under load, found by a rule, with --sched and --gc: calls and waits of each."""
    target = context.target("scenes.py", "prefork", context.tmp)
    pids = target.facts["pids"]
    out = context.path("out.json")
    tracer = context.command("--match", "*" + context.tmp, "--sched", "--gc", "-o", out, out=out)
    for _ in range(5):
        tracer.wait_tracing_any()
    told = target.ask("load 60")["did"]
    trace = tracer.stop()
    check_workers(trace, told)
    assert set(trace.process_names) == {target.pid, *pids}, trace.process_names
    waits = Counter(e["pid"] for e in of_category(trace, "sched")
                    if re.fullmatch("blocked: (clock_nanosleep|select|pselect6)", e["name"]))
    assert all(waits[pid] >= 55 for pid in pids), waits


@case(each="ends")
def scene_windows(context):
    """--sample-rate with --gc and --sched: all within the windows, and none outside."""
    target = context.target("scenes.py")
    tracer = context.attach(target, "--sample-rate", "0.5", "--gc", "--sched")
    for _ in range(6):
        target.ask("mix 300")
    trace = tracer.stop()
    check_all_nest(trace)
    windows = trace.raw["vtbpf"]["windows"]
    events = of_category(trace, "gc") + of_category(trace, "sched") + of_category(trace, "mark")
    assert windows and of_category(trace, "gc") and of_category(trace, "mark")
    for e in events:
        end = e["ts"] + e.get("dur", 0)
        assert any(a <= e["ts"] and end <= b for a, b in windows), (e, windows)


@case(each="ends")
def scene_recorder(context):
    """--keep-last with --gc and marks: all of a short run is in a dump, and again in the end."""
    target = context.target("scenes.py")
    tracer = context.attach(target, "--keep-last", "60s", "--gc")
    target.ask("mix 90")
    dumped = context.command("ctl", "-p", target.pid, "dump").wait(0)
    tracer.out, out = dumped.stdout.text().strip(), tracer.out
    for trace in tracer.trace(), (setattr(tracer, "out", out), tracer.stop())[1]:
        assert leaves(trace) == {target.pid: 90} and collected(trace) == {target.pid: [30, 30, 30]}
        assert [e["name"] for e in of_category(trace, "mark")] == ["step %d" % i for i in range(90)]
        check_all_nest(trace)


@case()
def scene_hours(context):
    """--active with --sched and --gc: the calls and waits that were there at its beginning nest."""
    target = context.target("service.py")
    tracer = context.attach(target, "--active", "00:00-13:00", "--active", "12:00-00:00", "--sched", "--gc")
    target.ask("gc 2000")
    context.command("ctl", "-p", target.pid, "pause").wait(0)
    context.command("ctl", "-p", target.pid, "resume").wait(0)
    target.ask("slow 300")
    trace = tracer.stop()
    assert of_category(trace, "gc") and of_category(trace, "sched")
    check_all_nest(trace)
