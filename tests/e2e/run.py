#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""End-to-end tests: vtbpf on real interpreters. Needs root. See `run.py --help`."""

import argparse
import contextlib
import io
import multiprocessing
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

CASE_LIMIT = 180  # seconds, unless --limit says otherwise

sys.dont_write_bytecode = True


def load_cases(directory):
    """The cases of the case_*.py of a directory, which may use those of this one."""
    directory = os.path.realpath(directory)
    sys.path.insert(0, directory)
    for name in sorted(os.listdir(directory)):
        if re.fullmatch(r"case_\w+\.py", name):
            __import__(name[:-3])
    return [c for c in harness.CASES
            if os.path.dirname(os.path.realpath(c[0].__code__.co_filename)) == directory]


def on_alarm(_number, _frame):
    raise AssertionError("the case took too long")


def run_case(function, options, python, everything):
    """(verdict, text) of one case on one interpreter."""
    tmp = tempfile.mkdtemp(prefix="vtbpf-e2e-")
    os.chmod(tmp, 0o755)
    context = harness.Context(options.vtbpf, python, tmp, everything)
    begin = time.monotonic()
    verdict, detail, said = "PASS", "", io.StringIO()
    signal.alarm(options.limit)
    try:
        with contextlib.redirect_stdout(said):
            function(context)
        signal.alarm(0)
        detail = " (%.1f s)" % (time.monotonic() - begin)
    except harness.Skip as reason:
        verdict, detail = "SKIP", ": %s" % reason
    except Exception:
        verdict = "FAIL"
        print(traceback.format_exc().rstrip()[-6000:], file=said)
    finally:
        signal.alarm(0)
        context.close()
        if options.keep:
            print("files kept in", tmp, file=said)
        else:
            shutil.rmtree(tmp, ignore_errors=True)
    text = "%-4s  %-32s %s%s" % (verdict, function.__name__, python, detail)
    for line in said.getvalue().splitlines():
        text += "\n      " + line.lstrip() if verdict == "PASS" else "\n      " + line
    return verdict, text


def run_all(groups, options, everything):
    """Runs groups of (function, python), as many at a time as options.jobs says. (counts of the
    verdicts, what failed)"""
    counts, failed = dict.fromkeys(("PASS", "FAIL", "SKIP"), 0), []

    def work(todo, results):
        signal.signal(signal.SIGALRM, on_alarm)
        for group in iter(todo.get, None):
            for at, (function, python) in enumerate(groups[group]):
                results.put((group, at) + run_case(function, options, python, everything))

    fork = multiprocessing.get_context("fork")
    todo, results = fork.Queue(), fork.Queue()
    workers = [fork.Process(target=work, args=(todo, results)) for _ in range(options.jobs)]
    for group in list(range(len(groups))) + [None] * len(workers):
        todo.put(group)
    for worker in workers:
        worker.start()
    for _ in range(sum(len(group) for group in groups)):
        group, at, verdict, text = results.get(timeout=2 * options.limit)
        counts[verdict] += 1
        if verdict == "FAIL":
            failed.append(groups[group][at])
        print(text, flush=True)
    for worker in workers:
        worker.join()
    return counts, failed


def run_again(failed, options, everything):
    """How many of the failed cases pass now that nothing runs beside them. A case that compares calls
    with the truth gets no second chance, and nobody gets one where that many fail: that is no noise."""
    again = [(function, python) for function, python in failed if not function.exact]
    if not again or len(failed) > options.rerun:
        return 0
    print("-- once more, one at a time: what failed and may depend on how busy the machine was",
          flush=True)
    options.jobs = 1
    counts, _ = run_all([again], options, everything)
    return counts["PASS"]


def grouped(cases, pythons):
    """The work as lists of (function, python). No two lists have an interpreter in common, so that no
    two cases trace one file at once; the longest comes first."""
    kinds = {}
    for python in pythons:
        kinds.setdefault(python.abi, python)

    by_age = sorted(kinds.values(), key=lambda python: python.minor)
    chosen = {True: pythons, "minor": by_age, "ends": by_age[:1] + by_age[-1:], False: pythons[:1]}

    def runs_on(python, each):
        return any(python is other for other in chosen[each])

    return [[(function, python) for function, each, needs in cases
             if runs_on(python, each) and not (needs and needs(python))]
            for python in pythons]


def missing_versions(found):
    """What cannot be tested here, and why."""
    return ["CPython %d.%d: none found on this machine" % minor for minor in interpreters.SUPPORTED
            if minor not in [p.minor for p in found]]


def wanted_pythons(options, found):
    pythons = [p for p in found if p.minor in interpreters.SUPPORTED]
    if options.python:
        pythons = [p for p in pythons if p.is_called(options.python)]
    return pythons


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vtbpf", default="build/vtbpf")
    parser.add_argument("--cases", default=harness.HERE, metavar="DIR", help="where the cases are")
    parser.add_argument("-k", default="", help="only cases whose name matches this regex")
    parser.add_argument("--python", help="only this interpreter: path, version, 3.N or its root's name")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1),
                        help="cases that run at a time, each on another interpreter")
    parser.add_argument("--limit", type=int, default=CASE_LIMIT, metavar="S", help="seconds for a case")
    parser.add_argument("--rerun", type=int, default=0, metavar="N",
                        help="run failed cases again, alone, unless more than N failed")
    parser.add_argument("--keep", action="store_true", help="keep each case's directory")
    parser.add_argument("--list", action="store_true", help="list the cases")
    options = parser.parse_args()

    cases = [c for c in load_cases(options.cases) if re.search(options.k, c[0].__name__)]
    if options.list:
        for function, each, _ in cases:
            print("%-32s %-5s %s" % (function.__name__, {True: "each", False: "once"}.get(each, each),
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
        print("%s %s" % ("found" if python in pythons else "not traced:", python.describe()))
    missing = [] if options.python else missing_versions(found)
    for text in missing:
        print("SKIP  all " + text)
    if not pythons:
        print("FAIL  all: no supported interpreter found")
        return 1
    counts, failed = run_all(grouped(cases, pythons), options, found)
    saved = run_again(failed, options, found)
    if saved:
        print("-- passed only when run again, alone: %d" % saved)
    print("%d passed, %d failed, %d skipped" % (counts["PASS"] + saved, counts["FAIL"] - saved,
                                                counts["SKIP"] + len(missing)))
    return 1 if counts["FAIL"] > saved else 0


if __name__ == "__main__":
    sys.exit(main())
