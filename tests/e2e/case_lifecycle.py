# SPDX-License-Identifier: GPL-2.0-only
"""How a trace ends, by whose hand, and what is left in the target."""

import glob
import os
import random
import signal
import struct
import time

from harness import Skip, case, text_differences, wait_until


def assert_exact(trace, target, truth):
    counts = trace.counts(target.facts["file"])
    for thread in truth["threads"]:
        got = counts[thread["tid"]]["middle"], counts[thread["tid"]]["leaf"]
        assert got == (thread["rounds"], 2 * thread["rounds"]), (thread, got)


def assert_goes_on(target):
    """The target (spin.py) is alive and makes progress."""
    before = target.ask("ping")["count"]
    wait_until(lambda: target.ask("ping")["count"] > before, "the target goes on")


def assert_no_breakpoints(target):
    wait_until(lambda: not text_differences(target.pid), "no breakpoints left in the target", 10)


@case(each="minor")
def ctrl_c(context):
    """Ctrl-C: exit 0, only the output remains, no breakpoint does, the target goes on."""
    target = context.target("spin.py")
    tracer = context.attach(target)
    assert text_differences(target.pid), "the check for breakpoints sees none while tracing"
    time.sleep(0.3)
    trace = tracer.stop()
    assert sum(trace.counts(target.facts["file"])[trace.tid_of("spinner")].values()) > 100
    assert os.listdir(context.tmp) == ["out.json"], os.listdir(context.tmp)
    assert_no_breakpoints(target)
    assert_goes_on(target)


@case()
def ctrl_c_on_terminal(context):
    """Ctrl-C reaches the whole process group, helpers of vtbpf's included."""
    target = context.target("spin.py")
    tracer = context.attach(target, start_new_session=True)
    time.sleep(0.3)
    os.killpg(tracer.process.pid, signal.SIGINT)
    tracer.wait(0)
    tracer.trace().check_shape()
    assert_no_breakpoints(target)
    assert_goes_on(target)


@case()
def ctrl_c_while_attaching(context):
    """Ctrl-C before the trace has begun: vtbpf ends soon, and leaves nothing in the target."""
    target = context.target("spin.py")
    for delay in (0.01, 0.03, 0.06, 0.1, 0.2, 0.3):
        tracer = context.command("-p", target.pid, "-o", context.path("out.json"))
        time.sleep(delay)
        tracer.send(signal.SIGINT)
        status = tracer.process.wait(20)
        assert status in (0, 1, 130, -signal.SIGINT), "%d\n%s" % (status, tracer.text())
        assert_no_breakpoints(target)
    assert_goes_on(target)


@case()
def sigterm(context):
    """SIGTERM ends a trace as Ctrl-C does."""
    target = context.target("spin.py")
    tracer = context.attach(target)
    time.sleep(0.3)
    assert tracer.stop(signal.SIGTERM).slices
    assert_goes_on(target)


@case()
def second_ctrl_c(context):
    """A second Ctrl-C abandons the conversion: exit 1, the capture stays and is named."""
    target = context.target("spin.py")
    tracer = context.attach(target)
    time.sleep(4)
    tracer.send(signal.SIGINT)
    # The conversion of some hundred thousand calls has begun when its temporary file is there.
    wait_until(lambda: glob.glob(context.path("out.json.??????")), "the conversion")
    tracer.send(signal.SIGINT)
    tracer.wait(1)
    left = glob.glob(context.path("out.json.vtb.*"))
    assert len(left) == 1 and left[0] in tracer.text(), (os.listdir(context.tmp), tracer.text())
    assert not os.path.exists(context.path("out.json"))
    context.command("convert", left[0], "-o", context.path("late.json")).wait(0)


@case()
def duration(context):
    """-d ends the trace by itself; the target goes on."""
    target = context.target("spin.py")
    begin = time.monotonic()
    tracer = context.attach(target, "-d", "500ms").wait(0)
    assert 0.4 < time.monotonic() - begin < 30
    trace = tracer.trace()
    trace.check_shape()
    span = max(s.end for s in trace.slices) - min(s.start for s in trace.slices)
    assert 300e6 < span < 1500e6, span
    assert_goes_on(target)


@case(each=True)
def target_exits(context):
    """The target ends while it is traced: exit 0 and a whole trace."""
    target = context.target("calls.py", 3000)
    tracer = context.attach(target)
    truth = target.ask("go")
    target.tell("exit")
    assert target.wait() == 0
    tracer.wait(0)
    trace = tracer.trace()
    trace.check_shape()
    assert trace.lost == 0
    assert_exact(trace, target, truth)
    for thread in truth["threads"]:
        assert trace.thread_names[thread["tid"]] == thread["name"]


@case()
def target_killed(context):
    """kill -9 of the target: exit 0 and a good trace."""
    target = context.target("spin.py")
    tracer = context.attach(target)
    time.sleep(0.3)
    target.process.kill()
    target.wait()
    tracer.wait(0)
    trace = tracer.trace()
    trace.check_shape()
    assert sum(trace.counts(target.facts["file"])[trace.tid_of("spinner")].values()) > 100


@case()
def target_execs(context):
    """execve of the target ends its trace normally."""
    target = context.target("spin.py")
    tracer = context.attach(target)
    time.sleep(0.3)
    target.tell("exec")
    tracer.wait(0)
    trace = tracer.trace()
    trace.check_shape()
    assert sum(trace.counts(target.facts["file"])[trace.tid_of("spinner")].values()) > 100
    assert target.alive()


@case()
def two_tracers(context):
    """Two vtbpf on one target at once: both see every call."""
    target = context.target("calls.py", 3000)
    first = context.attach(target, out="first.json")
    second = context.attach(target, out="second.json")
    truth = target.ask("go")
    for tracer in (first, second):
        trace = tracer.stop()
        assert trace.lost == 0
        assert_exact(trace, target, truth)
    assert_no_breakpoints(target)


@case()
def two_tracers_one_leaves(context):
    """The trace that stays is exact although another tracer leaves in the middle."""
    target = context.target("calls.py", 3000)
    first = context.attach(target, out="first.json")
    second = context.attach(target, out="second.json")
    second.stop()
    truth = target.ask("go")
    trace = first.stop()
    assert trace.lost == 0
    assert_exact(trace, target, truth)


@case()
def vtbpf_killed(context):
    """kill -9 of vtbpf: the target goes on, has no breakpoints left, and the capture converts."""
    target = context.target("spin.py")
    tracer = context.attach(target)
    time.sleep(0.5)
    tracer.process.kill()
    tracer.process.wait()
    assert_goes_on(target)
    assert_no_breakpoints(target)
    captures = glob.glob(context.path("out.json.vtb.*"))
    assert len(captures) == 1, os.listdir(context.tmp)
    assert os.stat(captures[0]).st_mode & 0o777 == 0o600
    out = context.path("late.json")
    trace = context.command("convert", captures[0], "-o", out, out=out).wait(0).trace()
    trace.check_shape()
    assert sum(trace.counts(target.facts["file"])[trace.tid_of("spinner")].values()) > 100
    again = context.attach(target, out="again.json")
    time.sleep(0.2)
    assert again.stop().slices


@case()
def vtbpf_killed_at_any_moment(context):
    """kill -9 of vtbpf at twenty random moments, attach and detach included."""
    target = context.target("spin.py")
    chance = random.Random(20)
    for i in range(20):
        tracer = context.command("-p", target.pid, "-o", context.path("%d.json" % i), "-d", "400ms")
        time.sleep(chance.uniform(0, 1.0))
        tracer.process.kill()
        tracer.process.wait()
        assert_goes_on(target)
    assert_no_breakpoints(target)
    assert_goes_on(target)


@case()
def torn_capture(context):
    """A capture cut anywhere converts up to its last whole record: exit 0 and a warning."""
    target = context.target("spin.py")
    capture = context.path("whole.vtb")
    tracer = context.command("-p", target.pid, "-o", capture, "-d", "300ms")
    tracer.wait(0)
    data = open(capture, "rb").read()
    for share in (0.5, 0.9, 0.999):
        torn = context.path("torn.vtb")
        with open(torn, "wb") as f:
            f.write(data[:int(len(data) * share)])
        out = context.path("torn.json")
        converted = context.command("convert", torn, "-o", out, out=out).wait(0)
        converted.trace().check_shape()
        assert "vtbpf: " in converted.text()


def entry_point(path):
    """Where a program begins, in its file: code that has run long ago."""
    with open(path, "rb") as f:
        data = f.read(4096)
    entry, table = struct.unpack_from("<QQ", data, 24)
    size, number = struct.unpack_from("<HH", data, 54)
    for i in range(number):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, table + i * size)
        if kind == 1 and address <= entry < address + length:
            return entry - address + offset
    raise AssertionError("no entry point")


def leave_breakpoint(pid, patch=b""):
    """Sets one as a killed tool leaves it, held by nobody, and a patch behind it. Its place in the file."""
    offset = entry_point("/proc/%d/exe" % pid)
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "r+b", 0) as mem:
        for line in maps:
            fields = line.split()
            start, end = (int(n, 16) for n in fields[0].split("-"))
            place = start + offset - int(fields[2], 16)
            if "x" in fields[1] and start <= place < end:
                mem.seek(place)
                mem.write(b"\xcc")
                mem.seek(place + 16)
                mem.write(patch)
                return offset
    raise AssertionError("no text")


@case()
def leftovers_are_cleared(context):
    """A breakpoint that a killed tool left behind goes with the next trace, or with doctor."""
    if os.uname().machine != "x86_64":
        raise Skip("the breakpoint of another machine")
    target = context.target("spin.py")
    with open("/proc/%d/maps" % target.pid) as maps:
        if "libpython" in maps.read():
            raise Skip("the program is not the interpreter")
    for argv in ("-d", "100ms", "-o", context.path("out.json"), "-p"), ("doctor", "-p"):
        offset = leave_breakpoint(target.pid)
        assert text_differences(target.pid) == [offset]
        tracer = context.command(*argv, target.pid).wait(0)
        assert "1 breakpoint that a tool had left behind cleared" in tracer.text(), tracer.text()
        assert_no_breakpoints(target)
        assert_goes_on(target)
    patched = context.target("spin.py")
    leave_breakpoint(patched.pid, b"\xf4\xf4")  # does an instruction begin at the breakpoint?
    before = text_differences(patched.pid)
    said = context.command("doctor", "-p", patched.pid).wait(0).text()
    assert "cleared" not in said and text_differences(patched.pid) == before, (said, before)
    first = context.attach(target, out="first.json")
    second = context.attach(target, "-d", "100ms", out="second.json").wait(0)
    assert "cleared" not in second.text(), second.text()
    assert text_differences(target.pid), "the other trace's breakpoints are gone"
    first.send(signal.SIGINT)
    first.wait(0)
