# SPDX-License-Identifier: GPL-2.0-only
"""--async: asyncio's tasks on tracks of their own, who awaits whom, and how late loops are."""

from collections import Counter

import packages
from harness import case, clean_env
from tracefile import LARGEST_TID


def of_phase(trace, phase):
    return [e for e in trace.events if e.get("cat") == "async" and e["ph"] == phase]


def tracks_of(trace, name):
    return [tid for tid, given in trace.thread_names.items() if given == name]


def calls_on(trace, name):
    """How often what is called on the one task of that name."""
    tid, = tracks_of(trace, name)
    assert tid > LARGEST_TID, (name, tid)
    return Counter(s.qualname for s in trace.slices if s.tid == tid)


def check_clients(trace, truth):
    counts = trace.counts(finished=False)
    for i in range(truth["clients"]):
        tid, = tracks_of(trace, "client %d" % i)
        calls = counts[tid]
        assert calls["deeper"] == truth["rounds"], (i, calls)
        assert calls["leaf"] == truth["rounds"] * (i % 7), (i, calls)


def check_nap(trace):
    """It slept 0.2 s: nothing is drawn meanwhile, and two tasks waited for it."""
    tid, = tracks_of(trace, "nap")
    steps = sorted((s for s in trace.slices if s.tid == tid and s.qualname == "napper"),
                   key=lambda s: s.start)
    assert len(steps) == 2 and steps[1].start - steps[0].end > 190000000, steps
    assert not [s for s in trace.slices if s.tid == tid and s.start < steps[1].start and
                s.end > steps[0].end], "something runs on the track of a task that sleeps"
    begins = {e["id"]: e for e in of_phase(trace, "s")}
    ends = [e for e in of_phase(trace, "f") if e["tid"] == tid]
    awaiters = sorted(trace.thread_names[begins[e["id"]]["tid"]] for e in ends)
    assert awaiters == ["waiter 0", "waiter 1"], awaiters
    for end in ends:
        begin = begins[end["id"]]
        assert end["name"] == begin["name"] == "await"
        assert steps[1].start <= end["ts"] < steps[1].end, (end, steps)
        assert any(s.start <= begin["ts"] < s.end for s in trace.slices
                   if s.tid == begin["tid"] and s.qualname == "waiter"), begin


def check_arrow(trace, awaiter, awaited):
    (begin_on,), (end_on,) = tracks_of(trace, awaiter), tracks_of(trace, awaited)
    begun = {e["id"] for e in of_phase(trace, "s") if e["tid"] == begin_on}
    ended = {e["id"] for e in of_phase(trace, "f") if e["tid"] == end_on}
    assert len(begun & ended) == 1, (awaiter, awaited, begun, ended)


def check_others(trace, truth):
    assert calls_on(trace, truth["default_name"])["leaf"] == 5
    assert calls_on(trace, "counts")["leaf"] == 6
    assert calls_on(trace, "counts")["numbers"] == 7
    assert calls_on(trace, "fails")["fails"] == 2
    assert calls_on(trace, "stuck")["sleep"] == 2
    calls = calls_on(trace, "thrown into")
    assert calls["leaf"] == 8 and calls["numbers_after"] == 2 and calls["goes_on_after"] == 3, calls
    check_arrow(trace, "thrown into", "fails first")
    check_arrow(trace, "thrown into", "fails again")
    assert calls_on(trace, "named at last")["renamed"] == 1
    assert not tracks_of(trace, "not yet")
    assert calls_on(trace, "in a thread")["leaf"] == 4
    assert not any("greenlet" in name for name in trace.thread_names.values())


def check_loop(trace, target):
    """What is no task's stays where it was; what lies on tracks tells the thread of the loop."""
    tids = {tid for tid in trace.thread_names if tid > LARGEST_TID}
    clients = {tid for tid in tids if trace.thread_names[tid].startswith("client ")}
    in_thread, = tracks_of(trace, "in a thread")
    for s in trace.slices:
        if s.tid in clients or s.tid == in_thread:
            assert (s.args["tid"] == target.pid) == (s.tid in clients), s
        if s.qualname in ("blocks", "run_in_thread"):
            assert s.tid not in tids, s
    lags = [e["args"]["us"] for e in of_phase(trace, "C") if e["name"] == "loop lag"]
    assert len(lags) > 10 and 50000 <= max(lags) < 10000000, (len(lags), max(lags or [0]))


def check_gathered(trace, truth):
    """asyncio says from 3.14 on who awaits what gather() was given."""
    for i in range(truth["clients"]):
        check_arrow(trace, "Task-1", "client %d" % i)


def run(context, clients, *words, **kw):
    target = context.target("tasks.py", clients, *words, **kw)
    tracer = context.attach(target, "--async")
    truth = target.ask("go")
    trace = tracer.stop()
    trace.check_shape()
    return target, truth, trace


@case(each=True, exact=True)
def tasks(context):
    """Each task's calls, and no others, are on the track that has its name."""
    target, truth, trace = run(context, 20)
    check_clients(trace, truth)
    if context.python.minor >= (3, 14):
        check_gathered(trace, truth)
    check_nap(trace)
    check_others(trace, truth)
    check_loop(trace, target)


@case(each="ends", exact=True)
def tasks_of_uvloop(context):
    """The same with a loop that is written in C."""
    site = packages.site(context, "uvloop")
    target, truth, trace = run(context, 20, "uvloop", env=clean_env(PYTHONPATH=site))
    check_clients(trace, truth)
    check_nap(trace)
    check_others(trace, truth)
    check_loop(trace, target)


@case(exact=True)
def tasks_of_trio(context):
    """Tracks under the names of their coroutines: each task's calls, and no others."""
    site = packages.site(context, "trio")
    target = context.target("trio_tasks.py", 12, env=clean_env(PYTHONPATH=site))
    tracer = context.attach(target, "--async")
    target.ask("go")
    trace = tracer.stop()
    counts = trace.counts(finished=False)
    assert sorted(counts[tid]["leaf"] for tid in tracks_of(trace, "some")) == list(range(1, 13))
    tid, = tracks_of(trace, "cancelled")
    assert tid > LARGEST_TID and counts[tid]["leaf"] == 4, counts[tid]
    assert sum(counts[tid]["leaf"] for tid in counts) == 82


@case(each="ends", exact=True)
def tasks_by_the_hundred(context):
    _, truth, trace = run(context, 200)
    check_clients(trace, truth)


@case(each="ends", exact=True)
def no_tasks_unasked(context):
    target = context.target("tasks.py", 5)
    tracer = context.attach(target)
    target.ask("go")
    trace = tracer.stop()
    assert not [e for e in trace.events if e.get("cat") == "async"]
    assert all(tid <= LARGEST_TID for tid in trace.thread_names)


@case()
def async_is_refused_where_it_cannot_be(context):
    for option in ("--hz", "100"), ("--keep-last", "10s"), ("--rotate", "1m"):
        assert "--async" in context.fails(2, "--async", *option, "-p", "1")
