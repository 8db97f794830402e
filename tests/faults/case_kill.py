# SPDX-License-Identifier: GPL-2.0-only
"""vtbpf is killed at random moments."""

import collections
import contextlib
import glob
import os
import signal
import time

import faults
from harness import case

WINDOWS = ("--sample-rate", "0.5")


class Kills:
    """One target, and vtbpf killed again and again while it comes, traces and goes."""

    def __init__(self, context):
        self.context = context
        self.target = context.target("cycle_gil.py")
        self.chance = faults.chance("kill")
        self.left = faults.Leavings(context, self.target.pid)
        self.attach = faults.attach_time(context, self.target)
        self.captured = collections.Counter()

    def start(self, number, *options):
        out = self.context.path("%d.json" % number)
        return self.context.command("-p", self.target.pid, "-o", out, "--no-progress", *options)

    def traced(self, number, least, most, *options):
        """Traces for a random time."""
        tracer = self.start(number, *options).wait_tracing(self.target.pid)
        time.sleep(self.chance.uniform(least, most))
        self.left.note(tracer)
        return tracer

    def at_start(self, number):
        """Before anything is attached, for the most part."""
        tracer = self.start(number)
        time.sleep(self.chance.uniform(0, self.attach))
        return tracer

    def at_attach(self, number):
        tracer = self.start(number)
        time.sleep(self.chance.uniform(max(0, self.attach - 0.06), self.attach + 0.01))
        return tracer

    def at_trace(self, number):
        return self.traced(number, 0, 0.3)

    def at_detach(self, number):
        """At the end of a trace, or in its conversion."""
        tracer = self.traced(number, 0.02, 0.1)
        tracer.send(signal.SIGINT)
        time.sleep(self.chance.uniform(0, 0.1))
        return tracer

    def at_window(self, number):
        """At the begin or the end of a window, for the most part."""
        return self.traced(number, 0, 0.5, *WINDOWS)

    def kill(self, tracer):
        """The process alone, or its children with it, they first or last."""
        whole = [tracer.process.pid, *faults.children(tracer.process.pid)]
        whom = self.chance.choice((whole[:1], whole[:1], whole, whole[::-1]))
        for pid in whom:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        tracer.process.wait()

    def check(self, number, phase):
        faults.assert_at_work(self.target)
        faults.assert_no_breakpoints(self.target.pid)
        captures = glob.glob(self.context.path("%d.json.vtb.*" % number))
        for capture in captures:
            trace = faults.converted(self.context, capture)
            self.captured[phase] += bool(trace.slices)
        for path in glob.glob(self.context.path("*.json*")):
            os.unlink(path)

    def finish(self):
        """The next trace is a good one, and after it all is as it was."""
        trace = self.context.attach(self.target, out="last.json")
        self.left.note(trace)
        time.sleep(0.1)
        assert trace.stop().slices
        faults.assert_no_breakpoints(self.target.pid)
        self.left.assert_none()
        return faults.assert_right(self.target)


PHASES = collections.OrderedDict(
    start=Kills.at_start, attach=Kills.at_attach, trace=Kills.at_trace,
    detach=Kills.at_detach, window=Kills.at_window)


@case()
def killed_at_random(context):
    """kill -9 of vtbpf as it starts, attaches, traces, detaches, ends a window: harmless."""
    kills = Kills(context)
    total = faults.rounds(5, 100)
    for number in range(total):
        phase = list(PHASES)[number % len(PHASES)]
        kills.kill(PHASES[phase](kills, number))
        kills.check(number, phase)
    rounds = kills.finish()
    print("%d kills, captures with calls: %s; %d rounds of the target right; none of %d BPF objects "
          "left" % (total, dict(kills.captured), rounds, len(kills.left.bpf.seen)))
