#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""coverage.py BUILD [--files]: how many lines of each folder of user/ the programs of BUILD (made with
COVERAGE=1) have run, from what gcov says. Fails when a folder is below its floor."""

import collections
import json
import os
import subprocess
import sys

# What needs neither root nor a kernel is to be run by unit tests. The rest is what tests/bpf and
# tests/e2e are for, and only shown.
FLOORS = {"user/discover": 85, "user/decode": 85, "user/write": 85}
AT_ONCE = 50


def gcov(paths):
    """What gcov says of these .gcda files, each a dictionary."""
    out = subprocess.run(["gcov", "--json-format", "--stdout"] + paths, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=True).stdout
    return [json.loads(line) for line in out.split("\n") if line]


def lines_of(build):
    """{source: {line: times run}}"""
    found = collections.defaultdict(lambda: collections.defaultdict(int))
    data = sorted(os.path.join(top, name) for top, _, names in os.walk(os.path.join(build, "user"))
                  for name in names if name.endswith(".gcno"))
    for i in range(0, len(data), AT_ONCE):
        for unit in gcov(data[i:i + AT_ONCE]):
            for part in unit["files"]:
                name = os.path.normpath(part["file"])
                if name.startswith("user/"):
                    for line in part["lines"]:
                        found[name][line["line_number"]] += line["count"]
    return found


def percent(run, lines):
    return 100.0 * run / lines if lines else 100.0


def main():
    files = {name: (sum(n > 0 for n in lines.values()), len(lines))
             for name, lines in lines_of(sys.argv[1]).items()}
    if not files:
        sys.exit("coverage.py: nothing has run in %s" % sys.argv[1])
    folders = collections.defaultdict(lambda: [0, 0])
    for name, (run, lines) in files.items():
        folders[os.path.dirname(name)][0] += run
        folders[os.path.dirname(name)][1] += lines
    if "--files" in sys.argv[2:]:
        for name, (run, lines) in sorted(files.items(), key=lambda item: percent(*item[1])):
            print("%5.1f %%  %5d of %5d  %s" % (percent(run, lines), run, lines, name))
        print()
    low = []
    for folder, (run, lines) in sorted(folders.items()):
        floor = FLOORS.get(folder)
        note = "" if floor is None else "  (at least %d %%)" % floor
        print("%5.1f %%  %5d of %5d  %s%s" % (percent(run, lines), run, lines, folder, note))
        if floor and percent(run, lines) < floor:
            low.append(folder)
    for folder in low:
        print("FAIL %s is below its floor" % folder)
    print("%d passed, %d failed, 0 skipped" % (len(FLOORS) - len(low), len(low)))
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
