# SPDX-License-Identifier: GPL-2.0-only
"""vtbpf combine: traces of several processes and machines on one clock."""

import collections
import gzip
import json
import os
import re
import struct
import subprocess

import formats
import packages
from harness import case, clean_env
from tracefile import LARGEST_TID, Trace

ROUNDS = 300


def trace_both(context):
    """Two vtbpf trace the two processes at once: a capture and a gzipped JSON."""
    target = context.target("pingpong.py", ROUNDS)
    child = target.facts["child"]
    parent_file, child_file = context.path("parent.vtb"), context.path("child.json.gz")
    tracers = [context.command("-p", pid, "-o", out).wait_tracing(pid)
               for pid, out in ((target.pid, parent_file), (child, child_file))]
    target.ask("go")
    target.tell("exit")
    for tracer in tracers:
        tracer.wait(0)
    return target.pid, child, parent_file, child_file


def combine(context, *inputs, out="all.json"):
    path = context.path(out)
    done = context.command("combine", *inputs, "-o", path).wait(0)
    return Trace(path), done.text()


def calls(trace, pid, name):
    found = [s for s in trace.slices if s.pid == pid and s.qualname == name]
    assert len(found) == ROUNDS, (pid, name, len(found))
    return sorted(found, key=lambda s: s.start)


def check_order(trace, parent, child):
    """What is received was sent before, in either direction."""
    for sender, receiver in ((parent, child), (child, parent)):
        for sent, received in zip(calls(trace, sender, "send"), calls(trace, receiver, "receive")):
            assert sent.start < received.end, (sent, received)


@case(each="minor")
def combined_processes(context):
    """Two processes that talk to each other: each message is sent before it is received."""
    parent, child, first, second = trace_both(context)
    trace, said = combine(context, first, second)
    check_order(trace, parent, child)
    trace.check_shape()
    trace.check_nesting()
    assert said.count("same clock, not shifted") == 2, said
    context.command("convert", first, "-o", context.path("one.json")).wait(0)
    alone = Trace(context.path("one.json")), Trace(second)
    wanted = collections.Counter((s.pid, s.tid, s.name, s.start, s.end)
                                 for part in alone for s in part.slices)
    assert collections.Counter((s.pid, s.tid, s.name, s.start, s.end)
                               for s in trace.slices) == wanted
    for part in alone:
        for pid, name in part.process_names.items():
            assert trace.process_names[pid] == name
        for kind in ("files", "functions"):
            for key, value in part.raw["file_info"][kind].items():
                assert trace.raw["file_info"][kind][key] == value
    for entry in trace.raw["vtbpf"]["combine"]:
        assert entry["host"] == os.uname().nodename
        assert entry["shift_us"] == entry["uncertainty_us"] == 0
    assert {t["pid"] for t in trace.raw["vtbpf"]["targets"]} == {parent, child}


def check_in_perfetto(context, name, trace):
    """Perfetto finds the slices of each process, and nothing wrong."""
    rows, processes, errors = formats.perfetto(
        context, context.path(name),
        "select p.pid, sum(s.dur), count(*) from slice s join thread_track tt on s.track_id = tt.id"
        " join thread t using (utid) join process p using (upid) group by p.pid",
        "select pid, name from process where pid > 0",
        "select name, value from stats where value > 0 and severity in ('error', 'data_loss')")
    assert errors == [], errors
    durations, counts = collections.Counter(), collections.Counter()
    for s in trace.slices:
        durations[s.pid] += s.end - s.start
        counts[s.pid] += 1
    assert {pid: n for pid, _dur, n in rows} == counts
    assert {pid: dur for pid, dur, _n in rows} == durations
    assert {pid: name for pid, name in processes if pid in counts} == \
        {pid: trace.process_names[pid] for pid in counts}


@case()
def combined_formats(context):
    """The combined trace in every format has all calls."""
    parent, child, first, second = trace_both(context)
    trace, _ = combine(context, first, second)
    names = ("all.json.gz", "all.folded", "all.speedscope.json", "all.pb.gz", "all.pftrace")
    for name in names:
        context.command("combine", first, second, "-o", context.path(name)).wait(0)
    assert len(Trace(context.path("all.json.gz")).slices) == len(trace.slices)
    pprof = formats.Pprof(context.path("all.pb.gz"))
    assert sum(pprof.count.values()) == len(trace.slices)
    check_in_perfetto(context, "all.pftrace", trace)
    assert {s.pid for s in trace.slices} == {parent, child}


def of_another_machine(path, out, seconds):
    """The capture as a machine would have made it whose clock began that much later: its boot id and its
    wall clock's offset, for its times are the same."""
    with open(path, "rb") as f:
        data = f.read()
    with open("/proc/sys/kernel/random/boot_id") as f:
        boot = f.read().strip().encode()
    assert data.count(boot) == 1
    data = bytearray(data.replace(boot, b"0" * len(boot)))
    at = struct.unpack_from("<H", data, 12)[0]
    offset = struct.unpack_from("<q", data, at + 16)[0]
    struct.pack_into("<q", data, at + 16, offset + seconds * 1_000_000_000)
    data, n = re.subn(rb"([0-9]+) ([0-9]{19}) ([0-9]+)", lambda m: b"%s %d %s" % (
        m[1], int(m[2]) + seconds * 1_000_000_000, m[3]), bytes(data))
    assert n == 2, "at the begin and the end of the trace"
    with open(out, "wb") as f:
        f.write(data)


@case()
def combined_machines(context):
    """Captures of two machines: shifted by their wall clocks, which is said with how uncertain it is; a
    pid that both have stands for two processes."""
    parent, child, first, second = trace_both(context)
    other, moved = context.path("other.vtb"), context.path("moved.json")
    of_another_machine(first, other, 5)
    plain, _ = combine(context, first, second)
    trace, said = combine(context, second, other)
    assert "shifted by +5.00 s by the wall clocks, uncertain by" in said, said
    entry = trace.raw["vtbpf"]["combine"][1]
    assert entry["input"] == other and abs(entry["shift_us"] - 5_000_000_000) < 1_000_000, entry
    assert entry["uncertainty_us"] > 0 and entry["by"] == "wall"
    before, after = calls(plain, parent, "send"), calls(trace, parent, "send")
    assert {b.start - a.start for a, b in zip(before, after)} == {entry["shift_us"]}
    # the same capture of both machines
    both, _ = combine(context, first, other, out="both.json")
    both.check_nesting()
    made_up, = {s.pid for s in both.slices} - {parent}
    assert made_up > LARGEST_TID
    assert both.process_names[made_up] == "%s (pid %d on %s)" % (
        both.process_names[parent], parent, os.uname().nodename)
    assert len(calls(both, made_up, "send")) == len(calls(both, parent, "send"))
    context.command("combine", first, other, "-o", context.path("both.pftrace")).wait(0)
    for name in ("both.json", "both.pftrace"):
        check_in_perfetto(context, name, both)
    context.command("combine", first, other, "--align", "start", "-o", moved).wait(0)
    starts = collections.defaultdict(list)
    for s in Trace(moved).slices:
        starts[s.pid].append(s.start)
    first_starts = {min(found) for found in starts.values()}
    assert len(first_starts) == 1 and len(starts) == 2, first_starts
    context.command("combine", second, first, "--align=marker=send", "-o", moved).wait(0)
    trace = Trace(moved)
    assert calls(trace, parent, "send")[0].start == calls(trace, child, "send")[0].start
    context.fails(1, "combine", first, second, "--align", "marker=nothing", "-o", moved)
    context.fails(2, "combine", first, "--align", "moon", "-o", moved)
    context.fails(2, "combine", "-o", moved)
    context.fails(1, "combine", first, context.script("proto.py"), "-o", moved)


@case()
def combined_viztracer(context):
    """VizTracer's own file of the same process at the same time: on the same clock, not one process."""
    env = clean_env(PYTHONPATH=packages.site(context, "viztracer"))
    viztracer = [context.python.path, "-m", "viztracer", "--quiet"]
    theirs = context.path("theirs.json")
    tracer = context.launch(viztracer + ["-o", theirs, "--", context.script("launched.py")], env=env,
                            stdin=subprocess.DEVNULL)
    trace, said = combine(context, tracer.out, theirs)
    assert "theirs.json: unknown host, taken for the same clock" in said, said
    assert trace.raw["vtbpf"]["combine"][1]["shift_us"] == 0
    by_pid = collections.defaultdict(list)
    for event in trace.events:
        if event["ph"] == "X" and event["name"].startswith("leaf ("):
            by_pid[event["pid"]].append((event["ts"], event["ts"] + event["dur"]))
    assert sorted(len(found) for found in by_pid.values()) == [500, 500]
    assert max(by_pid) > LARGEST_TID >= min(by_pid)
    for one, other in zip(*(sorted(found) for found in by_pid.values())):
        assert one[0] < other[1] and other[0] < one[1], (one, other)
    # and back into VizTracer
    subprocess.run(viztracer + ["--combine", context.path("all.json"), theirs, "-o",
                                context.path("again.json")], env=env, check=True,
                   stdout=subprocess.DEVNULL)
    with open(context.path("again.json")) as f, open(theirs) as g:
        again, alone = json.load(f), json.load(g)
    assert len(again["traceEvents"]) == len(trace.events) + len(alone["traceEvents"])


def write_large(path, pid, n):
    with gzip.open(path, "wt", 1) as f:
        f.write('{"traceEvents":[\n')
        for i in range(n):
            f.write('{"ph":"X","cat":"FEE","pid":%d,"tid":%d,"ts":%d.250,"dur":9,"name":"g (a.py:1)"}%s\n'
                    % (pid, pid, 10 * i, "" if i == n - 1 else ","))
        f.write("]}")


@case()
def combined_memory(context):
    """However large the inputs are, memory is the same."""
    sizes = {}
    for n in (20_000, 300_000):
        paths = [context.path("large%d.json.gz" % i) for i in range(2)]
        for path in paths:
            write_large(path, 7, n)
        out = context.path("out.json")
        process = subprocess.Popen([context.vtbpf, "combine", *paths, "-o", out],
                                   stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0
        sizes[n] = usage.ru_maxrss
        assert len(Trace(out).slices) == 2 * n
    assert sizes[300_000] < sizes[20_000] + 1500, sizes
