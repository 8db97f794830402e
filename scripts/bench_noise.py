#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What one noisy thread does to a report, and what leaving it out gives: vtbpf beside VizTracer.

    scripts/bench_noise.py [--wakes N] [--venvs DIR] [PYTHON...]

The program is tests/e2e/targets/monitoring.py: a monitor wakes often and walks a structure, workers
serve requests. vtbpf attaches when all threads run; VizTracer's command line starts the program. Each
way sees the same wakes and requests. Said are the size of the report, its events, and how many of the
calls that the monitor and the workers made are in it; the program itself tells how many those were.
VizTracer is installed with pip into a virtual environment of each PYTHON under build/.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import tempfile
import time

import bench_venv

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VTBPF = os.path.join(TOP, "build", "vtbpf")
PROGRAM = os.path.join(TOP, "tests", "e2e", "targets", "monitoring.py")
PERIOD = 0.05
BATCH = 2  # requests at a time

COUNTED = re.compile(r"(record_state|walk|describe|handle|authorize|query|render) \(")
IGNORE = ["--ignore-thread", "state-monitor"]
VIZTRACER = ["-m", "viztracer", "--quiet", "--tracer_entries", "8000000"]
# What is said, whether the monitor's function is decorated, the options.
WAYS = (
    ("viztracer", False, []),
    ("viztracer --ignore_c_function", False, ["--ignore_c_function"]),
    ("viztracer, @ignore_function", True, []),
    ("viztracer --ignore_c_function, @ignore_function", True, ["--ignore_c_function"]),
)


class Program:
    """The service, driven over its stdin."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.facts = self.hear()

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("bench: the program ended: %s" % " ".join(self.process.args))
        return json.loads(line)

    def ask(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.hear()

    def work(self, wakes):
        """Lets the monitor wake so often, and requests be served all the while, always as many; how
        many calls the workers made of the program's functions."""
        calls, batches = 0, 2 * wakes
        begin = time.monotonic()
        for i in range(batches):
            answer = self.ask("serve %d" % BATCH)
            calls += sum(sum(done.values()) for done in answer["calls"].values())
            time.sleep(max(0, begin + (i + 1) * PERIOD / 2 - time.monotonic()))
        while self.ask("state")["wakes"] < wakes:
            time.sleep(PERIOD)
        return calls

    def quit(self):
        self.process.stdin.write("quit\n")
        self.process.stdin.close()
        if self.process.wait():
            raise SystemExit("bench: %s: exit status %d" % (self.process.args, self.process.returncode))


def start_vtbpf(pid, options):
    tracer = subprocess.Popen([VTBPF, "--no-progress", "-p", str(pid)] + options,
                              stderr=subprocess.PIPE, text=True)
    for line in tracer.stderr:
        if line.startswith("vtbpf: tracing"):
            return tracer
    raise SystemExit("bench: vtbpf did not begin to trace")


def by_vtbpf(python, wakes, options, out):
    """Traces from outside; the program's facts, and how many calls its workers made."""
    program = Program([python, PROGRAM, str(PERIOD), str(wakes)])
    tracer = start_vtbpf(program.process.pid, ["-o", out] + options)
    program.ask("go")
    calls = program.work(wakes)
    tracer.send_signal(signal.SIGINT)
    said = tracer.communicate()[1]
    if tracer.returncode:
        raise SystemExit("bench: vtbpf: exit status %d: %s" % (tracer.returncode, said))
    print("".join(line for line in said.splitlines(True) if line.startswith("vtbpf: ignored")), end="")
    program.quit()
    return program.facts, calls


def by_viztracer(python, wakes, decorated, options, out):
    program = Program([python] + VIZTRACER + options + ["-o", out, "--", PROGRAM, str(PERIOD), str(wakes)] +
                      ["decorated"] * decorated)
    program.ask("go")
    calls = program.work(wakes)
    program.quit()
    return program.facts, calls


def convert(source, out, *options):
    subprocess.run([VTBPF, "-q", "--no-progress", "convert", source, "-o", out, *options], check=True)


def count(path, threads):
    """(events, calls of the monitor, calls of the workers) in a report. Calls: of the functions of the
    program that it counts itself."""
    with open(path, encoding="utf-8") as f:
        events = [e for e in json.load(f)["traceEvents"] if e["ph"] == "X"]
    workers = [tid for name, (tid, _) in threads.items() if name.startswith("worker")]
    counted = [e["tid"] for e in events if COUNTED.match(e["name"])]
    return (len(events), counted.count(threads["state-monitor"][0]),
            sum(counted.count(tid) for tid in workers))


def show(text, out, wakes, facts, made):
    events, monitor, workers = count(out, facts["threads"])
    walked = wakes * facts["calls_per_wake"]
    print("%-48s %8.2f %8d %9d/%-9d %7d/%d" % (
        text, os.path.getsize(out) / 1e6, events, monitor, walked, workers, made), flush=True)


def bench(python, wakes, tmp):
    version = subprocess.run([python, "--version"], stdout=subprocess.PIPE, text=True).stdout
    print("%s, %d wakes of the monitor" % (version.strip(), wakes))
    print("%-48s %8s %8s  %18s  %s" % ("", "MB", "events", "calls: monitor's", "workers'"))
    out, whole = os.path.join(tmp, "out.json"), os.path.join(tmp, "whole.json")
    result = by_vtbpf(python, wakes, [], whole)
    show("vtbpf -p PID", whole, wakes, *result)
    convert(whole, out, *IGNORE)
    show("... then vtbpf convert --ignore-thread", out, wakes, *result)
    show("vtbpf -p PID --ignore-thread", out, wakes, *by_vtbpf(python, wakes, IGNORE, out))
    for text, decorated, options in WAYS:
        result = by_viztracer(python, wakes, decorated, options, whole)
        show(text, whole, wakes, *result)
        if not decorated and not options:
            # From 3.12 on VizTracer calls the threads that it sees begin Dummy-1 and so on.
            convert(whole, out, "--ignore-thread", str(result[0]["threads"]["state-monitor"][0]))
            show("... then vtbpf convert --ignore-thread TID", out, wakes, *result)


def pythons(given, venvs):
    """Interpreters with VizTracer: those given, or one of before and one of after sys.monitoring."""
    for path in given:
        yield path, bench_venv.make(path, os.path.join(venvs, path.strip("/").replace("/", "-")))
    for minor in [] if given else [(3, 11), (3, 12)]:
        name = "CPython %d.%d" % minor
        yield name, bench_venv.pick(os.path.join(venvs, name.replace(" ", "-")), minor)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--wakes", type=int, default=100)
    ap.add_argument("--venvs", default=os.path.join(TOP, "build", "bench-noise"))
    ap.add_argument("python", nargs="*")
    args = ap.parse_args()
    for name, python in pythons(args.python, args.venvs):
        if not python:
            print("skipped: VizTracer cannot be installed for %s" % name)
            continue
        with tempfile.TemporaryDirectory(prefix="vtbpf-bench-") as tmp:
            bench(python, args.wakes, tmp)


if __name__ == "__main__":
    main()
