# SPDX-License-Identifier: GPL-2.0-only
"""Filters by function, while tracing and afterwards, on captures and on reports."""

import collections
import os
import subprocess
import sys

import packages
from harness import case, clean_env
from report_truth import Filter, calls_of, load

FILTERS = [
    Filter(),
    Filter(ignore=["d1"]),
    Filter(ignore=["*/filters.py:body", "slow"]),
    Filter(ignore=["*"]),
    Filter(only=["d?"]),
    Filter(include=["*/filters.py"]),
    Filter(include=["*/filters.py"], cut=True),
    Filter(exclude=["*/filters.py"]),
    Filter(exclude=["*/threading.py"], cut=True),
    Filter(depth=3),
    Filter(depth=1, duration=1000),
    Filter(ignore=["d2"], only=["d*", "slow"], exclude=["*/threading.py"], depth=6, duration=500),
]


def converted(context, source, options, out="out.json"):
    out = context.path(out)
    said = context.command("convert", source, "-o", out, *options).wait(0).text()
    return load(out), said


def names(events):
    return collections.Counter(e["name"].split(" ")[0] for e in events)


def rows(trace):
    """Threads that the trace names."""
    return {e["tid"] for e in trace["traceEvents"]
            if e["ph"] == "M" and e["name"] == "thread_name"}


@case(each="minor")
def functions_of_convert(context):
    """`convert` leaves of a capture, and of its JSON, what the filters keep and nothing else."""
    target = context.target("filters.py")
    capture, report = context.path("all.vtb"), context.path("all.json.gz")
    tracer = context.command("-p", target.pid, "-o", capture).wait_tracing(target.pid)
    target.ask("go")
    target.ask("finish")
    tracer.send(2)
    tracer.wait(0)
    everything, _ = converted(context, capture, [], "all.json.gz")
    assert everything["vtbpf"]["losses"]["total"] == 0
    for wanted in FILTERS:
        truth = wanted.calls(everything)
        for source in (capture, report):
            got, said = converted(context, source, wanted.options())
            assert calls_of(got) == truth, "%s of %s: %d calls, not %d" % (
                wanted.options(), source, len(calls_of(got)), len(truth))
            assert all(str(option) in " ".join(got["vtbpf"]["filters"])
                       for option in wanted.options() if not option.endswith("ns"))
            if len(truth) < len(calls_of(everything)):
                assert "ignored " in said, said
    nothing, _ = converted(context, capture, ["--ignore-function", "*"])
    assert not rows(nothing) and not nothing["vtbpf"]["threads"], nothing["traceEvents"]
    newest, _ = converted(context, report, ["--tracer-entries", "100"])
    finished = [e for e in calls_of(everything)
                if e.get("args", {}).get("open") not in ("end", "both")]
    left = [e for e in calls_of(newest) if e.get("args", {}).get("open") not in ("end", "both")]
    assert left == finished[-100:]
    assert newest["viztracer_metadata"]["overflow"] is True


@case(each="minor")
def ignored_function(context):
    """--ignore-function while tracing: not one call of it or beneath it, all others as ever."""
    counts = []
    for options in ([], ["--ignore-function", "d1", "--ignore-function", "*filters.py:body"],
                    ["--only-function", "d?"], ["--exclude-files", "*/filters.py"]):
        target = context.target("filters.py")
        tracer = context.attach(target, *options)
        target.ask("go")
        target.ask("finish")
        trace = tracer.stop()
        assert trace.lost == 0
        counts.append(collections.Counter(
            s.qualname for s in trace.of_file(target.facts["file"]) if s.open != "start"))
        if len(counts) == 2:
            tids = {tid for tid, _ in target.facts["threads"].values()}
            # what called body is left: Thread.run and the rest of threading
            assert not [s for s in trace.slices if s.tid in tids and s.qualname == "noop"]
    everything, ignored, only, excluded = counts
    assert everything["d3"] == 50 and everything["noop"] == 85, everything
    assert {n: ignored[n] for n in ("d0", "d1", "d2", "d3", "slow", "noop")} == \
        {"d0": 50, "d1": 0, "d2": 0, "d3": 0, "slow": 5, "noop": 5}, ignored
    assert only == {"d%d" % i: 50 for i in range(4)}, only
    assert not excluded, excluded


@case()
def viztracer_report(context):
    """A report by VizTracer itself: filtered as it should be, and VizTracer takes it back."""
    site = packages.site(context, "viztracer")
    script, report = context.script("launched.py"), context.path("viztracer.json")
    env = clean_env(PYTHONPATH=site)
    viztracer = [context.python.path, "-m", "viztracer", "--quiet"]
    subprocess.run(viztracer + ["-o", report, "--", script], env=env, check=True,
                   stdout=subprocess.DEVNULL)
    everything = load(report)
    assert names(calls_of(everything))["leaf"] >= 500
    for wanted in (Filter(), Filter(ignore=["top"]), Filter(only=["leaf"]), Filter(depth=3),
                   Filter(include=[script]), Filter(exclude=[script], cut=True),
                   Filter(ignore=["builtins.*"], duration=2000)):
        got, _ = converted(context, report, wanted.options())
        assert calls_of(got) == wanted.calls(everything), wanted.options()
        for key in everything:
            assert key == "traceEvents" or got[key] == everything[key], key
    _, said = converted(context, report, ["--only-thread", "ident:0x7f00"], "none.json")
    assert "does not say its threads' idents" in said, said
    subprocess.run(viztracer + ["--combine", context.path("out.json"), "-o",
                                context.path("again.json")], env=env, check=True,
                   stdout=subprocess.DEVNULL)
    assert names(calls_of(load(context.path("again.json")))) == names(calls_of(got))


EVENT = '{"ph":"X","pid":7,"tid":TID,"ts":%d.%03d,"cat":"FEE","dur":%d.500,"name":"%s (/srv/a.py:%d)",' \
    '"args":{"func_args":{"self":"<app.Service object at 0x7f21a8c0d0>","text":"' + "x" * 100 + '"}}}'


def write_large(path, size):
    """A report of that many bytes: threads that all do the same. Returns the number of threads."""
    lines = []
    for i in range(6000):
        lines += [EVENT % (10 * i + 2, 100, 1, "leaf", 1), EVENT % (10 * i + 4, 200, 1, "leaf", 1),
                  EVENT % (10 * i + 1, 0, 7, "noise" if i % 2 else "work", 9)]
    block = ",\n".join(lines + [EVENT % (0, 0, 60000, "main", 20)]).encode()
    copies = size // len(block)
    with open(path, "wb") as f:
        f.write(b'{"traceEvents":[')
        for tid in range(copies):
            f.write((b"," if tid else b"") + block.replace(b"TID", b"%d" % (1000 + tid)))
        f.write(b'],"displayTimeUnit":"us"}')
    return copies


# Runs a command, and prints its seconds of CPU and its peak in kB.
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(code)
"""


@case()
def large_report(context):
    """300 MB are filtered in less than 60 MB of memory."""
    source, out = context.path("large.json"), context.path("small.json")
    copies = write_large(source, 300_000_000)
    command = [context.vtbpf, "convert", source, "-o", out, "--ignore-function", "noise",
               "--max-stack-depth", "2", "--ignore-thread", "1000"]
    # By way of a small process: what a process used at its peak includes what its parent had.
    done = subprocess.run([sys.executable, "-c", MEASURED] + command, env=clean_env(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = done.stderr
    assert done.returncode == 0, said
    seconds, peak_kb = map(float, done.stdout.split())
    print("%.1f s of CPU, %.1f MB" % (seconds, peak_kb / 1024))
    assert peak_kb < 60 * 1024, "%d kB" % peak_kb
    assert "%d calls, %d threads" % ((copies - 1) * 3001, copies - 1) in said, said
