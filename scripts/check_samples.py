#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Is every sampled stack a real one, and are there as many samples as CPU time makes?

    scripts/check_samples.py [--python PYTHON]... [--seconds N] [--rates 1000,10000]

Three programs are sampled at each rate: one of many kinds of calls whose callers and callees a
profiler has told before, one that works beneath 500 frames, and one of 100 threads that mostly
sleep. Exit status 1: a pair of caller and callee that does not exist, a thread counted that only
slept, or samples / (CPU seconds * rate) outside 0.98 to 1.02.
"""

import argparse
import os
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))
import case_sampling  # noqa: E402
import harness  # noqa: E402
import interpreters  # noqa: E402

PROGRAMS = {"graph": 0, "deep": 500, "idle": 100}
TOLERANCE = 0.02
DEFAULT = ("3.8", "3.11", "3.12", "3.13")


def asleep(samples):
    """Samples of the thread that does nothing but wait."""
    return sum(n for (_, frames), n in samples.stacks.items()
               if frames and frames[-1].endswith("wait") and "sleeper" not in frames
               and "burn" not in frames)


def check(python, program, rate, options):
    """One row of the table; returns how many samples there were and whether all was right."""
    with tempfile.TemporaryDirectory(prefix="vtbpf-samples-") as directory:
        context = harness.Context(options.vtbpf, python, directory, options.everything)
        try:
            target = context.target("sampled.py", program, PROGRAMS[program])
            samples, cpu, _ = case_sampling.sample(context, target, rate, options.seconds)
            wrong = sum(case_sampling.impossible_pairs(target, samples).values())
            changed = len(harness.text_differences(target.pid))
        finally:
            context.close()
    ratio = (samples.total() + samples.unreadable) / (cpu * rate)
    still = asleep(samples)
    good = not wrong and not changed and abs(ratio - 1) <= TOLERANCE and still <= 2
    print("%-28s %-6s %6d %9d %8.2f %7.4f %6d %6d %10d %6d%s" % (
        str(python)[:28], program, rate, samples.total(), cpu, ratio, wrong, samples.lost,
        samples.unreadable, still, "" if good else "   WRONG"), flush=True)
    return samples.total(), good


def chosen(names, everything):
    found = []
    for name in names:
        mine = [p for p in everything if p.is_called(name)]
        if not mine:
            print("SKIP: no Python %s" % name)
        found += mine[:1]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", action="append", help="path, version or 3.N; repeatable")
    parser.add_argument("--seconds", default="20", help="CPU time of each run")
    parser.add_argument("--rates", default="1000,10000", help="in Hz")
    parser.add_argument("--vtbpf", default=os.path.join(TOP, "build", "vtbpf"))
    options = parser.parse_args()
    if os.geteuid():
        raise SystemExit("check_samples: needs root: sudo make check-samples")
    options.everything = interpreters.find()
    print("%-28s %-6s %6s %9s %8s %7s %6s %6s %10s %6s" % (
        "interpreter", "kind", "Hz", "samples", "CPU s", "ratio", "wrong", "lost", "unreadable",
        "asleep"))
    total, good = 0, True
    for python in chosen(options.python or DEFAULT, options.everything):
        for program in PROGRAMS:
            for rate in map(int, options.rates.split(",")):
                n, right = check(python, program, rate, options)
                total, good = total + n, good and right
    print("%d samples, %s" % (total, "all right" if good else "NOT all right"))
    return 0 if good and total else 1


if __name__ == "__main__":
    sys.exit(main())
