#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Fault tests: what vtbpf does when it, its target or the machine fails. Needs root.

Each case says which random moments it chose by its seed, and runs alone: it counts what is left on
the whole machine. --short is what continuous integration runs, less than a minute in all.
"""

import argparse
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "e2e"))
sys.dont_write_bytecode = True

import faults  # noqa: E402
import interpreters  # noqa: E402
import run as e2e  # noqa: E402


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--vtbpf", default="build/vtbpf")
    parser.add_argument("-k", default="", help="only cases whose name matches this regex")
    parser.add_argument("--python", help="only this interpreter: path, version, 3.N or its root's name")
    parser.add_argument("--seed", type=int, help="of all random choices; default: another each time")
    parser.add_argument("--short", action="store_true", help="few rounds of each, and no soak")
    parser.add_argument("--rounds", type=int, metavar="N", help="of each case that has rounds")
    parser.add_argument("--limit", type=int, metavar="S", help="seconds for a case")
    parser.add_argument("--keep", action="store_true", help="keep each case's directory")
    parser.add_argument("--list", action="store_true", help="list the cases")
    result = parser.parse_args()
    result.jobs, result.rerun = 1, 0
    result.limit = result.limit or (e2e.CASE_LIMIT if result.short else 4 * 3600)
    return result


def main():
    chosen = options()
    faults.configure(chosen.seed, chosen.short, chosen.rounds)
    cases = [c for c in e2e.load_cases(HERE) if re.search(chosen.k, c[0].__name__)]
    if chosen.list:
        for function, _, _ in cases:
            print("%-28s %s" % (function.__name__, (function.__doc__ or "").split("\n")[0]))
        return 0
    if os.geteuid() != 0:
        print("tests/faults: needs root to load BPF programs: run it with sudo")
        return 1
    found = interpreters.find()
    pythons = e2e.wanted_pythons(chosen, found)[:1]
    if not pythons:
        print("FAIL  all: no supported interpreter found")
        return 1
    print("seed %d, %s" % (faults.SETTINGS.seed, pythons[0].describe()), flush=True)
    counts, _ = e2e.run_all(e2e.grouped(cases, pythons), chosen, found)
    print("%d passed, %d failed, %d skipped" % (counts["PASS"], counts["FAIL"], counts["SKIP"]))
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
