# SPDX-License-Identifier: GPL-2.0-only
"""--hz: stacks sampled by timers of CPU time; --wall: and of threads that have no CPU."""

import collections
import glob
import os
import re
import signal
import time

import tracefile
from case_control import ctl, status_of
from case_windows import zone_in_which_it_is
from harness import case, text_differences, wait_until
from samplefile import LIBRARY, Samples

# What calls what in targets/sampled.py besides what its profiler sees.
AROUND = {("<module>", "main"), ("main", "work_graph"), ("main", "work_deep"), ("main", "work_mixed"),
          ("main", "work_threads"), ("work_graph", "until"), ("until", "graph"), ("until", "burn"),
          ("work_deep", "dig"), ("dig", "dig"), ("dig", "until"), ("burn", "leaf"),
          ("work_mixed", "until"), ("until", "step"), ("sleeper", "burn")}


def last_part(pair):
    return tuple(name.split(".")[-1] for name in pair)


def impossible_pairs(target, samples):
    """{(caller, callee): samples} of those that the profiler did not see, nor are one of the above."""
    legal = {last_part(pair) for pair in target.facts["pairs"]} | AROUND
    return {pair: n for pair, n in samples.pairs().items()
            if LIBRARY not in "".join(pair) and last_part(pair) not in legal}


def check_pairs(context, target, samples):
    """Every caller and callee that was sampled is a real one; every stack begins where its thread
    does."""
    wrong = impossible_pairs(target, samples)
    assert not wrong, (wrong, context.python.version)
    roots = {frames[0].split(".")[-1] for (_, frames) in samples.stacks if frames}
    assert roots <= {"<module>", "_bootstrap", LIBRARY + "_bootstrap"}, roots


def sample(context, target, hz, seconds, *options):
    """What was sampled while the target worked for so many seconds of CPU time, and how long that
    really was."""
    tracer = context.attach(target, "--hz", hz, *options, out="out.vtb")
    cpu = target.ask(str(seconds))["cpu"]
    tracer.send(2)
    tracer.wait(0)
    return Samples(tracer.out), cpu, tracer.text()


def check_number(samples, cpu, hz, slack=0.02):
    """Of the samples that the CPU time makes. The end of the work, and waiting for it, adds a bit."""
    got, want = samples.total() + samples.unreadable, cpu * hz
    assert want * (1 - slack) - 10 <= got <= want * (1 + slack) + 0.01 * hz + 10, (got, want)
    assert samples.lost == 0 and samples.unreadable <= 0.01 * want + 2, vars(samples).keys()


@case(each=True)
def sampling_graph(context):
    """All pairs of caller and callee are real, as many samples as CPU time makes, nothing left behind."""
    target = context.target("sampled.py", "graph", 0)
    samples, cpu, text = sample(context, target, 5000, 2)
    check_number(samples, cpu, 5000)
    check_pairs(context, target, samples)
    assert re.search(r"\d+ samples taken, .*, 0 lost, \d+ unreadable", text), text
    seen = {last_part(pair)[1] for pair in samples.pairs()}
    assert {"generate", "recurse", "key", "fail", "inner", "small", "method"} <= seen, seen
    assert samples.taken == samples.total()
    assert not text_differences(target.pid)


@case()
def sampling_status(context):
    """`ctl status` counts samples, and no calls."""
    target = context.target("sampled.py", "graph", 0)
    tracer = context.attach(target, "--hz", 1000, out="out.vtb")
    cpu = target.ask("1")["cpu"]
    state = status_of(context, target.pid)
    assert "calls" not in state and "lost" not in state, state
    assert state["samples_lost"] == 0 and state["samples_ignored"] == 0, state
    got = state["samples"] + state["samples_unreadable"]
    assert cpu * 950 <= got <= cpu * 1050 + 50, (cpu, state)
    tracer.send(2)
    tracer.wait(0)
    assert Samples(tracer.out).total() >= state["samples"]


@case(each="ends")
def sampling_recorder(context):
    """--keep-last: a dump has the samples of the last second, each with its stack; so has the output."""
    target = context.target("sampled.py", "graph", 0)
    tracer = context.attach(target, "--hz", 1000, "--keep-last", "1s", out="out.vtb")
    target.tell("5")
    time.sleep(2.5)
    dump = Samples(ctl(context, target.pid, "dump").rstrip("\n"))
    state = status_of(context, target.pid)
    assert state["dropped_samples"] > 0 and 0 < state["kept_samples"] < 1200, state
    target.hear()
    tracer.send(2)
    tracer.wait(0)
    for samples in dump, Samples(tracer.out):
        assert 50 < samples.total() < 1100, samples.total()
        assert samples.taken == samples.total() and samples.lost == 0, vars(samples)
        check_pairs(context, target, samples)
        assert "?" not in {name for _, frames in samples.stacks for name in frames}


@case()
def sampling_losses(context):
    """Samples that nobody fetched in time are counted, and marked where they are missing."""
    target = context.target("sampled.py", "graph", 0)
    tracer = context.attach(target, "--hz", 10000, "--buffer-size", "64k")
    target.tell("3")
    time.sleep(0.5)
    tracer.send(signal.SIGSTOP)
    time.sleep(1.5)
    tracer.send(signal.SIGCONT)
    target.hear()
    trace = tracer.stop()
    lost = trace.raw["vtbpf"]["samples"]["lost"]
    gaps = [e for e in trace.raw["traceEvents"] if e["ph"] == "X" and e["cat"] == "vtbpf"
            and e["name"] == "lost %d samples" % e["args"].get("samples", 0)]
    print("lost %d, in %d gaps" % (lost, len(gaps)))
    assert lost > 0 and sum(e["args"]["samples"] for e in gaps) == lost, (lost, gaps)
    assert trace.raw["vtbpf"]["losses"]["total"] == 0
    longest = max(gaps, key=lambda e: e["dur"])
    assert 0.1e9 < longest["dur"] < 4e9 and longest["args"]["tid"] == target.pid, longest


@case()
def sampling_recorder_gc(context):
    """A trigger on collections dumps the samples around one, as slices with their mark."""
    target = context.target("service.py")
    tracer = context.attach(target, "--hz", 1000, "--trigger", "gc>40ms", "--after", "50ms")
    size, took = 200000, 0
    while took < 0.08:
        size *= 2
        took = target.ask("gc %d" % size)["took"]
    path, = wait_until(lambda: glob.glob(context.path("out-*-1.json")), "a dump")
    tracer.send(2)
    tracer.wait(0)
    trace = tracefile.Trace(path)
    trace.check_shape(overflow=trace.raw["viztracer_metadata"]["overflow"])
    assert trace.raw["vtbpf"]["trigger"]["expr"] == "gc>40ms"
    assert trace.raw["vtbpf"]["samples"]["taken"] > 50, trace.raw["vtbpf"]["samples"]
    assert any(s.qualname == "obey" for s in trace.slices)
    assert not os.path.exists(tracer.out)


@case(each=True)
def sampling_deep(context):
    """Frames of deep stacks are all there, and at 1,025 the innermost 1,024."""
    target = context.target("sampled.py", "deep", 500)
    samples, cpu, _ = sample(context, target, 1000, 2)
    check_number(samples, cpu, 1000)
    check_pairs(context, target, samples)
    work = [frames for (_, frames) in samples.stacks if "burn" in frames]
    assert work and all(frames.count("dig") == 501 for frames in work), [len(f) for f in work]
    target = context.target("sampled.py", "deep", 1500)
    samples, _, _ = sample(context, target, 200, 0.5)
    assert samples.truncated and max(samples.depths()) == 1024, max(samples.depths())


def sample_sleepers(context, target):
    """Samples; how many are of a certain while, as sleepers go on until the tracer is gone; and what CPU
    time that took."""
    tracer = context.attach(target, "--hz", 1000, out="out.vtb")
    told = target.ask("1.5")
    tracer.send(2)
    tracer.wait(0)
    samples = Samples(tracer.out)
    os.unlink(tracer.out)
    return samples, samples.between(told["begin"], told["end"]), told["cpu"]


@case(each=True)
def sampling_idle(context):
    """A hundred threads that mostly sleep count for what they take, and one that only sleeps not at
    all."""
    target = context.target("sampled.py", "idle", 100)
    # What a thread has taken is known to 12 ms, of which a virtual machine without its CPU takes some.
    for _ in range(5):
        samples, taken, cpu = sample_sleepers(context, target)
        if cpu * 980 - 110 <= taken <= cpu * 1020 + 110:
            break
    else:
        raise AssertionError((taken, cpu))
    check_pairs(context, target, samples)
    still = [frames for (_, frames) in samples.stacks if frames[:1] and frames[-1].endswith("wait")
             and "sleeper" not in frames]
    assert not still, still


@case(each=True)
def sampling_threads(context):
    """Threads that start while it samples; on free-threaded builds they run at once."""
    target = context.target("sampled.py", "threads", 0)
    samples, cpu, _ = sample(context, target, 1000, 2)
    check_number(samples, cpu, 1000, 0.03)
    check_pairs(context, target, samples)
    workers = {tid for (tid, frames) in samples.stacks if "burn" in frames}
    assert len(workers) == 4, workers


@case(each=True)
def sampling_mixed(context):
    """Time in the kernel, and in C code that has released the GIL, is CPU time."""
    target = context.target("sampled.py", "mixed", 0)
    samples, cpu, _ = sample(context, target, 1000, 1)
    check_number(samples, cpu, 1000)
    assert any(frames[-1].endswith("step") and n > 100 for (_, frames), n in samples.stacks.items()
               if frames)


@case()
def sampling_slices(context):
    """Consecutive samples become slices, as VizTracer has them, marked as sampled."""
    target = context.target("sampled.py", "deep", 20)
    tracer = context.attach(target, "--hz", 1000)
    cpu = target.ask("0.5")["cpu"]
    trace = tracer.stop()
    slices = [e for e in trace.raw["traceEvents"] if e["ph"] == "X" and e["cat"] == "FEE"]
    assert slices and all(e["args"]["sampled"] is True for e in slices)
    burn = sum(e["dur"] for e in slices if e["name"].startswith("burn ")) / 1e9
    assert 0.8 * cpu <= burn <= 1.1 * cpu, (burn, cpu)
    facts = trace.raw["vtbpf"]["samples"]
    assert facts["period_ns"] == 1000000 and facts["taken"] == facts["written"], facts


@case()
def sampling_filters(context):
    """Ignored threads are not sampled, ignored functions not seen, by the same options."""
    target = context.target("sampled.py", "graph", 0)
    samples, _, text = sample(context, target, 1000, 0.5, "--ignore-thread", "MainThread")
    assert samples.total() <= 5 and samples.ignored > 300, (samples.total(), samples.ignored)
    target = context.target("sampled.py", "deep", 3)
    tracer = context.attach(target, "--hz", 1000, "--ignore-function", "burn")
    target.ask("0.5")
    names = {e["name"].split(" ")[0] for e in tracer.stop().raw["traceEvents"] if e["ph"] == "X"}
    assert "until" in names and not {"burn", "leaf"} & names, (names, text)


def cpu_seconds(pid, tid):
    with open("/proc/%d/task/%d/schedstat" % (pid, tid)) as f:
        return int(f.read().split()[0]) / 1e9


def by_thread(samples, hz):
    """{tid: {(began late, innermost function, wait or ""): periods}}"""
    found = collections.defaultdict(collections.Counter)
    for (tid, frames), n in samples.stacks.items():
        found[tid]["begin" in frames, frames[-1] if frames else "", ""] += n
    for (tid, frames), ns in samples.sleeps.items():
        found[tid]["begin" in frames, frames[-2] if frames[1:] else "", frames[-1]] += ns * hz / 1e9
    return found


def stolen_seconds():
    """Of all CPUs, taken by the host of this virtual machine (proc_stat(5)): no thread has that time."""
    with open("/proc/stat") as f:
        return int(f.readline().split()[8]) / os.sysconf("SC_CLK_TCK")


def check_whole_time(threads, all_of_it, stolen):
    """A thread counts for as long as it was recorded; one that runs misses what was stolen meanwhile."""
    for tid, found in threads.items():
        n = sum(found.values())
        runs = any(count for (_, _, wait), count in found.items() if not wait)
        least = 0.97 * all_of_it - (stolen if runs else 0)
        assert least <= n <= 1.03 * all_of_it, (tid, n, runs, all_of_it, stolen)


@case(each=True)
def sampling_wall(context):
    """Each thread counts for the whole time, also one that was asleep before, under what it waits for."""
    hz, spinners = 1000, 2
    target = context.target("waiting.py", spinners)
    tracer = context.attach(target, "--wall", "--hz", hz, out="out.vtb")
    stolen = stolen_seconds()
    target.ask("begin")
    time.sleep(2)
    tracer.send(2)
    tracer.wait(0)
    stolen = stolen_seconds() - stolen
    samples = Samples(tracer.out)
    threads, all_of_it = by_thread(samples, hz), samples.seconds * hz
    assert len(threads) == 9 + spinners, threads
    check_whole_time(threads, all_of_it, stolen * hz)
    for late in False, True:
        for key in ("sleep", "[sleep]"), ("read", "[io]"), ("acquire", "[lock]"):
            share = max(found[(late,) + key] for found in threads.values()) / all_of_it
            assert 0.9 if late else 0.97 <= share <= 1.03, (late, key, share)
        naps = max(found[late, "nap", "[sleep]"] for found in threads.values())
        assert naps > 0.05 * all_of_it, naps
    for tid, found in threads.items():
        if not found[True, "spin", ""]:
            continue
        cpu, gil = found[True, "spin", ""] / hz, found[True, "spin", "[gil]"]
        assert 0.9 * cpu <= cpu_seconds(target.pid, tid) <= cpu + 2, (cpu, tid)
        assert (gil == 0) == context.python.free_threaded, (tid, gil, all_of_it)
    assert samples.lost == 0 and samples.unreadable <= 0.02 * len(threads) * all_of_it, vars(samples).keys()
    assert not text_differences(target.pid)


@case()
def sampling_wall_formats(context):
    """--wall alone is --hz 100; sleeps are slices and stacks as samples are, and filtered likewise."""
    target = context.target("waiting.py", 0)
    tracer = context.attach(target, "--wall", "--ignore-thread", "late read", "--ignore-function",
                            "acquire", out="out.folded")
    target.ask("begin")
    time.sleep(1.5)
    tracer.send(2)
    tracer.wait(0)
    seconds = float(re.search(r"([0-9.]+) s, 0 lost", tracer.text()).group(1))
    with open(tracer.out) as f:
        lines = [line.rsplit(" ", 1) for line in f.read().splitlines()]
    early = {line.split(";")[0]: int(n) for line, n in lines if line.startswith("early ")}
    for name in "early sleep", "early read", "early acquire":
        assert 95 * seconds - 10 <= early[name] <= 105 * seconds + 10, (early, seconds)
    assert not [line for line, _ in lines if line.startswith("late read") or "acquire (" in line]
    assert [line for line, _ in lines if line.startswith("late sleep") and line.endswith(";[sleep]")]
    assert not [line for line, _ in lines if line.startswith("early acquire") and ";[" in line]

    trace = context.attach(target, "--wall", "-d", "0.5")
    trace.wait(0)
    slices = [e for e in trace.trace().raw["traceEvents"] if e["ph"] == "X" and e["cat"] == "FEE"]
    waits = {e["name"] for e in slices if e["name"].startswith("[")}
    assert {"[sleep]", "[io]", "[lock]"} <= waits, waits
    assert all(e["args"]["sampled"] is True for e in slices)


@case()
def sampling_usage(context):
    """What makes no sense is refused."""
    pid = context.target("sampled.py", "graph", 0).pid
    for options in (["--hz", "0"], ["--hz", "200000"], ["--hz", "x"],
                    ["--hz", "10", "--tracer-entries", "5"], ["--hz", "10", "--dry-run"],
                    ["--wall", "--dry-run"], ["--wall", "--keep-last", "5"]):
        context.fails(2, "-p", pid, *options)


@case()
def sampling_at_hours(context):
    """--hz with --active, paused and resumed: samples of both stretches count, and the time between
    them does not."""
    target = context.target("sampled.py", "deep", 20)
    env = {"TZ": zone_in_which_it_is(12, 0, 0)}
    tracer = context.attach(target, "--hz", "1000", "--active", "09:00-18:00", env=env)
    cpu = target.ask("0.5")["cpu"]
    ctl(context, target.pid, "pause")
    target.ask("1")
    ctl(context, target.pid, "resume")
    cpu += target.ask("0.5")["cpu"]
    trace = tracer.stop()
    said = trace.raw["vtbpf"]["samples"]
    got = said["taken"] + said["unreadable"]
    assert cpu * 970 - 20 <= got <= cpu * 1030 + 30, (said, cpu)
    assert said["written"] == said["taken"], said
    (_, end), = trace.pauses
    assert any(s.start >= end and s.qualname == "burn" for s in trace.slices)
