# SPDX-License-Identifier: GPL-2.0-only
"""--c-calls with other options, in children, greenlets and reports."""

import glob
import json
import subprocess
from collections import Counter

import packages
from case_c_calls import unseen
from case_scenarios import check_all_nest
from harness import case, clean_env

ROUNDS = 30
OWN = ("binascii.crc32", "math.fabs", "time.sleep", "of_no_str")


def of_c(trace):
    return [s for s in trace.slices if s.file is None]


def counts(slices):
    seen = Counter(s.name for s in slices)
    return {name: seen[name] for name in OWN}


def all_of(n, **others):
    return {**dict.fromkeys(OWN, n), **others}


def traced(context, *options):
    target = context.target("c_known.py")
    tracer = context.attach(target, "--c-calls", *options)
    target.ask("work %d" % ROUNDS)
    trace = tracer.stop()
    assert trace.lost == 0
    check_all_nest(trace)
    return target.facts["file"], trace


@case(needs=unseen, exact=True)
def c_calls_of_children(context):
    """--follow: a forked child's, under its own pid."""
    target = context.target("c_known.py")
    tracer = context.attach(target, "--c-calls", "--follow")
    child = target.ask("fork %d" % ROUNDS)["child"]
    target.ask("work %d" % ROUNDS)
    trace = tracer.stop()
    check_all_nest(trace)
    assert counts(s for s in of_c(trace) if s.pid == child) == all_of(ROUNDS)
    assert counts(s for s in of_c(trace) if s.pid == target.pid) == all_of(2 * ROUNDS)


@case(each="ends", needs=unseen, exact=True)
def c_calls_of_a_file(context):
    """--include-files: C functions go with their caller."""
    file, trace = traced(context, "--include-files", "*/c_known.py")
    assert counts(of_c(trace)) == all_of(2 * ROUNDS)
    assert {s.file for s in trace.slices} == {file, None}
    assert "_thread.allocate_lock" not in {s.name for s in of_c(trace)}  # threading.py calls it


@case(each="ends", needs=unseen, exact=True)
def c_calls_without_a_file(context):
    """--exclude-files: C functions, which have none, stay."""
    file, trace = traced(context, "--exclude-files", "*/c_known.py")
    assert counts(of_c(trace)) == all_of(2 * ROUNDS)
    assert file not in {s.file for s in trace.slices}


@case(needs=unseen, exact=True)
def c_calls_of_some(context):
    """The options that leave calls out concern those of C functions, too."""
    _, trace = traced(context, "--min-duration", "4ms")
    seen = counts(of_c(trace))
    assert seen["time.sleep"] == 2 * ROUNDS and seen["binascii.crc32"] < ROUNDS, seen
    file, trace = traced(context, "--ignore-thread", "other", "--ignore-function", "binascii.*")
    assert counts(of_c(trace)) == all_of(ROUNDS, **{"binascii.crc32": 0})
    assert len([s for s in trace.slices if s.qualname == "leaf"]) == ROUNDS
    _, trace = traced(context, "--max-stack-depth", "4", "--only-thread", "MainThread")
    assert counts(of_c(trace)) == all_of(ROUNDS, **{"binascii.crc32": 0, "math.fabs": 0})


@case(needs=unseen, exact=True)
def c_calls_in_parts(context):
    """--rotate, the flight recorder, triggers: all of them, or the last of them, and they nest."""
    _, trace = traced(context, "--keep-last", "60s")
    assert counts(of_c(trace)) == all_of(2 * ROUNDS)
    target = context.target("c_known.py")
    tracer = context.command("-p", target.pid, "--c-calls", "--rotate", "64k", "-o", context.path("r.json"))
    tracer.wait_tracing(target.pid)
    for _ in range(12):
        target.ask("work %d" % ROUNDS)
    tracer.send(2)
    tracer.wait(0)
    seen, want = Counter(), 24 * ROUNDS
    paths = glob.glob(context.path("r-*.json"))
    assert len(paths) > 1, paths
    for tracer.out in paths:
        trace = tracer.trace()
        check_all_nest(trace)
        seen += Counter(counts(of_c(trace)))
    for name in OWN:  # one that is open where a file ends is in both
        assert want <= seen[name] <= want + 2 * len(paths), seen


@case(needs=unseen)
def c_calls_in_windows(context):
    """--sample-rate, --max-overhead: those there are lie within windows, where their callers are."""
    for option in ("--sample-rate", "0.5"), ("--max-overhead", "20%"):
        target = context.target("c_known.py")
        tracer = context.attach(target, "--c-calls", *option)
        for _ in range(6):
            target.ask("work %d" % ROUNDS)
        trace = tracer.stop()
        check_all_nest(trace)
        seen = counts(of_c(trace))
        assert seen["time.sleep"] and seen["math.fabs"] <= 12 * ROUNDS, (option, seen)
        called = Counter(s.qualname for s in trace.slices if s.file == target.facts["file"])
        edges = 4 * len(trace.raw["vtbpf"]["windows"])
        assert abs(called["key"] - seen["math.fabs"]) <= edges, (option, seen)


@case(needs=unseen, exact=True)
def c_calls_in_reports(context):
    """report, and the formats that are no timeline."""
    target = context.target("c_known.py")
    for name in "out.json", "out.folded", "out.speedscope.json":
        tracer = context.command("-p", target.pid, "--c-calls", "-o", context.path(name))
        tracer.wait_tracing(target.pid)
        target.ask("work %d" % ROUNDS)
        tracer.send(2)
        tracer.wait(0)
    said = subprocess.run([context.vtbpf, "report", "--json", "--limit", "1000", context.path("out.json")],
                          stdout=subprocess.PIPE, check=True, timeout=60)
    rows = {row["name"]: row for row in json.loads(said.stdout)["functions"]}
    assert rows["binascii.crc32"]["calls"] == rows["time.sleep"]["calls"] == 2 * ROUNDS, rows
    with open(context.path("out.folded"), encoding="utf-8") as f:
        stacks = [line.rpartition(" ")[0] for line in f]
    assert any("rounds" in s and s.endswith("time.sleep") for s in stacks), stacks
    with open(context.path("out.speedscope.json"), encoding="utf-8") as f:
        frames = {frame["name"] for frame in json.load(f)["shared"]["frames"]}
    assert "binascii.crc32" in frames, frames


@case(each="ends", needs=unseen, exact=True)
def c_calls_of_greenlets(context):
    """A C function that switches stacks goes on when its greenlet does, on that one's track."""
    target = context.target("green.py", env=clean_env(PYTHONPATH=packages.site(context, "greenlet")))
    tracer = context.attach(target, "--c-calls")
    truth = target.ask("go")
    trace = tracer.stop()
    check_all_nest(trace)
    naps = Counter((s.pid, s.tid) for s in trace.slices if s.qualname == "nap")
    switches = Counter((s.pid, s.tid) for s in of_c(trace) if s.name.endswith(".switch"))
    assert sum(naps.values()) == 2 * truth["rounds"], (naps, truth)
    assert all(switches[track] >= n for track, n in naps.items()), (naps, switches)
    assert sum(switches.values()) == 2 * truth["rounds"] + 21, switches  # main()'s
