# SPDX-License-Identifier: GPL-2.0-only
"""Options for events together, and each with the options that leave out: right, or refused by name."""

import glob
from collections import Counter

from case_scenarios import check_all_nest
from harness import case

ROUNDS = 40
EVENTS = ["--exceptions", "--args", "*/mixed.py:asked", "--gil", "--gc", "--sched"]
ALL = EVENTS + ["--async"]
EACH_ROUND = ("asked", "raises", "awaited", "Exception", "caught", "args", "collection")


def counts(trace, file):
    """How much there is of what each round of mixed.py makes once; and how much of the rest."""
    seen = Counter(s.qualname for s in trace.slices if s.file == file)
    for e in trace.events:
        args = e.get("args", {})
        seen["args"] += "func_args" in args
        if e.get("cat") == "exception":
            seen[e["name"].split()[0]] += "KeyError" in e["name"] and args["in"].count(file)
        elif e.get("cat") == "gc":
            seen["collection"] += 1
        elif e.get("cat") in ("gil", "sched", "async"):
            seen[e["cat"], e["ph"]] += 1
    return seen


def check_counts(seen, rounds, arrows=True):
    got = {what: seen[what] for what in EACH_ROUND}
    assert got == dict.fromkeys(EACH_ROUND, rounds), (got, rounds)
    assert seen["leaf"] == 3 * rounds and seen["sched", "X"] >= rounds and seen["gil", "X"] >= rounds
    if arrows:
        assert seen["async", "s"] == seen["async", "f"] == rounds, seen


def traced(context, *options):
    target = context.target("mixed.py")
    tracer = context.attach(target, *options)
    target.ask("work %d" % ROUNDS)
    trace = tracer.stop()
    assert trace.lost == 0
    check_all_nest(trace)
    return target.facts["file"], trace


@case(each="ends", exact=True)
def together(context):
    """All at once: two threads' calls, arguments, exceptions, collections, arrows, waits."""
    file, trace = traced(context, *ALL)
    check_counts(counts(trace, file), 2 * ROUNDS)


@case(exact=True)
def together_of_one_thread(context):
    file, trace = traced(context, *ALL, "--ignore-thread", "other")
    check_counts(counts(trace, file), ROUNDS)
    assert "other" not in trace.thread_names.values()


@case(exact=True)
def together_of_one_file(context):
    file, trace = traced(context, *ALL, "--include-files", "*/mixed.py")
    check_counts(counts(trace, file), 2 * ROUNDS)
    assert {s.file for s in trace.slices} == {file}


@case(exact=True)
def together_of_long_calls(context):
    """What is no call is not too short."""
    file, trace = traced(context, *ALL, "--min-duration", "1s")
    seen = counts(trace, file)
    assert not seen["leaf"] and not seen["args"]
    for what in "Exception", "caught", "collection":
        assert seen[what] == 2 * ROUNDS, (what, seen)


@case(exact=True)
def together_without_a_function(context):
    """What an ignored function does, in tasks too, is not there, nor arrows, but for the very first ones:
    the kernel side is told of a function's name when it has been called."""
    file, trace = traced(context, *ALL, "--ignore-function", "awaite*")
    seen = counts(trace, file)
    assert seen["leaf"] == 4 * ROUNDS and seen["asked"] == seen["caught"] == 2 * ROUNDS, seen
    assert not seen["awaited"] and seen["async", "s"] == seen["async", "f"] < ROUNDS / 2, seen


@case(exact=True)
def together_of_two(context):
    """Of two processes, each its own."""
    targets = [context.target("mixed.py") for _ in range(2)]
    out = context.path("out.json")
    pids = [word for target in targets for word in ("-p", target.pid)]
    tracer = context.command(*pids, *ALL, "-o", out, out=out)
    for _ in targets:
        tracer.wait_tracing_any()
    for target in targets:
        target.ask("work %d" % ROUNDS)
    trace = tracer.stop()
    check_all_nest(trace)
    check_counts(counts(trace, targets[0].facts["file"]), 4 * ROUNDS)
    for target in targets:
        assert len([s for s in trace.slices if s.qualname == "asked" and s.pid == target.pid]) == 2 * ROUNDS


@case(exact=True)
def together_last(context):
    """The flight recorder."""
    file, trace = traced(context, *EVENTS, "--keep-last", "60s")
    check_counts(counts(trace, file), 2 * ROUNDS, arrows=False)


@case(exact=True)
def together_in_files(context):
    """--rotate: all of it in one of the files, and in no other."""
    target = context.target("mixed.py")
    tracer = context.command("-p", target.pid, *EVENTS, "--rotate", "200k", "-o", context.path("r.json"))
    tracer.wait_tracing(target.pid)
    for _ in range(6):
        target.ask("work %d" % ROUNDS)
    tracer.send(2)
    tracer.wait(0)
    seen = Counter()
    paths = glob.glob(context.path("r-*.json"))
    assert len(paths) > 1, paths
    for tracer.out in paths:
        trace = tracer.trace()
        trace.check_shape()
        check_all_nest(trace)
        seen += counts(trace, target.facts["file"])
    check_counts(seen, 12 * ROUNDS, arrows=False)


@case()
def together_in_windows(context):
    """--sample-rate: what is there is within a window, and calls have what belongs to them."""
    target = context.target("mixed.py")
    tracer = context.attach(target, *ALL, "--sample-rate", "0.5")
    for _ in range(12):
        target.ask("work %d" % ROUNDS)
    trace = tracer.stop()
    check_all_nest(trace)
    windows = trace.raw["vtbpf"]["windows"]
    for e in trace.events:
        if e.get("cat") in ("gil", "gc", "sched", "exception", "async"):
            end = e["ts"] + e.get("dur", 0)
            assert any(a <= e["ts"] and end <= b for a, b in windows), (e, windows)
    seen = counts(trace, target.facts["file"])
    for what in EACH_ROUND[1:]:
        assert abs(seen[what] - seen["asked"]) <= 2 * len(windows), seen


@case()
def together_within_a_budget(context):
    """--max-overhead: what is in its budget is there, and the rest is refused."""
    target = context.target("mixed.py")
    few = ["--exceptions", "--args", "*/mixed.py:asked", "--gc"]
    tracer = context.attach(target, *few, "--max-overhead", "50%")
    for _ in range(12):
        target.ask("work %d" % ROUNDS)
    trace = tracer.stop()
    check_all_nest(trace)
    seen = counts(trace, target.facts["file"])
    assert seen["asked"]
    for what in EACH_ROUND[1:]:
        assert abs(seen[what] - seen["asked"]) <= 2 * len(trace.raw["vtbpf"]["windows"]), seen
    for option in "--gil", "--sched", "--async":
        assert option in context.fails(2, option, "--max-overhead", "2%", "-p", "1")
