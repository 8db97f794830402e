# SPDX-License-Identifier: GPL-2.0-only
"""vtbpf report: its numbers are those of the trace, outliers and drift are found, and only those."""

import collections
import json
import math
import re
import subprocess

from harness import case
from tracefile import Trace

SAMPLE = {"name", "file", "line", "calls", "self_ns", "total_ns", "min_ns", "mean_ns", "p50_ns",
          "p99_ns", "max_ns"}


def report(context, *args):
    return subprocess.run([context.vtbpf, "report"] + list(args), check=True,
                          stdout=subprocess.PIPE).stdout.decode()


def quantile(values, q):
    rank = q * (len(values) - 1)
    low, high = math.floor(rank), math.ceil(rank)
    return values[low] + (values[high] - values[low]) * (rank - low)


def numbers(trace):
    """{(name, file): what the report ought to say}, from the slices."""
    durations, totals, selves = collections.defaultdict(list), collections.Counter(), \
        collections.Counter()
    for slices in trace.tracks().values():
        stack = []
        for s in slices:
            while stack and stack[-1].end <= s.start:
                stack.pop()
            dur = s.end - s.start
            durations[s.name].append((dur, s.open))
            selves[s.name] += dur
            if stack:
                selves[stack[-1].name] -= dur
            if s.name not in [p.name for p in stack]:
                totals[s.name] += dur
            stack.append(s)
    result = {}
    for name, values in durations.items():
        whole = sorted(d for d, is_open in values if not is_open)
        whole = whole or sorted(d for d, _ in values)
        result[name] = {"calls": len(values), "self_ns": selves[name], "total_ns": totals[name],
                        "min_ns": whole[0], "mean_ns": sum(whole) / len(whole),
                        "p50_ns": quantile(whole, 0.5), "p99_ns": quantile(whole, 0.99),
                        "max_ns": max(d for d, _ in values)}
    return result


def check_numbers(said, trace):
    wanted = numbers(trace)
    got = {"%s (%s:%d)" % (f["name"], f["file"], f["line"]): f for f in said["functions"]}
    assert got.keys() == wanted.keys(), got.keys() ^ wanted.keys()
    for name, numbers_ in wanted.items():
        for key, value in numbers_.items():
            far = 0.03 * value + 1 if key in ("p50_ns", "p99_ns") else 1 if key == "mean_ns" else 0
            if key == "min_ns" and len(numbers_) and numbers_["calls"] < 3:
                far = 0.03 * value + 1  # of calls that are all open it is estimated
            assert abs(got[name][key] - value) <= far, (name, key, got[name][key], value)


@case(each="minor")
def report_numbers(context):
    """Each number of each function is that of the slices; outliers and drift are what was planted."""
    target = context.target("paces.py")
    path = context.path("raw.vtb")
    tracer = context.command("-p", target.pid, "-o", path).wait_tracing(target.pid)
    target.ask("go")
    tracer.send(2)
    tracer.wait(0)
    context.command("convert", path, "-o", context.path("raw.json")).wait(0)
    trace = Trace(context.path("raw.json"))
    said = json.loads(report(context, path, "--json"))
    assert {"functions", "threads", "outliers", "drift"} <= said.keys()
    assert all(f.keys() == SAMPLE for f in said["functions"])
    check_numbers(said, trace)
    assert json.loads(report(context, context.path("raw.json"), "--json")) == said
    assert [t["name"] for t in said["threads"]] == ["MainThread"]
    check_planted(said, trace, target.facts["file"])
    text = report(context, path)
    assert "once_slow (" in text.split("OUTLIERS")[1], text
    said = r"slower_and_slower \(%s:.* p99, now \S+ m?s, crosses [125]0* m?s in about \S+ \S+ at this rate"
    assert re.search(said % re.escape(target.facts["file"]), text.split("DRIFT")[1]), text


def check_planted(said, trace, file):
    slow = max((s for s in trace.of_file(file) if s.qualname == "once_slow"),
               key=lambda s: s.end - s.start)
    first = next(o for o in said["outliers"] if o["name"] == "once_slow")
    assert (first["tid"], first["ts_ns"], first["dur_ns"]) == \
        (slow.tid, slow.start, slow.end - slow.start), (first, slow)
    drifting = {d["name"]: d for d in said["drift"] if d["name"] in
                ("steady", "once_slow", "slower_and_slower")}
    assert list(drifting) == ["slower_and_slower"], said["drift"]
    growth, seconds = drifting["slower_and_slower"]["percent_per_min"], \
        (said["end_ns"] - said["start_ns"]) / 1e9
    # from 0.05 ms to 1.7 ms: 33 times as long, the greater part of it within the first half of the time
    assert 500 < growth * seconds / 60 < 10000, (growth, seconds)
    assert drifting["slower_and_slower"]["confidence"] > 0.99
    recursive = next(f for f in said["functions"] if f["name"] == "fact")
    assert recursive["calls"] == 200 and recursive["total_ns"] < 10 * recursive["self_ns"] + 1


@case()
def report_options(context):
    """--sort, --limit, --by, filters, and what cannot be reported on."""
    target = context.target("calls.py", 100)
    path = context.path("raw.vtb")
    tracer = context.command("-p", target.pid, "-o", path).wait_tracing(target.pid)
    truth = target.ask("go")
    tracer.send(2)
    tracer.wait(0)
    said = json.loads(report(context, path, "--json", "--sort", "calls", "--limit", "1"))
    assert [f["name"] for f in said["functions"]] == ["leaf"]
    rounds = sum(t["rounds"] for t in truth["threads"])
    assert said["functions"][0]["calls"] == 2 * rounds
    said = json.loads(report(context, path, "--json", "--only-thread", "worker-two"))
    assert [t["name"] for t in said["threads"]] == ["worker-two"]
    assert {f["name"]: f["calls"] for f in said["functions"]}["leaf"] == 400
    said = json.loads(report(context, path, "--json", "--by", "thread"))
    by_thread = {t["name"]: {f["name"]: f["calls"] for f in t["functions"]}
                 for t in said["threads"]}
    for thread in truth["threads"]:
        assert by_thread[thread["name"]]["middle"] == thread["rounds"], by_thread
    said = json.loads(report(context, path, "--json", "--by", "file"))
    assert sum(f["calls"] for f in said["files"]) == sum(t["calls"] for t in said["threads"])
    context.fails(2, "report", path, "--sort", "nonsense")
    context.fails(2, "report", path, "--by", "nonsense")
    context.fails(2, "report")
    context.fails(2, "convert", path, "-o", context.path("x.json"), "--limit", "3")
    context.fails(1, "report", context.path("nothing.vtb"))
    context.fails(1, "report", "/dev/null")
