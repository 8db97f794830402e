#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a traced call costs, as ratios measured side by side in one run.

    scripts/bench.py [--rounds N] [--calls N] [PYTHON...]

For each interpreter a call-heavy program runs in turn untraced, with an empty BPF program on vtbpf's
own probe sites (the floor of any uprobe tracer), traced by vtbpf, and with an empty program on the
first bytes of the handlers or functions that begin and end calls (the naive way). Times are CPU
times of the traced thread, so the tracer's own work on another core is not in them. Each figure is a
median over interleaved rounds.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))

VTBPF = os.path.join(TOP, "build", "vtbpf")
ATTACH = os.path.join(TOP, "build", "tests", "bench", "attach_empty")
WORKLOAD = os.path.join(TOP, "tests", "bench", "workload.py")
FIB_N = 19
FIB_CALLS = 13529


# The opcodes whose handlers end calls, from 3.11 on: up to 3.10 it is the function's own end.
RETURNS = """
import opcode, sys
names = ("RETURN_VALUE", "RETURN_CONST") if sys.version_info >= (3, 11) else ()
print(*[opcode.opmap[name] for name in names if name in opcode.opmap])
"""


class Target:
    def __init__(self, python):
        asked = subprocess.run([python, "-c", RETURNS], stdout=subprocess.PIPE, text=True)
        self.returns = asked.stdout.split()
        self.proc = subprocess.Popen([python, WORKLOAD], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        self.proc.stdout.readline()

    def run(self, n):
        self.proc.stdin.write("%d\n" % n)
        self.proc.stdin.flush()
        ns, calls = self.proc.stdout.readline().split()
        return int(ns) / int(calls)

    def close(self):
        self.proc.stdin.close()
        self.proc.wait()


class Nothing:
    def __init__(self, target):
        pass

    def close(self):
        pass


class Empty:
    @staticmethod
    def command(target):
        return [ATTACH, "sites", str(target.proc.pid)]

    def __init__(self, target):
        self.proc = subprocess.Popen(self.command(target), stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        if self.proc.stdout.readline().strip() != "attached":
            raise SystemExit("bench: cannot attach; run it as root (sudo make bench)")

    def close(self):
        self.proc.stdin.close()
        self.proc.wait()


class Naive(Empty):
    @staticmethod
    def command(target):
        return [ATTACH, "entries", str(target.proc.pid)] + target.returns


class Vtbpf:
    def __init__(self, target):
        self.dir = tempfile.TemporaryDirectory(prefix="vtbpf-bench-")
        self.out = os.path.join(self.dir.name, "out.vtb")
        self.proc = subprocess.Popen([VTBPF, "-q", "-p", str(target.proc.pid), "-o", self.out],
                                     stderr=subprocess.PIPE, text=True)
        line = self.proc.stderr.readline()
        if "tracing" not in line:
            raise SystemExit("bench: " + line)

    def close(self):
        self.proc.send_signal(2)
        self.proc.communicate()
        self.dir.cleanup()


def measure(python, rounds, n):
    """Median ns of CPU per call for each way, medians over rounds of one run each."""
    ways = {"untraced": Nothing, "empty": Empty, "vtbpf": Vtbpf, "naive": Naive}
    times = {name: [] for name in ways}
    target = Target(python)
    for _ in range(rounds):
        for name, way in ways.items():
            tracer = way(target)
            small = n - 3 if name == "naive" else n
            times[name].append(statistics.median(target.run(small) for _ in range(3)))
            tracer.close()
    target.close()
    return {name: statistics.median(t) for name, t in times.items()}


def pick_pythons(given):
    if given:
        return given
    import interpreters
    return [i.path for i in interpreters.find()]


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--fib", type=int, default=FIB_N, help="size of the workload")
    ap.add_argument("python", nargs="*")
    args = ap.parse_args()
    print("%-44s %9s %9s %9s %9s | %13s %13s" % (
        "interpreter (ns of CPU a call)", "untraced", "empty", "vtbpf", "naive",
        "vtbpf / empty", "naive / vtbpf"))
    for python in pick_pythons(args.python):
        t = measure(python, args.rounds, args.fib)
        base = t["untraced"]
        cost = {name: t[name] - base for name in t}
        print("%-44s %9.0f %9.0f %9.0f %9.0f | %13.2f %13.1f" % (
            python[-44:], base, t["empty"], t["vtbpf"], t["naive"],
            cost["vtbpf"] / cost["empty"], cost["naive"] / cost["vtbpf"]), flush=True)


if __name__ == "__main__":
    main()
