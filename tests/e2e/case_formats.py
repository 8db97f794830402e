# SPDX-License-Identifier: GPL-2.0-only
"""Folded stacks, speedscope and pprof: each says what the JSON of the same capture says."""

import collections
import contextlib
import json
import os
import pty
import random
import re
import struct
import subprocess
import time

import formats
import packages
from harness import case, clean_env
from tracefile import Trace

# What Perfetto is asked.
# Not grouped by name: v52 then splits groups where a name of 70,000 characters is among them.
SLICES = "select name, dur from slice where category = 'FEE'"
BY_THREAD = """select t.name, t.tid, p.pid, count(*) from slice s join thread_track tt on s.track_id = tt.id
    join thread t using (utid) join process p using (upid) group by t.tid"""
ERRORS = "select name, value from stats where value > 0 and severity in ('error', 'data_loss')"

NAMES = ("out.folded", "out.speedscope.json", "out.pb.gz")
ALL = NAMES + ("out.pftrace",)


def capture(context, script, *args):
    """A capture of a target's whole run, and the same as JSON, read."""
    target = context.target(script, *args)
    path = context.path("raw.vtb")
    tracer = context.command("-p", target.pid, "-o", path).wait_tracing(target.pid)
    target.ask("go")
    target.ask("finish")
    tracer.send(2)
    tracer.wait(0)
    context.command("convert", path, "-o", context.path("raw.json")).wait(0)
    return target, path, Trace(context.path("raw.json"))


def convert(context, source, *options):
    for name in NAMES:
        context.command("convert", source, "-o", context.path(name), *options).wait(0)
    return (formats.Folded(context.path(NAMES[0])), formats.Speedscope(context.path(NAMES[1])),
            formats.Pprof(context.path(NAMES[2])))


def truth(trace):
    """(durations, self times) by (thread, function), of the JSON."""
    durations, selves = collections.defaultdict(list), collections.Counter()
    for (_pid, tid), slices in trace.tracks().items():
        stack = []
        for s in slices:
            key = trace.thread_names[tid], s.name
            while stack and stack[-1][1].end <= s.start:
                stack.pop()
            durations[key].append(s.end - s.start)
            selves[key] += s.end - s.start
            if stack:
                selves[stack[-1][0]] -= s.end - s.start
            stack.append((key, s))
    return durations, selves


def check_agreement(trace, folded, speedscope, pprof):
    durations, selves = truth(trace)
    assert {k: sorted(v) for k, v in speedscope.calls.items()} == \
        {k: sorted(v) for k, v in durations.items()}
    assert folded.self_time() == selves
    assert pprof.self_time == selves
    assert pprof.count == {k: len(v) for k, v in durations.items()}
    assert pprof.types == [("calls", "count"), ("wall", "nanoseconds")]


@case(each="minor")
def formats_say_the_same(context):
    """Folded, speedscope and pprof of a capture, and of its JSON, have the calls and times of the JSON."""
    _target, path, trace = capture(context, "calls.py", 300)
    assert trace.lost == 0
    for source in (path, context.path("raw.json")):
        check_agreement(trace, *convert(context, source))
    # Filters apply as they do to JSON.
    context.command("convert", path, "-o", context.path("less.json"), "--ignore-function", "leaf",
                    "--only-thread", "worker-*").wait(0)
    less = Trace(context.path("less.json"))
    assert not [s for s in less.slices if s.qualname == "leaf"] and less.slices
    for source in (path, context.path("raw.json")):
        check_agreement(less, *convert(context, source, "--ignore-function", "leaf",
                                       "--only-thread", "worker-*"))


@case()
def formats_traced_directly(context):
    """-o of a trace may name any of the formats."""
    for name in NAMES:
        target = context.target("calls.py", 100)
        tracer = context.command("-p", target.pid, "-o", context.path(name)).wait_tracing(target.pid)
        target.ask("go")
        tracer.send(2)
        tracer.wait(0)
    assert any(f.startswith("leaf (") for _, f in
               formats.Folded(context.path(NAMES[0])).self_time())
    assert {"worker-one", "comes-late"} <= set(formats.Speedscope(context.path(NAMES[1])).names)
    assert formats.Pprof(context.path(NAMES[2])).count
    assert sorted(os.listdir(context.tmp)) == sorted(NAMES)


@case()
def formats_with_hostile_names(context):
    """Quotes, newlines, 4-byte characters, surrogates and 70,000 characters survive."""
    _target, path, trace = capture(context, "names.py")
    folded, speedscope, pprof = convert(context, path)
    durations, selves = truth(trace)
    assert {k: sorted(v) for k, v in speedscope.calls.items()} == \
        {k: sorted(v) for k, v in durations.items()}
    assert pprof.self_time == selves
    assert sum(folded.self_time().values()) == sum(selves.values())
    frames = {frame for stack in folded.stacks for frame in stack}
    for part in ("n" * 70000, "𝔘𝔫𝔦", "监控", "שלום_مرحبا", "\ufffd_\ufffdx"):
        assert any(part in frame for frame in frames), part
    check_readers(context, pprof)


def check_readers(context, pprof):
    """Go's pprof has the same sums under the same names; protoc knows every field."""
    out = context.path("out.pb.gz")
    again = formats.go_pprof_again(out, context.path("again.pb.gz"))
    if again is None:
        print("go is not installed: not read with go tool pprof")
    else:
        assert again.count == pprof.count and again.self_time == pprof.self_time
    if formats.protoc_decodes(out, context.tmp) is None:
        print("protoc is not installed: not read with protoc")
    else:
        assert formats.protoc_decodes(out, context.tmp)


def corrupt(source, out):
    """A copy of a capture of names.py, in which names are no Unicode and source texts no UTF-8."""
    with open(source, "rb") as f:
        data = f.read()
    # In a capture names are as CPython has them: 1, 2 or 4 bytes for each character.
    for old, new in (("astral_𝔘𝔫𝔦".encode("utf-32-le"),
                      "astral_".encode("utf-32-le") + struct.pack("<3I", 0x110000, 0xd800, 0xffffffff)),
                     ("函数".encode("utf-16-le"), struct.pack("<2H", 0xdc00, 0xd800)),
                     ("函数".encode(), b"\xe5\x87\x80\xf5\xc0\xaf"),
                     (b"decorated", b"d\xe9\xc3\xff\x80\xf0\0ed")):
        assert len(old) == len(new) and old in data, old
        data = data.replace(old, new)
    with open(out, "wb") as f:
        f.write(data)
    return out


@case()
def formats_of_invalid_text(context):
    """Names that are no Unicode, of a broken target or capture: each format is valid all the same."""
    _target, path, whole = capture(context, "names.py")
    path = corrupt(path, context.path("corrupted.vtb"))
    context.command("convert", path, "-o", context.path("raw.json")).wait(0)
    trace = Trace(context.path("raw.json"))
    assert [(s.start, s.end) for s in trace.slices] == [(s.start, s.end) for s in whole.slices]
    names = {s.qualname for s in trace.slices}
    assert "astral_\ufffd\ufffd\ufffd" in names and "\ufffd\ufffd" in names, sorted(names)
    folded, speedscope, pprof = convert(context, path)
    durations, selves = truth(trace)
    assert {k: sorted(v) for k, v in speedscope.calls.items()} == \
        {k: sorted(v) for k, v in durations.items()}
    assert pprof.self_time == selves and sum(folded.self_time().values()) == sum(selves.values())
    check_readers(context, pprof)
    for name in ("raw.json", "out.pftrace"):
        context.command("convert", path, "-o", context.path(name)).wait(0)
        slices, errors = formats.perfetto(context, context.path(name), SLICES, ERRORS)
        assert not errors and len(slices) == len(trace.slices), (errors, len(slices))
        assert sum(dur for _name, dur in slices) == sum(s.end - s.start for s in trace.slices)


@case()
def formats_in_their_readers(context):
    """`go tool pprof` and protoc read what vtbpf writes, with the right counts."""
    _target, path, trace = capture(context, "calls.py", 300)
    convert(context, path)
    out = context.path("out.pb.gz")
    calls = collections.Counter(s.qualname for s in trace.slices)
    for index in ("calls", "wall"):
        seen = formats.go_pprof(out, index)
        if seen is None:
            print("go is not installed: not read with go tool pprof")
            break
        assert "leaf" in seen and "middle" in seen, sorted(seen)
        if index == "calls":
            assert seen["leaf"][0] == calls["leaf"] and seen["middle"][0] == calls["middle"]
        else:
            times = sum(s.end - s.start for s in trace.slices if s.qualname == "middle")
            assert abs(seen["middle"][1] - times) < 0.01 * times, (seen["middle"], times)
    if formats.protoc_decodes(out, context.tmp) is None:
        print("protoc is not installed: not read with protoc")
    else:
        assert formats.protoc_decodes(out, context.tmp)


@case()
def formats_in_perfetto(context):
    """Perfetto's own trace processor finds in a .pftrace what is in the JSON, and nothing wrong with it."""
    for script, args in (("calls.py", [300]), ("names.py", [])):
        _target, path, trace = capture(context, script, *args)
        out = context.path("out.pftrace")
        context.command("convert", path, "-o", out).wait(0)
        slices, threads, errors = formats.perfetto(context, out, SLICES, BY_THREAD, ERRORS)
        assert errors == [], errors
        assert collections.Counter((name, dur) for name, dur in slices) == \
            collections.Counter((s.name, s.end - s.start) for s in trace.slices)
        counts = collections.Counter((s.tid, s.pid) for s in trace.slices)
        assert {(tid, pid): n for _name, tid, pid, n in threads} == counts
        assert {tid: name for name, tid, _pid, _n in threads} == \
            {tid: trace.thread_names[tid] for tid, _ in counts}
        assert os.stat(out).st_size < os.stat(context.path("raw.json")).st_size or script == "names.py"


@case()
def formats_tell_how_far_they_are(context):
    """What takes long shows a line on a terminal, and takes it away; none when told not to."""
    source = context.path("source.json")
    with open(source, "w") as f:
        f.write('{"traceEvents":[\n' + ",\n".join(
            '{"ph":"X","cat":"FEE","pid":1,"tid":1,"ts":%d,"dur":2,"name":"f (a.py:1)"}' % (10 * i)
            for i in range(100_000)) + "]}")
    slow = on_terminal(context, source, 2.2)
    assert re.search(r"converting \[#+\.*\] \d+%, \d+ MB/s, \d+ s left", slow), slow
    assert "left\r\x1b[Kvtbpf: wrote " in slow, slow
    assert "left" not in on_terminal(context, source, 2.2, "--no-progress")


def on_terminal(context, source, pause, *options):
    """What a conversion says on a terminal whose output nobody reads for so long."""
    pipe = context.path("pipe.json")
    if not os.path.exists(pipe):
        os.mkfifo(pipe)
    ours, theirs = pty.openpty()
    tracer = subprocess.Popen([context.vtbpf, "convert", source, "-o", pipe, *options], stderr=theirs)
    with open(pipe, "rb") as f:
        f.read(65536)
        time.sleep(pause)
        f.read()
    assert tracer.wait(30) == 0
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # EIO: all is read, and nobody is at the other end
        while piece := os.read(ours, 65536):
            said += piece
    os.close(ours)
    return said.decode()


@case()
def formats_in_viztracer(context):
    """viztracer --combine and --align_combine take our JSON, hostile names and all."""
    _target, _path, trace = capture(context, "names.py")
    os.rename(context.path("raw.json"), context.path("names.json"))
    _target, _path, other = capture(context, "calls.py", 50)
    wanted = collections.Counter((s.name, s.end - s.start) for s in trace.slices + other.slices)
    env = clean_env(PYTHONPATH=packages.site(context, "viztracer"))
    for how in ("--combine", "--align_combine"):
        subprocess.run([context.python.path, "-m", "viztracer", "--quiet", how, context.path("names.json"),
                        context.path("raw.json"), "-o", context.path("both.json")], env=env, check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with open(context.path("both.json"), encoding="utf-8") as f:
            events = json.load(f)["traceEvents"]
        assert collections.Counter((e["name"], round(e["dur"] * 1000)) for e in events
                                   if e["ph"] == "X" and e["cat"] == "FEE") == wanted, how


@case()
def formats_of_a_large_trace(context):
    """A large trace is converted in memory that does not grow with it."""
    sizes = {}
    for calls in (50_000, 400_000):
        source = context.path("large.json")
        with open(source, "w") as f:
            f.write('{"traceEvents":[\n')
            picks = random.Random(1)
            for i in range(calls // 2):
                at, leaf = 10 * i, picks.randrange(50)
                f.write('{"ph":"X","cat":"FEE","pid":1,"tid":1,"ts":%d,"dur":2,"name":"f%d (a.py:%d)"},\n'
                        '{"ph":"X","cat":"FEE","pid":1,"tid":1,"ts":%d,"dur":9,"name":"g (a.py:1)"}%s\n'
                        % (at + 1, leaf, leaf, at, "" if i == calls // 2 - 1 else ","))
            f.write("]}")
        for name in ALL:
            tracer = context.command("convert", source, "-o", context.path(name), "--no-progress")
            _, status, usage = os.wait4(tracer.process.pid, 0)
            tracer.process.returncode = os.waitstatus_to_exitcode(status)
            assert status == 0, tracer.text()
            sizes[name, calls] = usage.ru_maxrss
    for name in ALL:
        few, many = sizes[name, 50_000], sizes[name, 400_000]
        assert many < few + 4000, "%s: %d kB, then %d kB" % (name, few, many)
    folded = formats.Folded(context.path(NAMES[0]))
    assert len(folded.stacks) == 51 and sum(folded.stacks.values()) == 200_000 * 9000
    with open(context.path(NAMES[1])) as f:
        events = json.load(f)["profiles"][0]["events"]
    assert len(events) == 800_000
