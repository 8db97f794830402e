# SPDX-License-Identifier: GPL-2.0-only
"""--sched: what targets/off_cpu.py did without a CPU, by its own clock."""

import collections
import os
import re
import signal

import formats
from harness import case
from tracefile import Trace

SLEEPS = ("blocked: clock_nanosleep", "blocked: nanosleep", "blocked: select", "blocked: pselect6")
SLICES = """select s.name, t.tid, s.dur from slice s join thread_track tt on s.track_id = tt.id
    join thread t using (utid) where s.category = 'sched'"""
WAKERS = """select a.int_value from slice s join args a using (arg_set_id)
    where s.category = 'sched' and a.key = 'debug.waker'"""
UNCLOSED = "select count(*) from slice where dur < 0"
ERRORS = "select name, value from stats where severity in ('error', 'data_loss') and value > 0"
EDGE = 100000  # ns, after an edge of the recording: frames that run then begin there, one by one


class Event:
    def __init__(self, event):
        self.name, self.tid = event["name"], event["tid"]
        self.start, self.end = event["ts"], event["ts"] + event["dur"]
        self.waker = event.get("args", {}).get("waker")

    def __repr__(self):
        return "%s[%d..%d] by %s" % (self.name, self.start, self.end, self.waker)


def events_of(trace):
    return [Event(e) for e in trace.events if e["ph"] == "X" and e["cat"] == "sched"]


def find(events, told, names, waker=()):
    """The longest of these within what a thread told of."""
    tid, begin, end = told
    fits = [e for e in events if e.tid == tid and e.name in names and begin <= e.start and e.end <= end
            and (waker == () or e.waker == waker)]
    assert fits, "none of %s by %s in %s: %s" % (
        names, waker, told, [e for e in events if e.tid == tid])
    return max(fits, key=lambda e: e.end - e.start)


def check_nesting(trace):
    """Slices of every category nest with each other, and those of one thread without a CPU are apart."""
    tracks = {}
    for e in trace.events:
        if e["ph"] == "X":
            tracks.setdefault((e["pid"], e["tid"]), []).append((e["ts"], -e["dur"], e["name"]))
    for track, slices in tracks.items():
        open_ones = []
        for begin, dur, name in sorted(slices):
            while open_ones and open_ones[-1][0] <= begin:
                open_ones.pop()
            assert not open_ones or begin - dur <= open_ones[-1][0], (track, name, open_ones)
            open_ones.append((begin - dur, name))


def check_sleep(events, truth):
    e = find(events, truth["sleep"], SLEEPS)
    assert e.end >= truth["sleep"][1] + truth["nap"], e  # nobody wakes it before
    assert e.waker is None, e  # but an interrupt


def check_lock(events, truth):
    release = truth["release"]
    e = find(events, truth["lock"], ("blocked: futex",), release[0])
    assert e.end >= release[1], (e, release)


def check_message(events, truth):
    e = find(events, truth["recv"], ("blocked: recvfrom",), truth["send"][0])
    assert truth["send"][1] <= e.end <= truth["send"][2], (e, truth["send"])


def check_fight(events, truth):
    """The kernel's own sum of the time that the thread waited for a CPU."""
    tid, begin, end = truth["fight"]
    waited = sum(e.end - e.start for e in events
                 if e.tid == tid and e.name == "runnable" and begin <= e.start and e.end <= end)
    assert abs(waited - truth["delay"]) <= truth["delay"] * 0.1 + 20000000, (waited, truth["delay"])


def check_early(trace, events, truth):
    """It was asleep before: until it is woken, from the begin of the trace on."""
    tid, _, end = truth["early"]
    first = min((e for e in events if e.tid == tid), key=lambda e: e.start)
    assert first.name == "blocked: futex" and first.end <= end, first
    assert first.start <= truth["sleep"][1] + EDGE, (first, truth["sleep"])
    forever = [e for e in events if e.tid == trace.tid_of("forever")]
    assert len(forever) == 1 and forever[0].name == "blocked: futex", forever
    assert forever[0].end >= truth["fight"][2], forever


@case(each="minor")
def sched_by_the_clock(context):
    target = context.target("off_cpu.py")
    tracer = context.attach(target, "--sched")
    truth = target.ask("go")
    trace = tracer.stop()
    events = events_of(trace)
    check_nesting(trace)
    check_sleep(events, truth)
    check_lock(events, truth)
    check_message(events, truth)
    check_fight(events, truth)
    check_early(trace, events, truth)
    assert trace.lost == 0


@case()
def sched_launched_and_ignored(context):
    """From the first call on; and nothing of an ignored thread."""
    tracer = context.launch([context.python.path, "-c", "import time, threading\n"
                             "t = threading.Thread(target=time.sleep, args=(0.2,), name='quiet')\n"
                             "t.start(); time.sleep(0.1); t.join()"],
                            "--sched", "--ignore-thread", "quiet")
    trace = tracer.trace()
    check_nesting(trace)
    events = events_of(trace)
    assert {e.tid for e in events} == {e["pid"] for e in trace.events}, events
    assert any(e.name in SLEEPS for e in events), events


@case()
def sched_in_windows(context):
    """Nothing outside of them, and what goes on is cut at their edges."""
    target = context.target("off_cpu.py")
    tracer = context.attach(target, "--sched", "--sample-rate", "0.5")
    target.ask("go")
    trace = tracer.stop()
    check_nesting(trace)
    events = events_of(trace)
    windows = [(e["ts"], e["ts"] + e["dur"]) for e in trace.events
               if e["ph"] == "X" and e["cat"] == "vtbpf" and e["name"] == "window"]
    for e in events:
        assert any(begin <= e.start and e.end <= end for begin, end in windows), (e, windows)
    assert any(e.name in SLEEPS for e in events), events


@case()
def sched_in_perfetto(context):
    """Perfetto's own trace processor finds the same, on the same threads, and nothing wrong."""
    target = context.target("off_cpu.py")
    tracer = context.attach(target, "--sched", out="out.vtb")
    target.ask("go")
    tracer.send(signal.SIGINT)
    tracer.wait()
    for name in ("raw.json", "out.pftrace"):
        context.command("convert", context.path("out.vtb"), "-o", context.path(name)).wait(0)
    events = events_of(Trace(context.path("raw.json")))
    slices, wakers, depths, errors = formats.perfetto(
        context, context.path("out.pftrace"), SLICES, WAKERS, UNCLOSED, ERRORS)
    assert errors == [] and depths == [[0]], (errors, depths)
    assert collections.Counter(tuple(row) for row in slices) == \
        collections.Counter((e.name, e.tid, e.end - e.start) for e in events)
    assert collections.Counter(row[0] for row in wakers) == \
        collections.Counter(e.waker for e in events if e.waker is not None)


@case()
def sched_in_files_of_a_rotation(context):
    """What goes on from one file to the next is in both, cut where one gives way to the other."""
    target = context.target("off_cpu.py")
    tracer = context.attach(target, "--sched", "--rotate", "1", "-d", "2.5")
    tracer.wait()
    forever = []
    for name in sorted(name for name in os.listdir(context.tmp) if name.startswith("out-")):
        trace = Trace(context.path(name))
        check_nesting(trace)
        tid = trace.tid_of("forever")
        forever += [e for e in events_of(trace) if e.tid == tid]
    assert len(forever) >= 2, forever
    for earlier, later in zip(forever, forever[1:]):
        assert earlier.end <= later.start <= earlier.end + EDGE, forever


@case()
def sched_refuses(context):
    """What it does not go with."""
    for options in (("--hz", "99"), ("--max-overhead", "2"), ("--tracer-entries", "9")):
        text = context.fails(2, "--sched", *options, "-p", "1")
        assert re.search(r"--sched: ", text), text
