#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What vtbpf costs a program, told apart from how fast the machine happens to be.

    scripts/bench_overhead.py [--program KIND]... [--way WAY]... [--seconds S] [--before S] [PYTHON]

A virtual machine may run a fifth slower from one second to the next, so "before" and "after" tell
nothing of one percent. Here a twin of the program, which nobody traces, shares its CPU: the scheduler
changes from one to the other every few ms. Both meet the same machine, so the ratio of their speeds holds
still where the speeds do not. The tracer comes for S seconds, its start and its end included; before and
after it nobody traces for some seconds, which gives the ratio that twins have by themselves.

Said is, with the interval of 95 % (what the blocks of a second without a tracer differ by):
  loss         of the program's speed by its own CPU clock: what traps, samples and cold caches take
  of all time  the same as a part of the time that passed, of which the twin has some: what a budget is of
  own          CPU time of the tracer, of one CPU; the program loses by it only where no CPU is idle
  p99          of the web server's requests, and of its twin's
and what vtbpf says itself.

Ways: 1% 2% 5% (--max-overhead), 100 1000 10000 (--hz), empty-N (an empty program on the same timer),
nothing and waste-P (the program wastes P percent by itself): these two show what the method is worth.
"""
import argparse
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import bench_venv

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BENCH = os.path.join(TOP, "tests", "bench")
VTBPF = os.path.join(TOP, "build", "vtbpf")
ATTACH = os.path.join(TOP, "build", "tests", "bench", "attach_empty")
WAYS = ("nothing", "waste-2", "1%", "2%", "5%", "100", "1000", "empty-1000", "10000", "empty-10000")
CPU = "0"
BLOCK = 1  # seconds
DRAWS = 1000
PORTS = (18090, 18091)


# ---- pairs of programs ----------------------------------------------------------------------------


class Pair:
    """Two programs that do the same on one CPU, each counting in a file what it has done."""

    def __init__(self, size):
        self.tmp = tempfile.TemporaryDirectory(prefix="vtbpf-bench-")
        self.counts = [os.path.join(self.tmp.name, "count%d" % i) for i in (0, 1)]
        for path in self.counts:
            with open(path, "wb") as f:
                f.write(bytes(size))
        self.looks = []

    @staticmethod
    def start(words, **more):
        return subprocess.Popen(["taskset", "-c", CPU, *words], text=True, **more)

    def look(self):
        """[done, CPU time, time] of both by now."""
        found = []
        for path, pid in zip(self.counts, self.pids):
            clock = ~pid << 3 | 2  # as clock_getcpuclockid() makes it
            with open(path, "rb") as f:
                done = sum(memoryview(f.read()).cast("Q"))
            found.append([done, time.clock_gettime_ns(clock), time.monotonic_ns()])
        return found

    def begin(self):
        self.looks = [self.look()]

    def watch(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(min(BLOCK, max(0, end - time.monotonic())))
            self.looks.append(self.look())

    def end(self):
        """Blocks of what both did since begin(), and what else is to be said."""
        blocks = [[[b[who][i] - a[who][i] for i in range(3)] for who in (0, 1)]
                  for a, b in zip(self.looks, self.looks[1:])]
        return [b for b in blocks if b[0][0] and b[1][0]], ""

    def waste(self, _):
        """Lets the first one waste that part of its time."""
        raise SystemExit("bench: this program wastes nothing")


class Services(Pair):
    """Two of tests/bench/service.py."""

    def __init__(self, python, kind):
        super().__init__(8 * 100)
        self.pair = [self.start([python, os.path.join(BENCH, "service.py"), kind, self.counts[i]],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE) for i in (0, 1)]
        self.pids = [process.pid for process in self.pair]
        self.pid = self.pids[0]
        for process in self.pair:
            process.stdout.readline()
        time.sleep(2)  # specialised, and all threads there

    def waste(self, part):
        self.pair[0].stdin.write("waste %d\n" % (1 / part if part else 0))
        self.pair[0].stdin.flush()
        self.pair[0].stdout.readline()

    def close(self):
        for process in self.pair:
            process.kill()
            process.communicate()
        self.tmp.cleanup()


class Web(Pair):
    """Two web servers of one worker each, each under its own load from other CPUs."""

    def __init__(self, python, _):
        super().__init__(8)
        self.servers = [self.start(
            [python, "-m", "gunicorn", "-w", "1", "-b", "127.0.0.1:%d" % PORTS[i], "--chdir", BENCH,
             "--log-level", "error", "web_counted:application"],
            stdin=subprocess.DEVNULL, env={**os.environ, "WEB_COUNT": self.counts[i],
                                           "HOME": tempfile.mkdtemp(dir=self.tmp.name)}) for i in (0, 1)]
        time.sleep(3)
        self.pids = [self.worker(server.pid) for server in self.servers]
        self.pid = self.pids[0]
        self.loads = []

    @staticmethod
    def worker(pid):
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            return int(f.read().split()[0])

    def begin(self):
        self.loads = [subprocess.Popen(
            ["wrk", "-t1", "-c2", "-d600s", "--latency", "http://127.0.0.1:%d/?limit=40" % port],
            stdout=subprocess.PIPE, text=True) for port in PORTS]
        time.sleep(0.5)
        super().begin()

    def end(self):
        p99 = []
        for load in self.loads:
            load.send_signal(signal.SIGINT)
            p99.append("".join(re.search(r"99%\s+([\d.]+)(us|ms|s)", load.communicate()[0]).groups()))
        return super().end()[0], "p99 %s, its twin's %s" % tuple(p99)

    def close(self):
        for server in self.servers:
            server.terminate()
            server.wait()
        self.tmp.cleanup()


# ---- who traces -----------------------------------------------------------------------------------


def command(way, pid, out):
    if way.startswith("empty-"):
        return [ATTACH, "clock", str(pid), way[6:]]
    if way == "nothing" or way.startswith("waste-"):
        return ["sleep", "1000"]
    option = ["--max-overhead", way] if way.endswith("%") else ["--hz", way]
    return [VTBPF, "-p", str(pid), "--no-progress", "-o", out, *option]


def idle():
    """CPU time that nobody took of all CPUs, in seconds."""
    with open("/proc/stat", encoding="ascii") as f:
        return sum(map(int, f.readline().split()[4:6])) / os.sysconf("SC_CLK_TCK")


def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(pair, way, seconds):
    """One phase: its blocks, and what else is to be said of it."""
    with tempfile.TemporaryDirectory(prefix="vtbpf-bench-") as tmp:
        before, unused, began = used(), idle(), time.monotonic()
        pair.begin()
        tracer = subprocess.Popen(command(way, pair.pid, os.path.join(tmp, "out.vtb")),
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  text=True)
        pair.watch(seconds)
        tracer.stdin.close()
        tracer.send_signal(signal.SIGINT)
        said = tracer.stderr.read()
        tracer.wait()
        took = time.monotonic() - began
        own = "own %.2f %% (a CPU was idle %.0f %%)" % (100 * (used() - before) / took,
                                                        100 * min(1, (idle() - unused) / took))
        blocks, more = pair.end()
    stated = re.search(r"overhead: (.*)", said)
    return blocks, "  ".join(filter(None, (own, more, stated and stated.group(1))))


# ---- what it cost ---------------------------------------------------------------------------------


def speeds(blocks):
    """How fast the program was for each time its twin was, by the CPU time of each; and that CPU time."""
    return [((a[0] / a[1]) / (b[0] / b[1]), a[1]) for a, b in blocks]


def mean(values):
    return sum(value * weight for value, weight in values) / sum(weight for _, weight in values)


def difference(without, with_it):
    """Of means, in percent: (value, low, high). How far blocks without a tracer lie from their mean says
    how far any do for no reason: those with one differ for the tracer's sake, too."""
    before, after = mean(without), mean(with_it)
    noise = [(value - before, weight) for value, weight in without]
    draws = sorted(after - before + mean(random.choices(noise, k=len(with_it))) -
                   mean(random.choices(noise, k=len(without))) for _ in range(DRAWS))
    return [100 * value for value in (after - before, draws[DRAWS // 40], draws[-DRAWS // 40])]


def loss(without, with_it):
    """Of the program's speed: (value, low, high)."""
    before = mean(speeds(without))
    value, low, high = difference(speeds(without), speeds(with_it))
    return [-value / before, -high / before, -low / before]


def lost_time(without, with_it):
    """The same as a part of all time: the program has the CPU for some of it."""
    share = sum(a[1] for a, _ in with_it) / sum(a[2] for a, _ in with_it)
    return [share * value for value in loss(without, with_it)]


def measure(pair, ways, args):
    """Goes through the ways, each between two times without."""
    pauses, found = [run(pair, "nothing", args.before)[0]], []
    for way in ways:
        if way.startswith("waste-"):
            pair.waste(float(way[6:]) / 100)
        found.append((way, run(pair, way, args.seconds)))
        if way.startswith("waste-"):
            pair.waste(0)
        pauses.append(run(pair, "nothing", args.before)[0])
    for i, (way, (blocks, notes)) in enumerate(found):
        without = pauses[i] + pauses[i + 1]
        text = "  %-12s" % way
        for name, judge in (("loss", loss), ("of all time", lost_time)):
            text += "  %s %.2f %% [%.2f, %.2f]" % (name, *judge(without, blocks))
        print(text + "  " + notes, flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--program", action="append", choices=("fib", "threads", "web"))
    ap.add_argument("--way", action="append", help="repeatable: %s" % " ".join(WAYS).replace("%", "%%"))
    ap.add_argument("--seconds", type=float, default=60, help="for which each way traces")
    ap.add_argument("--before", type=float, default=15, help="without a tracer, before and after each")
    ap.add_argument("--venv", default=os.path.join(TOP, "build", "bench-overhead"))
    ap.add_argument("python", nargs="?")
    args = ap.parse_args()
    ways = args.way or list(WAYS)
    for kind in args.program or ("fib", "threads", "web"):
        if kind == "web" and not shutil.which("wrk"):
            print("web: left out, wrk is not installed")
            continue
        python = args.python
        if kind == "web" or not python:
            python = bench_venv.pick(args.venv, packages=("gunicorn",))
        if not python:
            raise SystemExit("bench: no interpreter here can have gunicorn from PyPI")
        pair = (Web if kind == "web" else Services)(python, kind)
        print("%s, %g s each, CPU %s shared with a twin:" % (kind, args.seconds, CPU), flush=True)
        try:
            measure(pair, [w for w in ways if kind != "web" or not w.startswith("waste-")], args)
        finally:
            pair.close()


if __name__ == "__main__":
    main()
