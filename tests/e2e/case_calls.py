# SPDX-License-Identifier: GPL-2.0-only
"""What a trace says of calls: how many, in which order, under which thread and name."""

import collections
import json
import signal
import time

from harness import case


def events(counts):
    return {"middle": counts, "leaf": 2 * counts}


@case(each=True, exact=True)
def exact_calls(context):
    """Every one of the known calls of four threads, once, under the right thread."""
    target = context.target("calls.py", 5000)
    tracer = context.attach(target)
    truth = target.ask("go")
    trace = tracer.stop()
    assert trace.lost == 0, trace.raw["vtbpf"]["losses"]
    counts = trace.counts(target.facts["file"])
    for thread in truth["threads"]:
        tid = thread["tid"]
        assert trace.thread_names[tid] == thread["name"], (trace.thread_names, thread)
        got = {name: counts[tid][name] for name in ("middle", "leaf")}
        assert got == events(thread["rounds"]), (thread, got)
    strangers = set(counts) - {t["tid"] for t in truth["threads"]} - {target.facts["tid"]}
    assert not strangers, {tid: counts[tid] for tid in strangers}
    assert {s.pid for s in trace.slices} == {target.pid}
    assert "vtbpf: " in tracer.text() and " 0 lost" in tracer.text(), tracer.text()


@case(each=True, exact=True)
def idents_in_metadata(context):
    """The Python ident of each thread is with the thread's metadata."""
    target = context.target("calls.py", 10)
    tracer = context.attach(target)
    truth = target.ask("go")
    text = json.dumps(tracer.stop().raw["vtbpf"])
    for thread in truth["threads"]:
        assert hex(thread["ident"]) in text, (thread, text)


@case(each=True, exact=True)
def recursion(context):
    """100, 1500 and 5000 deep, through C callbacks, unwinding, and into the recursion limit."""
    target = context.target("recursion.py")
    tracer = context.attach(target)
    truth = target.ask("go")
    trace = tracer.stop()
    tid = truth["tid"]
    assert trace.lost == 0, trace.raw["vtbpf"]["losses"]
    counts = trace.counts(target.facts["file"])[tid]
    for name in ("down", "unwind", "through_c", "dive"):
        assert counts[name] == truth["count"][name], (name, counts[name], truth["count"][name])
    deepest = max(truth["depths"]) + 1
    for name, want in (("down", deepest), ("unwind", deepest), ("through_c", 201)):
        assert trace.depth(tid, name) == want, (name, trace.depth(tid, name), want)


@case(each=True, exact=True)
def names(context):
    """Identifiers, file and thread names in any script, long, broken or full of quotes; lines."""
    target = context.target("names.py")
    tracer = context.attach(target)
    truth = target.ask("go")
    target.ask("finish")
    trace = tracer.stop()
    got = collections.Counter((s.qualname, s.file, s.line) for s in trace.slices if not s.open)
    for qualname, file, line in truth["functions"]:
        found = got[qualname, file, line]
        wanted = 1 + len(truth["threads"]) if qualname == "函数" else 1
        near = [g for g in got if g[1:] == (file, line)]
        assert found == wanted, (qualname[:80], file, line, found, str(near)[:400])
    assert got["made_by_exec", "<string>", 1] == 1, got
    assert got["<module>", "<string>", 1] == 1
    for tid, name in truth["threads"].items():
        assert trace.thread_names[int(tid)] == name, (trace.thread_names[int(tid)], name)


@case(each=True, exact=True)
def attach_midrun(context):
    """Frames that were running at attach appear whole, also those of a thread that only sleeps."""
    target = context.target("midrun.py")
    tracer = context.attach(target)
    truth = target.ask("go")
    trace = tracer.stop()
    file = target.facts["file"]

    def stack(tid):
        slices = [s for s in trace.slices if s.tid == tid and s.open in ("start", "both")]
        return [(s.qualname, s.open) for s in sorted(slices, key=lambda s: (s.start, -s.end))
                if s.file == file]

    tids = target.facts["tids"]
    assert stack(tids["sleeper"]) == [(n, "both") for n in ("sleeper", "lower", "bottom")], \
        stack(tids["sleeper"])
    assert stack(tids["ticker"]) == [("outer", "start"), ("inner", "start")], stack(tids["ticker"])
    main = stack(target.facts["tid"])
    assert main == [("<module>", "both"), ("main", "both"), ("serve", "start"),
                    ("generator", "start")], main
    ticks = trace.counts(file)[tids["ticker"]]["tick"]
    assert 0 < ticks <= truth["ticks"], (ticks, truth["ticks"])
    bootstrap = [s for s in trace.slices if s.tid == tids["sleeper"] and s.qualname.endswith("_bootstrap")]
    assert [s.open for s in bootstrap] == ["both"], bootstrap


@case(each="minor", exact=True)
def overflow(context):
    """A tiny ring while the reader is stopped: captured + lost = made, gaps marked, nesting intact."""
    target = context.target("calls.py", 5000)
    tracer = context.attach(target, "--buffer-size", "64k")
    tracer.send(signal.SIGSTOP)
    target.tell("go")
    time.sleep(1)
    tracer.send(signal.SIGCONT)
    truth = target.hear()
    trace = tracer.stop()
    losses = trace.raw["vtbpf"]["losses"]
    assert losses["total"] > 0, "nothing was lost"
    counts = trace.counts(target.facts["file"])
    for thread in truth["threads"][:3]:  # they call nothing but middle and leaf
        tid = thread["tid"]
        captured = counts[tid]["middle"] + counts[tid]["leaf"]
        lost = losses["by_thread"].get(str(tid), 0)
        assert captured + lost == 3 * thread["rounds"], (thread, captured, lost)
    marked = sum(gap["args"]["lost"] for gap in trace.gaps)
    assert marked == losses["total"], (marked, losses)
    assert "%d lost" % losses["total"] in tracer.text(), tracer.text()
