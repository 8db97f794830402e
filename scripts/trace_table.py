#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""trace_table.py TRACE.json: a short table of what a trace holds. Used by demo.sh."""

import collections
import gzip
import json
import os
import re
import sys

ROWS = 12


def printable(text):
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda c: "\\x%02x" % ord(c.group()), text)


def self_times(slices):
    """{index: µs in the call itself}: each slice's duration less its children's."""
    own = {}
    stack = []
    for i, event in sorted(enumerate(slices), key=lambda s: (s[1]["ts"], -s[1]["dur"])):
        while stack and slices[stack[-1]]["ts"] + slices[stack[-1]]["dur"] <= event["ts"]:
            stack.pop()
        own[i] = event["dur"]
        if stack:
            own[stack[-1]] -= event["dur"]
        stack.append(i)
    return own


def main():
    path = sys.argv[1]
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as f:
        trace = json.load(f)
    names = {e["tid"]: e["args"]["name"] for e in trace["traceEvents"]
             if e["ph"] == "M" and e["name"] == "thread_name"}
    by_thread = collections.defaultdict(list)
    for event in trace["traceEvents"]:
        if event["ph"] == "X" and event["cat"] == "FEE":
            by_thread[event["tid"]].append(event)

    calls, total, own = (collections.Counter() for _ in range(3))
    for slices in by_thread.values():
        times = self_times(slices)
        for i, event in enumerate(slices):
            if "open" not in event.get("args", {}):
                calls[event["name"]] += 1
                total[event["name"]] += event["dur"]
                own[event["name"]] += times[i]

    print("  %-12s %8s  %s" % ("thread", "tid", "calls"))
    for tid, slices in sorted(by_thread.items(), key=lambda t: -len(t[1])):
        print("  %-12s %8d  %d" % (printable(names.get(tid, "?")), tid, len(slices)))
    print()
    print("  %10s %10s %10s %10s  %s" % ("total ms", "self ms", "calls", "mean us", "function"))
    for name, us in total.most_common(ROWS):
        function, _, place = name.rpartition(" (")
        file, _, line = place.rstrip(")").rpartition(":")
        print("  %10.1f %10.1f %10d %10.1f  %s (%s:%s)" % (
            us / 1000, own[name] / 1000, calls[name], us / calls[name],
            printable(function)[:40], printable(os.path.basename(file)), line))
    print()
    print("  %d calls in %d threads, %d lost, %.1f MB" % (
        sum(map(len, by_thread.values())), len(by_thread),
        trace["vtbpf"]["losses"]["total"], os.path.getsize(path) / 1e6))


if __name__ == "__main__":
    main()
