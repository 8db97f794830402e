#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""vtbpf beside VizTracer, from the start of a program to its finished trace file.

    scripts/bench_viztracer.py [--rounds N] [--venv DIR] PYTHON

VizTracer is installed with pip into a virtual environment of PYTHON under build/. Each program runs
in turn plain, under `vtbpf --`, under VizTracer's command line as it comes, and under its fastest way
(the API with dump_raw, Python functions only, as vtbpf's). Wall times and the target's peak memory;
medians over interleaved rounds.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import bench_venv

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VTBPF = os.path.join(TOP, "build", "vtbpf")
PROGRAMS = os.path.join(TOP, "tests", "bench", "programs")

# Runs PROGRAM as __main__ under VizTracer's API; argv: program, output.
RAW = """
import runpy, sys
from viztracer import VizTracer
tracer = VizTracer(tracer_entries=8000000, dump_raw=True, ignore_c_function=True, file_info=False,
                   output_file=sys.argv[2], verbose=0)
tracer.start()
runpy.run_path(sys.argv[1], run_name="__main__")
tracer.stop()
tracer.save()
"""

# Runs PROGRAM as __main__ and prints what it used at its peak.
SELF = """
import runpy, sys
runpy.run_path(sys.argv[1], run_name="__main__")
with open("/proc/self/status") as f:
    print("peak_kb", [line.split()[1] for line in f if line.startswith("VmHWM")][0], file=sys.stderr)
"""

# Prints what its child used at its peak: the tracer's own memory must not count.
PEAK = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print("peak_kb", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def commands(python, program, out):
    peak = [sys.executable, "-c", PEAK]
    return {
        "plain": [python, "-c", SELF, program],
        "vtbpf": [VTBPF, "-q", "--no-progress", "-o", out, "--", python, "-c", SELF, program],
        "raw": peak + [python, "-c", RAW, program, out],
        "cli": peak + [python, "-m", "viztracer", "--quiet", "--tracer_entries", "8000000",
                       "-o", out, program],
    }


def run(command):
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.monotonic() - start
    if done.returncode:
        raise SystemExit("bench: %s: %s" % (command, done.stderr))
    peak = [line for line in done.stderr.splitlines() if line.startswith("peak_kb")]
    return seconds, int(peak[-1].split()[1]) / 1024 if peak else 0


def count_calls(path):
    with open(path, encoding="utf-8") as f:
        return sum(e["ph"] == "X" for e in json.load(f)["traceEvents"])


def measure(python, program, rounds):
    times, peaks, events = {}, {}, {}
    with tempfile.TemporaryDirectory(prefix="vtbpf-bench-") as tmp:
        for _ in range(rounds):
            for name in ("plain", "vtbpf", "raw", "cli"):
                out = os.path.join(tmp, name + ".json")
                seconds, peak = run(commands(python, program, out)[name])
                times.setdefault(name, []).append(seconds)
                peaks.setdefault(name, []).append(peak)
                if name != "plain" and name not in events:
                    events[name] = count_calls(out)
    return ({k: statistics.median(v) for k, v in times.items()},
            {k: statistics.median(v) for k, v in peaks.items()}, events)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--venv", default=os.path.join(TOP, "build", "bench-venv"))
    ap.add_argument("python", nargs="?")
    args = ap.parse_args()
    python = bench_venv.make(args.python, args.venv) if args.python else bench_venv.pick(args.venv)
    if not python:
        raise SystemExit("bench: VizTracer cannot be installed for any interpreter here; "
                         "nothing to compare with")
    version = subprocess.run([python, "--version"], stdout=subprocess.PIPE, text=True).stdout
    print("vtbpf and VizTracer on %s: start of the program to finished trace" % version.strip())
    print("%-10s %8s | %7s %7s %7s %7s | %9s %9s | %s" % (
        "program", "calls", "plain s", "vtbpf s", "raw s", "CLI s", "vtbpf/CLI", "vtbpf/raw",
        "MB added to the target: vtbpf, raw, CLI"))
    for name in ("fib", "methods", "purejson", "diffs"):
        t, mb, events = measure(python, os.path.join(PROGRAMS, name + ".py"), args.rounds)
        print("%-10s %8d | %7.2f %7.2f %7.2f %7.2f | %9.2f %9.2f | %.0f %.0f %.0f" % (
            name, events["vtbpf"], t["plain"], t["vtbpf"], t["raw"], t["cli"],
            t["vtbpf"] / t["cli"], t["vtbpf"] / t["raw"], mb["vtbpf"] - mb["plain"],
            mb["raw"] - mb["plain"], mb["cli"] - mb["plain"]), flush=True)


if __name__ == "__main__":
    main()
