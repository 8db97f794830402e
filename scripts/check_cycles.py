#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does it harm or hold up a program when vtbpf attaches to it and detaches again, many times?

    scripts/check_cycles.py [--cycles N] [--program gil|greenlet|fork|signal|all] [--python PYTHON]

The program checks its own results, and notes each gap in its progress. Windows in which vtbpf
comes, traces and goes take turns with idle ones of the same length, and with windows in which it does
all that to another program, which sleeps: on a machine that somebody else shares, a second busy process
is enough for stalls. A stall is a gap of which more than 1 ms is left when the program's waits for a
CPU are taken off, and what a hypervisor took. Exit status 1: the program was harmed, something of
vtbpf stayed behind, or more windows of it have stalls than of the other program by more than chance
explains.
"""

import argparse
import collections
import contextlib
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))
import bpf_objects  # noqa: E402
import harness  # noqa: E402
import interpreters  # noqa: E402
import packages  # noqa: E402

# And the package that each needs.
PROGRAMS = {"gil": None, "greenlet": "greenlet", "fork": None, "signal": None}
STALL = 1000000  # ns
CHANCE = 0.01  # of being called guilty without guilt
REST = 0.02  # s between windows
SETTLED = 5  # cycles after which the program's memory may no longer grow
GROWTH = 16 << 20  # bytes of it that are none; the program keeps a list of its gaps
LOOK = 100  # cycles between two looks at the program's text

ATTACHED, ELSEWHERE, IDLE = KINDS = "attached", "elsewhere", "idle"
OTHER = "import time\ndef f(): pass\nwhile True: f(); time.sleep(0.01)"

Window = collections.namedtuple("Window", "kind start tracing stop end")


class Gap(collections.namedtuple("Gap", "start length waited taken")):
    @property
    def net(self):
        return self.length - self.waited - self.taken


class Harm(Exception):
    pass


class Cycles:
    """One program, and what happens to it."""

    def __init__(self, name, options, directory):
        self.options = options
        self.out = os.path.join(directory, "out.json")
        env = harness.clean_env()
        if PROGRAMS[name]:
            env["PYTHONPATH"] = packages.site(options, PROGRAMS[name])
        self.target = harness.Target([options.python.path, os.path.join(
            harness.TARGETS, "cycle_%s.py" % name)], env=env)
        self.other = subprocess.Popen([options.python.path, "-c", OTHER])
        self.bpf = bpf_objects.BpfObjects()
        self.windows, self.calls, self.lost = [], [], 0
        self.settled, self.grown = 0, 0

    def check_alive(self):
        if not self.target.alive():
            raise Harm("the program is gone, with status %d" % self.target.process.returncode)

    def look(self):
        """Are there breakpoints in the program now that nobody traces it?"""
        self.check_alive()
        left = harness.text_differences(self.target.pid)
        if left:
            raise Harm("%d bytes of the program's text are changed: %s" % (
                len(left), " ".join("%x" % place for place in left[:20])))

    def attach(self, kind):
        """vtbpf traces the program, or the other one."""
        pid = self.target.pid if kind == ATTACHED else self.other.pid
        start = time.monotonic_ns()
        tracer = harness.Tracer([self.options.vtbpf, "-p", pid, "-o", self.out, "-d",
                                 self.options.duration, "--no-progress"])
        try:
            tracer.wait_tracing(pid)
            tracing = time.monotonic_ns()
            with contextlib.suppress(OSError):
                self.bpf.note(tracer.process.pid)
            tracer.wait(0)
            end = time.monotonic_ns()
        except AssertionError as failure:
            self.check_alive()
            raise Harm("vtbpf failed: %s" % failure)
        finally:
            tracer.close()
        self.check_alive()
        if kind == ATTACHED:
            found = re.search(r" (\d+) calls?, .* (\d+) lost", tracer.text())
            self.calls.append(int(found.group(1)))
            self.lost += int(found.group(2))
        stop = tracing + self.options.seconds * 10**9
        self.windows.append(Window(kind, start, tracing, stop, end))

    def idle(self, length):
        start = time.monotonic_ns()
        time.sleep(length / 1e9)
        self.windows.append(Window(IDLE, start, start, start, time.monotonic_ns()))

    def cycle(self, number):
        length = self.windows[-1].end - self.windows[-1].start if self.windows else 3 * 10**8
        for i in range(len(KINDS)):
            kind = KINDS[(number + i) % len(KINDS)]
            time.sleep(REST)
            if kind == IDLE:
                self.idle(length)
            else:
                self.attach(kind)
        if number % LOOK == 0:
            self.look()
            print("%d of %d cycles" % (number, self.options.cycles), file=sys.stderr)

    def run(self):
        """Goes through all cycles and returns the program's own report."""
        time.sleep(0.5)
        before = self.resources()
        for number in range(1, self.options.cycles + 1):
            self.cycle(number)
            if number == SETTLED:
                self.settled = self.memory()
        self.look()
        after = self.resources()
        if after != before:
            raise Harm("threads and open files: %r, not %r as before" % (after, before))
        self.grown = self.memory() - self.settled if self.settled else 0
        if self.grown > GROWTH:
            raise Harm("its memory has grown by %d kB" % (self.grown >> 10))
        self.target.process.terminate()
        report = self.target.hear()
        status = self.target.wait()
        if status or report["errors"]:
            raise Harm("it ended with status %d\n%s" % (status, "\n".join(report["errors"])))
        self.close_other()
        left = self.bpf.left()
        if left:
            raise Harm("%d BPF objects are left" % left)
        return report

    def close_other(self):
        self.other.kill()
        self.other.wait()

    def resources(self):
        return [len(os.listdir("/proc/%d/%s" % (self.target.pid, what))) for what in ("task", "fd")]

    def memory(self):
        """Bytes of its own, pages of text that breakpoints made its own included."""
        with open("/proc/%d/status" % self.target.pid) as f:
            return int(re.search(r"RssAnon:\s+(\d+) kB", f.read()).group(1)) << 10


# --- what the gaps say ---------------------------------------------------------------------------

def merged(gaps):
    """The gaps in order; two threads may have noted one."""
    result = []
    for start, end, waited, taken in sorted(map(tuple, gaps)):
        if result and start < result[-1][1]:
            last = result.pop()
            start, end = last[0], max(end, last[1])
            waited, taken = max(waited, last[2]), max(taken, last[3])
        result.append((start, end, waited, taken))
    return result


def gaps_in(windows, gaps):
    """For each window the gaps that began in it: Gap(start, length, waited, taken)."""
    found, i = [], 0
    for window in windows:
        mine = []
        while i < len(gaps) and gaps[i][0] < window.end:
            start, end, waited, taken = gaps[i]
            if start >= window.start:
                mine.append(Gap(start, end - start, waited, taken))
            i += 1
        found.append(mine)
    return found


def tail(attached, idle, share):
    """The chance that as many or more of the windows with stalls are attached ones, if stalls fall
    alike on all windows' time, of which they have this share."""
    n = attached + idle
    return min(1, sum(math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) +
                               k * math.log(share) + (n - k) * math.log(1 - share))
                      for k in range(attached, n + 1)))


def show(kind, windows, gaps):
    seconds = sum(w.end - w.start for w in windows) / 1e9
    each = [gap for mine in gaps for gap in mine]
    stalled = sum(any(gap.net > STALL for gap in mine) for mine in gaps)
    print("  %-9s %6d %8.1f %8d %7d %5.2f ms | %11d %5.2f ms | %8.1f ms %6.1f ms" % (
        kind, len(windows), seconds, stalled, sum(gap.net > STALL for gap in each),
        max((gap.net for gap in each), default=0) / 1e6, sum(gap.length > STALL for gap in each),
        max((gap.length for gap in each), default=0) / 1e6,
        sum(gap.waited for gap in each) / 1e6 / seconds,
        sum(gap.taken for gap in each) / 1e6 / seconds))
    return stalled, seconds


def show_places(windows, gaps, places=8):
    """Where in their windows the stalls of attached windows began."""
    found = collections.Counter()
    stalls = [(w, gap) for w, mine in zip(windows, gaps) for gap in mine if gap.net > STALL]
    for window, gap in stalls:
        found["before tracing" if gap.start < window.tracing else
              "while tracing" if gap.start < window.stop else "after it"] += 1
    for window, gap in stalls[:places]:
        print("    %.2f ms, at %.1f ms; traced from %.1f to %.1f of %.1f ms" % (
            gap.net / 1e6, *((t - window.start) / 1e6 for t in (
                gap.start, window.tracing, window.stop, window.end))))
    print("  stalls in attached windows: %s" % (", ".join(
        "%d %s" % (n, phase) for phase, n in found.items()) or "none"))


def judge(cycles, report):
    """Prints the figures; True if the attached windows have no more stalls than chance explains."""
    pairs = list(zip(cycles.windows, gaps_in(cycles.windows, merged(report["gaps"]))))
    print("  windows        n  seconds  stalled  stalls  longest | gaps > 1 ms  longest"
          " | a second waited, taken")
    kinds = []
    for kind in KINDS:
        kinds.append(show(kind, *zip(*[pair for pair in pairs if pair[0].kind == kind])))
    show_places(*zip(*[pair for pair in pairs if pair[0].kind == ATTACHED]))
    (attached, seconds), *others = kinds
    chances = [tail(attached, n, seconds / (seconds + of)) for n, of in others]
    print("  chance of so many stalled windows among the attached ones: %.3f beside those elsewhere, "
          "%.3f beside idle ones" % tuple(chances))
    if report["unkept"]:
        print("  and %d gaps that the program did not keep" % report["unkept"])
    return chances[0] >= CHANCE


def check(name, options):
    """True if the program goes unharmed through all cycles and has no stalls by vtbpf."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vtbpf-cycles-") as directory:
        cycles = Cycles(name, options, directory)
        try:
            report = cycles.run()
        except Harm as harm:
            print("%s: HARMED after %d cycles: %s" % (name, len(cycles.calls), harm), flush=True)
            return False
        finally:
            cycles.close_other()
            cycles.target.close()
    print("%s, %s: %d cycles in %d s, %d rounds, load average %s" % (
        name, options.python, len(cycles.calls), time.monotonic() - begin, report["rounds"],
        open("/proc/loadavg").read().rsplit(None, 2)[0]))
    print("  unharmed; no breakpoint, none of %d BPF objects, no thread, no file left; its memory "
          "grew by %d kB" % (len(cycles.bpf.seen), cycles.grown >> 10))
    print("  %d to %d calls traced in a cycle, median %d; %d lost" % (
        min(cycles.calls), max(cycles.calls), statistics.median(cycles.calls), cycles.lost))
    if min(cycles.calls) == 0:
        print("  a cycle without a call shows nothing")
        return False
    fair = judge(cycles, report)
    sys.stdout.flush()
    return fair or options.no_timing


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--program", choices=[*PROGRAMS, "all"], default="all")
    parser.add_argument("--python", help="path, version or 3.N; default: the first that is found")
    parser.add_argument("--duration", default="50ms", help="of each trace, in ms")
    parser.add_argument("--no-timing", action="store_true", help="stalls are shown and not judged")
    parser.add_argument("--vtbpf", default=os.path.join(TOP, "build", "vtbpf"))
    options = parser.parse_args()
    options.seconds = float(options.duration.replace("ms", "")) / 1000
    options.everything = interpreters.find()
    pythons = [p for p in options.everything if p.minor in interpreters.SUPPORTED
               and (not options.python or p.is_called(options.python))]
    if not pythons:
        raise SystemExit("check_cycles: no such interpreter")
    options.python = pythons[0]
    return options


def main():
    options = parse()
    if os.geteuid():
        raise SystemExit("check_cycles: needs root: sudo make check-cycles")
    good = True
    for name in PROGRAMS if options.program == "all" else [options.program]:
        try:
            good &= check(name, options)
        except harness.Skip as reason:
            print("%s: SKIP: %s" % (name, reason))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
