#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What watching a busy service costs it: vtbpf's budgets and samples beside other samplers.

    scripts/bench_production.py [--seconds S] [--rounds N] [--only KIND] [--peers DIR] [PYTHON]

A program of tests/bench/service.py (or gunicorn with tests/bench/web_app.py under wrk) runs all the
time; tracers come and go, each for S seconds, start and end included, and before each of them the
program runs S seconds alone. Said is how much less it did (for the web server also how much longer
its slowest requests took), the median over the rounds. Then what samples are worth: how many of those
asked for were taken, and how far the shares they give to functions are from the exact trace's. The
defaults give a first look in ten minutes; a figure to be quoted wants --rounds 5 --seconds 20.

py-spy, austin and gunicorn come from PyPI, into a virtual environment under build/; wrk is Debian's.
CPython's own sampler is used where PYTHON has it. What is not to be had is said and left out.
"""
import argparse
import glob
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import bench_venv

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BENCH = os.path.join(TOP, "tests", "bench")
VTBPF = os.path.join(TOP, "build", "vtbpf")
ATTACH = os.path.join(TOP, "build", "tests", "bench", "attach_empty")
RATES = (100, 1000, 10000)
BUDGETS = ("1%", "2%", "5%")
PORT = 18080
PACKAGES = ("py-spy", "austin-dist<4", "gunicorn")  # austin 4 writes no text
NULL = subprocess.DEVNULL


# ---- programs -------------------------------------------------------------------------------------


class Service:
    """A program that counts what it has done."""

    def __init__(self, python, kind):
        self.process = subprocess.Popen([python, os.path.join(BENCH, "service.py"), kind],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.pid = self.process.pid
        time.sleep(1)  # specialised, and all threads there

    def count(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [int(n) for n in self.process.stdout.readline().split()]

    def measure(self, way, seconds):
        """Loops a second while `way` comes and goes."""
        loops, start = self.count()
        way(self.pid, seconds)
        more, end = self.count()
        return {"rate": (more - loops) / (end - start) * 1e9}

    def close(self):
        self.process.kill()
        self.process.communicate()


class Web:
    """A web server under load; what is watched is its one worker."""

    def __init__(self, python):
        self.process = subprocess.Popen(
            [python, "-m", "gunicorn", "-w", "1", "-b", "127.0.0.1:%d" % PORT, "--chdir", BENCH,
             "--log-level", "error", "web_app:application"], stdin=NULL)
        time.sleep(2)
        children = "/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)
        with open(children, encoding="ascii") as f:
            self.pid = int(f.read().split()[0])

    def measure(self, way, seconds):
        load = subprocess.Popen(["wrk", "-t1", "-c4", "-d%ds" % seconds, "--latency",
                                 "http://127.0.0.1:%d/?limit=40" % PORT], stdout=subprocess.PIPE, text=True)
        way(self.pid, seconds - 0.2)
        said = load.communicate()[0]
        p99, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
        return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)),
                "p99": float(p99) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]}

    def close(self):
        self.process.terminate()
        self.process.wait()


# ---- who watches ----------------------------------------------------------------------------------


def alone(pid, seconds):
    time.sleep(seconds)


class Watcher:
    """A command that watches PID until it is told to end, or for its own time."""

    def __init__(self, command, ends_itself=False):
        self.command = command
        self.ends_itself = ends_itself
        self.said = ""

    def __call__(self, pid, seconds):
        end = time.monotonic() + seconds
        with tempfile.TemporaryDirectory(prefix="vtbpf-bench-") as tmp:
            words = [str(word).replace("{pid}", str(pid)).replace("{seconds}", "%d" % max(1, seconds - 1))
                     .replace("{dir}", tmp) for word in self.command]
            process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=NULL, stderr=subprocess.PIPE,
                                       text=True, env={**os.environ, "LC_ALL": "C"})
            if not self.ends_itself:
                time.sleep(max(0, end - time.monotonic()))
                process.stdin.close() if words[0] == ATTACH else process.send_signal(signal.SIGINT)
            self.said = process.stderr.read()
            process.wait()
            time.sleep(max(0, end - time.monotonic()))
            self.kept(tmp)

    def kept(self, tmp):
        """Looks at the files before they go."""


class Samples(Watcher):
    """Also reads the collapsed stacks that it wrote to {dir}/out.folded."""

    counted = True  # the numbers in it count samples, else each line is one

    def kept(self, tmp):
        self.stacks = {}
        path = os.path.join(tmp, "out.folded")
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                stack, _, n = line.rstrip("\n").rpartition(" ")
                if n.isdigit() and not stack.startswith("#"):
                    self.stacks[stack] = self.stacks.get(stack, 0) + (int(n) if self.counted else 1)


def vtbpf(*options):
    return Samples([VTBPF, "-p", "{pid}", "--no-progress", "-o", "{dir}/out.folded", *options])


def empty(rate):
    return Watcher([ATTACH, "clock", "{pid}", rate])


def pyspy(bin_dir, rate, *options):
    return Samples([os.path.join(bin_dir, "py-spy"), "record", "-p", "{pid}", "-r", rate, "-d",
                    "{seconds}", "-f", "raw", "-o", "{dir}/out.folded", *options], ends_itself=True)


class Austin(Samples):
    counted = False


def austin(bin_dir, rate):
    return Austin([os.path.join(bin_dir, "austin"), "-s", "-i", "%dus" % (1000000 // rate), "-x",
                   "{seconds}", "-o", "{dir}/out.folded", "-p", "{pid}"], ends_itself=True)


class InTarget(Samples):
    """A module of the target's own interpreter, run in the target's root."""

    def __call__(self, pid, seconds):
        root, exe = os.readlink("/proc/%d/root" % pid), os.readlink("/proc/%d/exe" % pid)
        inside = exe[len(root):] if root != "/" else exe
        self.command = ["nsenter", "-t", "{pid}", "-m", "-r", "-w", inside] + self.words
        super().__call__(pid, seconds)


def cpython(rate):
    way = InTarget([], ends_itself=True)
    way.words = ["-m", "profiling.sampling", "attach", "-a", "-r", rate, "-d", "{seconds}", "--mode", "cpu",
                 "--collapsed", "-o", "{dir}/out.folded", "{pid}"]
    return way


def has_sampler(python):
    return not subprocess.run([python, "-c", "import profiling.sampling"], stderr=NULL).returncode


def peers(python, bin_dir, rate):
    """The other samplers that are here, by name."""
    found = {}
    if os.path.exists(os.path.join(bin_dir, "py-spy")):
        found["py-spy"] = pyspy(bin_dir, rate)
        found["py-spy --nonblocking"] = pyspy(bin_dir, rate, "--nonblocking")
    if os.path.exists(os.path.join(bin_dir, "austin")):
        found["austin"] = austin(bin_dir, rate)
    if has_sampler(python):
        found["profiling.sampling"] = cpython(rate)
    return found


def samplers(python, bin_dir, rate):
    return {"vtbpf": vtbpf("--hz", str(rate)), **peers(python, bin_dir, rate)}


def ways(python, bin_dir):
    found = {"--max-overhead %s" % budget: vtbpf("--max-overhead", budget) for budget in BUDGETS}
    for rate in RATES:
        found["--hz %d" % rate] = vtbpf("--hz", str(rate))
        found["empty program, %d Hz" % rate] = empty(rate)
        for name, way in peers(python, bin_dir, rate).items():
            found["%s, %d Hz" % (name, rate)] = way
    return found


# ---- what it costs --------------------------------------------------------------------------------


def slowdowns(program, args, bin_dir):
    """By way: what it took from the program, in percent, and what it put on its slowest requests."""
    lost, late = {}, {}
    for _ in range(args.rounds):
        for name, way in ways(args.python, bin_dir).items():
            without = program.measure(alone, args.seconds)
            with_it = program.measure(way, args.seconds)
            lost.setdefault(name, []).append(100 * (1 - with_it["rate"] / without["rate"]))
            if "p99" in without:
                late.setdefault(name, []).append((without["p99"], with_it["p99"]))
    return lost, late


def print_slowdowns(kind, lost, late):
    print("\n%s: slower by, median [least, most]%s" % (kind, ", p99 without and with, ms" if late else ""))
    for name, values in lost.items():
        line = "  %-32s %6.2f %% [%.2f, %.2f]" % (name, statistics.median(values), min(values), max(values))
        if name in late:
            line += "  p99 %.1f -> %.1f" % tuple(statistics.median(v) for v in zip(*late[name]))
        empty_name = re.sub(r"^--hz (\d+)$", r"empty program, \1 Hz", name)
        if empty_name != name and statistics.median(lost[empty_name]) > 0:
            line += "  = %.2f x the empty program" % (
                statistics.median(values) / statistics.median(lost[empty_name]))
        print(line, flush=True)


# ---- what samples are worth -----------------------------------------------------------------------


def cpu_seconds(pid):
    total = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        with open(path, encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def print_counts(args, bin_dir):
    print("\nsamples taken / (CPU seconds x rate)")
    for kind in ("idle", "deep"):
        program = Service(args.python, kind)
        for rate in RATES[1:]:
            for name, way in samplers(args.python, bin_dir, rate).items():
                before, start = cpu_seconds(program.pid), time.monotonic()
                way(program.pid, args.seconds)
                busy = (cpu_seconds(program.pid) - before) / (time.monotonic() - start)
                print("  %-8s %-22s %6d Hz  %.3f" % (
                    kind, name, rate, sum(way.stacks.values()) / (busy * args.seconds * rate)), flush=True)
        program.close()


def shares(stacks):
    """What part of the weights each of the program's functions has, with all it calls."""
    parts = {"eighth": 0, "quarter": 0, "half": 0, "rest": 0}
    for stack, n in stacks.items():
        for name in parts:
            if re.search(r";(?:[\w.]+:)?%s\b" % name, stack):
                parts[name] += n
    total = sum(parts.values()) or 1
    return {name: n / total for name, n in parts.items()}


def print_accuracy(args, bin_dir):
    program = Service(args.python, "shares")
    exact = vtbpf()
    exact(program.pid, args.seconds)
    truth = shares(exact.stacks)
    print("\nshares of functions: largest difference from the exact trace, in percent points")
    for rate in RATES:
        for name, way in samplers(args.python, bin_dir, rate).items():
            way(program.pid, args.seconds)
            seen = shares(way.stacks)
            print("  %-22s %6d Hz  %.2f" % (
                name, rate, 100 * max(abs(seen[f] - truth[f]) for f in truth)), flush=True)
    program.close()


# ---- the whole ------------------------------------------------------------------------------------


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--rounds", type=int, default=1)
    ap.add_argument("--seconds", type=int, default=5)
    ap.add_argument("--only", help="one of: fib threads web counts accuracy")
    ap.add_argument("--peers", default=os.path.join(TOP, "build", "bench-peers"))
    ap.add_argument("python", nargs="?")
    args = ap.parse_args()
    inside = bench_venv.pick(args.peers, packages=PACKAGES)
    if not inside:
        raise SystemExit("bench: no interpreter here can have %s from PyPI" % ", ".join(PACKAGES))
    args.python = args.python or inside
    for kind in ("fib", "threads", "web", "counts", "accuracy"):
        if args.only not in (None, kind):
            continue
        if kind == "web" and not shutil.which("wrk"):
            print("\nweb: left out, wrk is not installed")
        elif kind == "counts":
            print_counts(args, os.path.dirname(inside))
        elif kind == "accuracy":
            print_accuracy(args, os.path.dirname(inside))
        else:
            program = Web(inside) if kind == "web" else Service(args.python, kind)
            print_slowdowns(kind, *slowdowns(program, args, os.path.dirname(inside)))
            program.close()


if __name__ == "__main__":
    main()
