# SPDX-License-Identifier: GPL-2.0-only
"""What the fault tests share: random moments by a seed, and what must be so after any fault."""

import contextlib
import glob
import os
import random
import signal
import time

import bpf_objects
from harness import text_differences, wait_until


class Settings:
    seed, short, rounds = 1, True, None


SETTINGS = Settings


def configure(seed, short, rounds):
    SETTINGS.seed = random.SystemRandom().randrange(1 << 31) if seed is None else seed
    SETTINGS.short, SETTINGS.rounds = short, rounds


def chance(what):
    """The random numbers of one case."""
    return random.Random("%s %d" % (what, SETTINGS.seed))


def rounds(short, whole):
    return SETTINGS.rounds or (short if SETTINGS.short else whole)


def children(pid):
    """The processes that vtbpf has started; none if it is gone."""
    with contextlib.suppress(OSError):
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [int(child) for child in f.read().split()]
    return []


def running(binary):
    """All processes that run this vtbpf."""
    found, binary = [], os.path.realpath(binary)
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and os.readlink("/proc/%s/exe" % name) == binary:
                found.append(int(name))
    return found


def attach_time(context, target):
    """Seconds from vtbpf's start to its message that it traces; the largest of three."""
    times = []
    for _ in range(3):
        begin = time.monotonic()
        tracer = context.command("-p", target.pid, "-o", context.path("timing.json"), "-d", "1ms")
        tracer.wait_tracing(target.pid)
        times.append(time.monotonic() - begin)
        tracer.wait(0)
        assert_at_work(target)
    return max(times)


def assert_at_work(target):
    assert target.alive(), "the target ended with status %r" % target.process.returncode


def assert_right(target):
    """Ends a target that checks its own results (targets/cycle_*.py): it found no error."""
    assert_at_work(target)
    target.process.send_signal(signal.SIGTERM)
    report = target.hear()
    status = target.wait()
    assert status == 0 and not report["errors"], (status, report["errors"])
    return report["rounds"]


def assert_no_breakpoints(pid):
    wait_until(lambda: not text_differences(pid), "no breakpoints left in %d" % pid, 30)


class Leavings:
    """What a vtbpf may leave behind: BPF objects, processes, its socket."""

    def __init__(self, context, pid):
        self.context, self.pid = context, pid
        self.bpf = bpf_objects.BpfObjects()

    def note(self, tracer):
        """Notes what it holds; it may be gone before it is asked."""
        with contextlib.suppress(OSError):
            self.bpf.note(tracer.process.pid)

    def assert_none(self):
        binary = self.context.vtbpf
        wait_until(lambda: not running(binary), "no process of vtbpf left", 30)
        left = self.bpf.left()
        assert not left, "%d BPF objects are left" % left
        sockets = glob.glob("/run/vtbpf/%d*" % self.pid)
        assert not sockets, "left: %s" % sockets


def converted(context, capture, name="late.json"):
    """A capture that a fault cut short, as a trace whose shape is right."""
    out = context.path(name)
    trace = context.command("convert", capture, "-o", out, out=out).wait(0).trace()
    trace.check_shape()
    return trace
