# SPDX-License-Identifier: GPL-2.0-only
"""--trigger: a dump for each hit, with what came before it and a while after."""

import glob
import json
import os
import time

import tracefile
from harness import case, wait_until

LATE_MS = 10   # after which a call that hangs has fired
SLACK_MS = 60  # more, on a machine that has other things to do


def dumps_of(context, pattern="out-*.json"):
    """The dumps so far, by number."""
    return sorted(glob.glob(context.path(pattern)), key=lambda p: int(p.split("-")[-1].split(".")[0]))


def wait_dumps(context, count, pattern="out-*.json"):
    return wait_until(lambda: len(dumps_of(context, pattern)) >= count and dumps_of(context, pattern),
                      "%d dumps" % count)


def load(path):
    trace = tracefile.Trace(path)
    trace.check_shape(overflow=trace.raw["viztracer_metadata"]["overflow"])
    return trace


def trigger_of(trace):
    found = trace.raw["vtbpf"]["trigger"]
    marks = [e for e in trace.raw["traceEvents"] if e["ph"] == "i" and e["cat"] == "vtbpf"]
    assert [m["name"] for m in marks] == ["trigger: " + found["expr"]], marks
    assert marks[0]["ts"] == found["ts"] and marks[0]["tid"] == found["tid"] and marks[0]["s"] == "t"
    return found


def ended(tracer):
    """Ctrl-C; the last line."""
    tracer.send(2)
    tracer.wait(0)
    assert not os.path.exists(tracer.out), "with --trigger, -o is not written"
    assert not glob.glob(tracer.out + ".vtb.*")
    return tracer.text().splitlines()[-1]


@case(each="minor")
def trigger_slow(context):
    """The planted slow call fires once, with the calls before it and a second after it."""
    target = context.target("service.py")
    tracer = context.attach(target, "--trigger", "slow:slow_call>50ms", "--after", "400ms")
    target.ask("slow 5")
    time.sleep(0.7)
    times = target.ask("slow 120")
    paths = wait_dumps(context, 1)
    trace = load(paths[0])
    fired = trigger_of(trace)
    assert fired["expr"] == "slow:slow_call>50ms" and fired["name"] == "slow_call", fired
    assert fired["tid"] == target.facts["pid"]
    late = fired["ts"] - times["began"] - 50e6
    print("fired %.2f ms after the limit" % (late / 1e6))
    assert 0 < late < (LATE_MS + SLACK_MS) * 1e6
    calls = [s for s in trace.slices if s.qualname == "slow_call"]
    assert len(calls) == 2 and calls[1].end - calls[1].start >= 120e6, calls
    handled = [s for s in trace.slices if s.qualname == "handle"]
    before = [s for s in handled if s.end < calls[1].start]
    after = [s for s in handled if s.start > fired["ts"]]
    assert len(before) > 60, len(before)
    assert 0.25e9 < max(s.end for s in after) - fired["ts"] < 1.5e9
    line = ended(tracer)
    assert "wrote 1 dump:" in line and " 0 hits suppressed" in line, line
    assert len(dumps_of(context)) == 1
    assert "slow:slow_call>50ms (slow_call): wrote " + paths[0] in tracer.text()


@case(each="minor")
def trigger_hang(context):
    """A call that does not end fires at its limit all the same, and is in the dump as open."""
    target = context.target("service.py")
    tracer = context.attach(target, "--trigger", "slow:*/service.py:hang_call>300ms", "--after", "0s")
    late = []
    times = target.ask("hang")
    trace = load(wait_dumps(context, 1)[0])
    fired = trigger_of(trace)
    late.append(fired["ts"] - times["began"] - 300e6)
    hung = [s for s in trace.slices if s.qualname == "hang_call"]
    assert [s.open for s in hung] == ["end"] and hung[0].tid == fired["tid"], hung
    assert trace.thread_names[fired["tid"]] == "hanger"
    print("fired %.2f ms after the limit" % (late[0] / 1e6))
    assert 0 < late[0] < (LATE_MS + SLACK_MS) * 1e6
    target.ask("free")  # its end is no second hit
    time.sleep(0.3)
    line = ended(tracer)
    assert "wrote 1 dump:" in line and " 0 hits suppressed" in line, line


@case(each="minor")
def trigger_rate(context):
    """So many calls a second, and only then."""
    target = context.target("service.py")
    tracer = context.attach(target, "--trigger", "rate:often>1000/s", "--after", "100ms",
                            "--cool-down", "1s")
    target.ask("burst 900")
    time.sleep(1.2)
    assert not dumps_of(context)
    target.ask("burst 1500")
    trace = load(wait_dumps(context, 1)[0])
    fired = trigger_of(trace)
    assert fired["name"] == "often" and fired["value"] == 1001, fired
    count = len([s for s in trace.slices if s.qualname == "often" and s.end <= fired["ts"]])
    assert 1800 < count <= 1901, count  # those of the first burst are still among the last ten seconds
    time.sleep(1.2)
    target.ask("burst 1200")
    wait_dumps(context, 2)
    assert "wrote 2 dumps:" in ended(tracer)


@case(each="minor")
def trigger_anomaly(context):
    """A call much longer than usual, after the usual has been learned."""
    target = context.target("service.py")
    tracer = context.attach(target, "--trigger", "anomaly:usual", "--after", "100ms",
                            "--cool-down", "0s")
    target.ask("unusual")  # nothing is usual yet
    target.ask("usual 300")
    time.sleep(0.3)
    before = len(dumps_of(context))  # on a busy machine some sleep may have been long, indeed
    times = target.ask("unusual")

    def found():
        return [t for t in map(load, dumps_of(context)[before:])
                if trigger_of(t)["ts"] > times["began"]]
    trace = wait_until(found, "the anomaly")[0]
    fired = trigger_of(trace)
    assert fired["name"] == "usual" and fired["ts"] < times["began"] + 310e6, fired
    print("%d other outliers" % before)
    assert before < 5
    ended(tracer)


@case(each=True)
def trigger_gc(context):
    """A long collection fires, a short one does not, on any build."""
    target = context.target("service.py")
    tracer = context.attach(target, "--trigger", "gc>40ms", "--after", "50ms", "--cool-down", "0s")
    target.ask("gc 1000")
    time.sleep(0.2)
    assert not dumps_of(context)
    size, took = 200000, 0
    while took < 0.08:
        size *= 2
        answer = target.ask("gc %d" % size)
        took = answer["took"]
    trace = load(wait_dumps(context, 1)[-1])
    fired = trigger_of(trace)
    assert fired["expr"] == "gc>40ms" and fired["name"] == "garbage collection", fired
    assert fired["tid"] == target.pid and fired["value"] > 40e6, fired
    print("a collection of %.0f ms, noticed at %.1f ms" % (took * 1e3, fired["value"] / 1e6))
    assert answer["began"] < fired["ts"] < answer["ended"] + SLACK_MS * 1e6 or len(dumps_of(context)) > 1
    ended(tracer)


@case(each=True)
def trigger_exception(context):
    """Once per exception, raised by Python or C, however far it goes and also when raised again."""
    target = context.target("service.py")
    tracer = context.attach(target, "--trigger", "exception:ValueError", "--after", "20ms",
                            "--cool-down", "0s")
    time.sleep(0.1)
    planted = [("raise ValueError", "raiser"), ("same ValueError", "same_frame"),
               ("again ValueError", "raiser"), ("parse", "parse"), ("worker ValueError", "raiser"),
               ("raise ValueError", "raiser")]
    for number, (word, function) in enumerate(planted, 1):
        for other in "ends", "swallow", "raise KeyError":
            target.ask(other)
        times = target.ask(word)
        fired = trigger_of(load(wait_dumps(context, number)[-1]))
        assert fired["expr"] == "exception:ValueError", fired
        assert fired["name"] == "ValueError in " + function, (word, fired)
        assert times["began"] < fired["ts"] < times["ended"], (times, fired)
        assert (fired["tid"] == target.pid) == (word != "worker ValueError"), (word, fired)
    time.sleep(0.2)
    line = ended(tracer)
    assert "wrote %d dumps:" % len(planted) in line and " 0 hits suppressed" in line, line


@case(each="minor")
def trigger_exception_in(context):
    """TYPE and FUNCTION are globs; what counts is the function that the exception reaches first."""
    target = context.target("service.py")
    tracer = context.attach(target, "--trigger", "exception:*@between", "--trigger",
                            "exception:Oo*@*/service.py:rais*", "--trigger", "exception:KeyError@same_*",
                            "--after", "20ms")
    for word in "raise ValueError", "same ValueError", "raise KeyError", "same Oops":
        for _ in range(3):
            target.ask(word)
    time.sleep(0.3)
    assert not dumps_of(context)
    target.ask("raise Oops")
    fired = trigger_of(load(wait_dumps(context, 1)[0]))
    assert (fired["expr"], fired["name"]) == ("exception:Oo*@*/service.py:rais*", "Oops in raiser"), fired
    target.ask("same KeyError")
    fired = trigger_of(load(wait_dumps(context, 2)[1]))
    assert (fired["expr"], fired["name"]) == ("exception:KeyError@same_*", "KeyError in same_frame"), fired
    for _ in range(5):
        target.ask("raise Oops")
        time.sleep(0.005)
    line = ended(tracer)
    assert "wrote 2 dumps:" in line and " 5 hits suppressed (5 in a cool-down" in line, line


@case()
def trigger_cool_down_and_cap(context):
    """Hits in the cool-down, and beyond the cap, are counted; another trigger has its own cool-down."""
    target = context.target("service.py")
    tracer = context.attach(target, "--trigger", "slow:slow_call>10ms", "--trigger", "slow:obey>60ms",
                            "--after", "100ms", "--cool-down", "700ms", "--max-dumps", "3")
    for _ in range(4):
        target.ask("slow 20")
    assert len(wait_dumps(context, 1)) == 1
    time.sleep(0.8)
    target.ask("slow 100")  # both, and each has its own file
    assert len(wait_dumps(context, 3)) == 3
    found = [trigger_of(load(p))["expr"] for p in dumps_of(context)]
    assert found[0] == "slow:slow_call>10ms" and sorted(found[1:]) == [
        "slow:obey>60ms", "slow:slow_call>10ms"], found
    time.sleep(0.8)
    target.ask("slow 20")
    time.sleep(0.3)
    line = ended(tracer)
    assert "wrote 3 dumps:" in line, line
    assert "4 hits suppressed (3 in a cool-down, 1 beyond --max-dumps 3)" in line, line


@case()
def trigger_at_the_end(context):
    """A hit whose time after it is not over when the trace ends has its dump, with what there is."""
    target = context.target("service.py")
    tracer = context.attach(target, "--trigger", "slow:slow_call>20ms", "--after", "1h")
    target.ask("slow 50")
    time.sleep(0.2)
    assert not dumps_of(context)
    line = ended(tracer)
    assert "wrote 1 dump:" in line, line
    trace = load(dumps_of(context)[0])
    fired = trigger_of(trace)
    assert any(s.start > fired["ts"] + 100e6 for s in trace.slices)
    assert any(s.qualname == "serve" and s.open == "both" for s in trace.slices)


@case()
def trigger_keeps_before(context):
    """--keep-last counts from the hit, however long --after is."""
    target = context.target("service.py")
    tracer = context.attach(target, "--trigger", "slow:slow_call>20ms", "--keep-last", "500ms",
                            "--after", "1500ms")
    time.sleep(0.8)
    target.ask("slow 50")
    trace = load(wait_dumps(context, 1)[0])
    fired = trigger_of(trace)["ts"]
    ends = [s.end for s in trace.slices if not s.open]
    assert fired - 0.5e9 <= min(ends) < fired - 0.4e9, (min(ends), fired)
    assert max(ends) > fired + 1.4e9
    ended(tracer)


@case()
def trigger_with_filters(context):
    """Threads left out trigger nothing; filters on calls leave triggers alone; a pause does, too."""
    target = context.target("service.py")
    tracer = context.attach(target, "--trigger", "slow:hang_call>100ms", "--trigger",
                            "slow:slow_call>20ms", "--ignore-thread", "hanger", "--only-function",
                            "handle", "--min-duration", "1s", "--after", "50ms")
    target.ask("hang")
    time.sleep(0.4)
    assert not dumps_of(context)
    context.command("ctl", "-p", target.pid, "pause").wait(0)
    target.ask("slow 50")
    context.command("ctl", "-p", target.pid, "resume").wait(0)
    time.sleep(0.2)
    assert not dumps_of(context)
    target.ask("slow 50")
    trace = load(wait_dumps(context, 1)[0])
    assert trigger_of(trace)["name"] == "slow_call"
    assert not [s for s in trace.slices if s.qualname == "slow_call"]
    ended(tracer)


@case()
def trigger_several_processes(context):
    """Each process has dumps of its own, also when all of them hit at one moment."""
    targets = [context.target("service.py") for _ in range(3)]
    pids = sum([["-p", t.pid] for t in targets], [])
    tracer = context.command(*pids, "-o", context.path("out.json"), "--trigger",
                             "slow:slow_call>20ms", "--after", "50ms", out=context.path("out.json"))
    for _ in targets:
        tracer.wait_tracing_any()
    for _ in range(2):
        for target in targets:
            target.tell("slow 100")
        for target in targets:
            target.hear()
    paths = wait_dumps(context, 3)
    assert len(paths) == 3, paths
    assert {trigger_of(load(p))["tid"] for p in paths} == {t.pid for t in targets}
    ended(tracer)


@case()
def trigger_formats(context):
    """Dumps have the format of -o, a raw capture converts, and names what fired."""
    target = context.target("service.py")
    tracer = context.attach(target, "--trigger", "slow:slow_call>20ms", "--after", "50ms", out="raw.vtb")
    target.ask("slow 50")
    path = wait_dumps(context, 1, "raw-*.vtb")[0]
    ended(tracer)
    out = context.path("converted.json")
    context.command("convert", path, "-o", out).wait(0)
    assert trigger_of(load(out))["name"] == "slow_call"


@case()
def trigger_usage(context):
    """What is no trigger is refused, and why is said."""
    for text in "slow:f", "slow:f>50", "rate:f>5", "anomaly:", "fast:f>1s":
        message = context.command("-p", "1", "--trigger", text).wait(2).text()
        assert "--trigger: '%s': " % text in message, message
