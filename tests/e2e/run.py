#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""End-to-end tests: vtbpf on real interpreters. Needs root. See `run.py --help`."""

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback

import harness
import interpreters

CASE_LIMIT = 180  # seconds

sys.dont_write_bytecode = True


def load_cases():
    for name in sorted(os.listdir(harness.HERE)):
        if re.fullmatch(r"case_\w+\.py", name):
            __import__(name[:-3])
    return harness.CASES


def on_alarm(_number, _frame):
    raise AssertionError("the case took more than %d s" % CASE_LIMIT)


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def line(self, verdict, name, where, detail=""):
        print("%-4s  %-32s %s%s" % (verdict, name, where, detail), flush=True)

    def run(self, function, options, python, everything):
        name = function.__name__
        tmp = tempfile.mkdtemp(prefix="vtbpf-e2e-")
        os.chmod(tmp, 0o755)
        context = harness.Context(options.vtbpf, python, tmp, everything)
        begin = time.monotonic()
        signal.alarm(CASE_LIMIT)
        try:
            function(context)
            signal.alarm(0)
            self.passed += 1
            self.line("PASS", name, python, " (%.1f s)" % (time.monotonic() - begin))
        except harness.Skip as reason:
            self.skipped += 1
            self.line("SKIP", name, python, ": %s" % reason)
        except Exception:
            self.failed += 1
            self.line("FAIL", name, python)
            print("      " + traceback.format_exc().rstrip()[-6000:].replace("\n", "\n      "))
        finally:
            signal.alarm(0)
            context.close()
            if options.keep:
                print("      files kept in", tmp)
            else:
                shutil.rmtree(tmp, ignore_errors=True)


def wanted_pythons(options, found):
    pythons = [p for p in found if p.minor in interpreters.SUPPORTED]
    if options.python:
        pythons = [p for p in pythons if options.python in (p.version, p.path)
                   or options.python == "%d.%d" % p.minor]
    return pythons


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vtbpf", default="build/vtbpf")
    parser.add_argument("-k", default="", help="only cases whose name matches this regex")
    parser.add_argument("--python", help="only this interpreter: path, version or 3.N")
    parser.add_argument("--keep", action="store_true", help="keep each case's directory")
    parser.add_argument("--list", action="store_true", help="list the cases")
    options = parser.parse_args()

    cases = [c for c in load_cases() if re.search(options.k, c[0].__name__)]
    if options.list:
        for function, each, _ in cases:
            print("%-32s %-5s %s" % (function.__name__, "each" if each else "once",
                                     (function.__doc__ or "").split("\n")[0]))
        return 0
    if os.geteuid() != 0:
        print("tests/e2e: needs root to load BPF programs: run it with sudo")
        return 1
    if not os.access(options.vtbpf, os.X_OK):
        print("tests/e2e: %s: not there; run make first" % options.vtbpf)
        return 1

    found = interpreters.find()
    pythons = wanted_pythons(options, found)
    for python in found:
        print("found %s%s" % (python, "" if python in pythons else " (not traced)"))
    signal.signal(signal.SIGALRM, on_alarm)
    report = Report()
    for minor in interpreters.SUPPORTED:
        if not options.python and minor not in [p.minor for p in found]:
            report.skipped += 1
            report.line("SKIP", "all", "CPython %d.%d" % minor, ": none found on this machine")
    if not pythons:
        report.failed += 1
        report.line("FAIL", "all", "", "no supported interpreter found")
    for function, each, needs in cases:
        for python in pythons if each else pythons[:1]:
            if not (needs and needs(python)):
                report.run(function, options, python, found)
    print("%d passed, %d failed, %d skipped" % (report.passed, report.failed, report.skipped))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
