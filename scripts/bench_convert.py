#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""How fast a capture becomes a file of each format, and how large that is, beside VizTracer's saver.

    scripts/bench_convert.py [--calls N] [--rounds N] [--venv DIR]

A program (tests/bench/programs/service.py) is traced into a capture of about N calls, which is
converted to each format; memory is shown for a fifth of it, too. VizTracer traces the same program
for a fifth of the calls (it holds all in the target's memory), Python functions only, and saves them:
as it does by default, and the fast way (dump_raw). Its --combine and ours then make one of two such
files. Rates are in calls; medians.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile

import bench_venv

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VTBPF = os.path.join(TOP, "build", "vtbpf")
PROGRAM = os.path.join(TOP, "tests", "bench", "programs", "service.py")
EXTENSIONS = (".json", ".json.gz", ".pftrace", ".folded", ".speedscope.json", ".pb.gz", ".html")

# Runs PROGRAM's main under VizTracer; argv: program's directory, calls, output, dump_raw. Prints what
# saving took.
SAVE = """
import sys, time
sys.path.insert(0, sys.argv[1])
import service
from viztracer import VizTracer
calls, raw = int(sys.argv[2]), sys.argv[4] == "raw"
tracer = VizTracer(tracer_entries=2 * calls, dump_raw=raw, ignore_c_function=True, file_info=False,
                   output_file=sys.argv[3], verbose=0)
tracer.start()
service.main(calls)
tracer.stop()
wall, cpu = time.perf_counter(), time.process_time()
tracer.save()
print(time.perf_counter() - wall, time.process_time() - cpu)
"""

ROW = "%-36s %9.2f %9.2f %9.1f %9s"


# Prints what a command used: wall and CPU time, peak memory. A process begins with the memory of the one
# that started it, so that must be a small one.
USED = """
import os, subprocess, sys, time
start = time.monotonic()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
sys.exit(status != 0)
"""


def run(command):
    """(wall, CPU, peak MB) of a command; None where it fails."""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", USED, *command],
                          stdout=subprocess.PIPE, text=True)
    return None if done.returncode else tuple(map(float, done.stdout.split()))


def medians(command, rounds):
    done = [run(command) for _ in range(rounds)]
    if None in done:
        raise SystemExit("bench: failed: %s" % " ".join(command))
    return [statistics.median(values) for values in zip(*done)]


def show(what, calls, figures, size=None):
    wall, cpu, peak = figures
    print(ROW % (what, calls / wall / 1e6, calls / cpu / 1e6, size / calls if size else 0,
                 "%.0f" % peak if peak else "-"), flush=True)


def count_calls(path):
    """The calls in a JSON trace, each an event of that phase."""
    n, rest = 0, b""
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            block = rest + block.replace(b" ", b"")
            n += block.count(b'"ph":"X"')
            rest = block[-7:]
    return n


def capture(python, calls, path):
    subprocess.run([VTBPF, "-q", "--no-progress", "--buffer-size", "256M", "-o", path, "--",
                    python, PROGRAM, str(calls)], check=True, stderr=subprocess.DEVNULL)


def convert(source, out):
    return [VTBPF, "-q", "--no-progress", "convert", source, "-o", out]


def ours(python, args, tmp):
    """Each format."""
    whole, fifth = os.path.join(tmp, "whole.vtb"), os.path.join(tmp, "fifth.vtb")
    capture(python, args.calls, whole)
    capture(python, args.calls // 5, fifth)
    out = os.path.join(tmp, "out.json")
    run(convert(whole, out))
    calls = count_calls(out)
    print("vtbpf, %d calls, a capture of %.0f bytes each" % (calls, os.path.getsize(whole) / calls))
    for extension in EXTENSIONS:
        out = os.path.join(tmp, "out" + extension)
        small = run(convert(fifth, out))[2]
        figures = medians(convert(whole, out), args.rounds)
        show("convert to %s (%.0f MB)" % (extension, small), calls, figures, os.path.getsize(out))
        os.unlink(out)
    figures = medians([VTBPF, "report", whole], args.rounds)
    show("report", calls, figures)
    report, out = os.path.join(tmp, "whole.json"), os.path.join(tmp, "out.pftrace")
    run(convert(whole, report))
    show("convert of the .json to .pftrace", calls, medians(convert(report, out), args.rounds),
         os.path.getsize(out))
    os.unlink(report)


def theirs(python, args, tmp):
    """VizTracer's saver, on its own events."""
    raw, program = os.path.join(tmp, "raw.json"), os.path.dirname(PROGRAM)
    out = os.path.join(tmp, "all.json")
    print("VizTracer, %d calls" % (args.calls // 5))
    for what in ("json", "raw"):
        path = os.path.join(tmp, what + ".json")
        done = subprocess.run([python, "-c", SAVE, program, str(args.calls // 5), path, what],
                              check=True, stdout=subprocess.PIPE, text=True)
        wall, cpu = map(float, done.stdout.split())
        calls = count_calls(path)
        show("save()" if what == "json" else "save(), dump_raw", calls, (wall, cpu, None),
             os.path.getsize(path))
        if what == "json":
            os.unlink(path)
    other = os.path.join(tmp, "other.json")
    os.link(raw, other)
    show("viztracer --combine", 2 * calls,
         medians([python, "-m", "viztracer", "--combine", raw, other, "-o", out], 1),
         os.path.getsize(out))
    mine = [VTBPF, "-q", "--no-progress", "combine", raw, other, "-o", out]
    if run(mine):
        show("vtbpf combine", 2 * calls, medians(mine, args.rounds), os.path.getsize(out))
    show("vtbpf convert to .pftrace", calls,
         medians(convert(raw, os.path.join(tmp, "out.pftrace")), args.rounds),
         os.path.getsize(os.path.join(tmp, "out.pftrace")))


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    ap.add_argument("--calls", type=int, default=5000000)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--venv", default=os.path.join(TOP, "build", "bench-venv"))
    args = ap.parse_args()
    python = bench_venv.pick(args.venv)
    print("%-36s %9s %9s %9s %9s" % ("in calls (MB for a fifth)", "M/s", "M/CPU s", "bytes", "peak MB"))
    with tempfile.TemporaryDirectory(prefix="vtbpf-bench-") as tmp:
        ours(python or sys.executable, args, tmp)
        if python:
            theirs(python, args, tmp)
        else:
            print("VizTracer cannot be installed for any interpreter here; nothing to compare with")


if __name__ == "__main__":
    main()
