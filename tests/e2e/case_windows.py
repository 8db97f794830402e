# SPDX-License-Identifier: GPL-2.0-only
"""Recording in windows and at certain hours: --sample-rate, --active."""

import json
import subprocess
import time

from case_control import ctl, status_of
from harness import case, text_differences, wait_until


LONG = 50e6  # ns: a window in which a thread that calls each millisecond is surely seen


def plain(trace_file):
    """The trace's own key, with its numbers as they are."""
    with open(trace_file, encoding="utf-8") as f:
        return json.load(f)["vtbpf"]


def windows_of(trace):
    """[(start, end)] in ns, which the slices called window and the key `windows` agree on."""
    marks = [(e["ts"], e["ts"] + e["dur"]) for e in trace.events
             if e["ph"] == "X" and e["cat"] == "vtbpf" and e["name"] == "window"]
    assert marks == [tuple(w) for w in trace.raw["vtbpf"]["windows"]], marks
    assert all(a <= b for a, b in marks)
    assert all(a[1] <= b[0] for a, b in zip(marks, marks[1:])), "windows overlap"
    return marks


def check_clipped(trace, windows):
    """Every call lies in one window, and says so when it was cut off at its edge. A window that ends by
    itself ends with the last call that was ending then: one of a thread may not be cut off there."""
    at, ending = 0, set()
    for s in sorted(trace.slices, key=lambda s: s.start):
        while at < len(windows) and windows[at][1] < s.start:
            at += 1
        assert at < len(windows) and windows[at][0] <= s.start, (s, windows)
        assert s.end <= windows[at][1], (s, windows[at])
        if s.end == windows[at][1] and s.open not in ("end", "both"):
            assert (at, s.tid) not in ending, s
            ending.add((at, s.tid))


@case(each="minor")
def windows_of_a_part_of_the_time(context):
    """A third of the time is recorded, in several windows; in between no probe is left."""
    target = context.target("control.py", 2)
    tracer = context.attach(target, "--sample-rate", "0.33", "-d", "4s")
    gaps = 0
    for _ in range(400):
        if status_of(context, target.pid)["window"] == "closed":
            differences = text_differences(target.pid)
            if status_of(context, target.pid)["window"] == "closed":
                assert not differences, "breakpoints between two windows"
                gaps += 1
        if gaps >= 3:
            break
        time.sleep(0.01)
    assert gaps >= 3
    tracer.wait(0)
    trace = tracer.trace()
    trace.check_shape()
    windows = windows_of(trace)
    assert len(windows) >= 3, windows
    check_clipped(trace, windows)
    vtbpf = plain(context.path("out.json"))
    covered = sum(b - a for a, b in vtbpf["windows"]) / (vtbpf["end_us"] - vtbpf["start_us"])
    assert abs(vtbpf["coverage"] - covered) < 0.001, (vtbpf["coverage"], covered)
    assert 0.15 < covered < 0.5, covered
    assert "--sample-rate 0.33" in vtbpf["filters"]
    for name, root in ("work", "work"), ("noise-1", "noise"):
        tid = trace.tid_of(name)
        seen = [s for s in trace.slices if s.tid == tid and s.qualname == root]
        for start, end in windows:
            inside = [s for s in seen if start <= s.start < end]
            assert len(inside) == 1 or (not inside and end - start < LONG), (name, inside, start, end)
    assert target.alive() and not text_differences(target.pid)


@case(each="minor")
def windows_and_pauses(context):
    """Paused, no window opens; resumed, they go on; both are marked."""
    target = context.target("control.py", 0)
    tracer = context.attach(target, "--sample-rate", "0.5")
    wait_until(lambda: status_of(context, target.pid)["windows"] >= 2, "two windows")
    ctl(context, target.pid, "pause")
    before = status_of(context, target.pid)
    assert before["state"] == "paused" and before["window"] == "closed", before
    time.sleep(1)
    assert not text_differences(target.pid)
    assert status_of(context, target.pid)["windows"] == before["windows"]
    assert "tracing again" in ctl(context, target.pid, "resume")
    wait_until(lambda: status_of(context, target.pid)["windows"] > before["windows"], "another window")
    trace = tracer.stop()
    windows = windows_of(trace)
    check_clipped(trace, windows)
    (start, end), = trace.pauses
    assert end - start > 900e6
    assert not [w for w in windows if w[0] < end and w[1] > start]
    all_of_it = trace.raw["vtbpf"]["end_us"] - trace.raw["vtbpf"]["start_us"] - (end - start)
    covered = sum(b - a for a, b in windows) / all_of_it
    assert abs(plain(context.path("out.json"))["coverage"] - covered) < 0.001


@case()
def windows_end_with_the_program(context):
    """It becomes another program, or ends, between two windows or in one."""
    for word, status in ("exec", "became another program"), ("exit", "wrote"):
        target = context.target("control.py", 0)
        tracer = context.attach(target, "--sample-rate", "0.3")
        time.sleep(0.7)
        target.tell(word)
        tracer.wait(0)
        assert status in tracer.text(), tracer.text()
        check_clipped(tracer.trace(), windows_of(tracer.trace()))


@case()
def windows_of_a_launched_program(context):
    """It does not wait for the first window, and its status is vtbpf's."""
    script = ("import time\ndef f(): pass\ne = time.time() + 2\n"
              "while time.time() < e: f()\nraise SystemExit(3)")
    tracer = context.launch([context.python.path, "-c", script], "--sample-rate", "0.4", status=3)
    trace = tracer.trace()
    check_clipped(trace, windows_of(trace))
    assert any(s.qualname == "f" for s in trace.slices)


def zone_in_which_it_is(hour, minute, second):
    """TZ for which the local time is that now."""
    now = time.time()
    ahead = int((hour * 3600 + minute * 60 + second) - now % 86400)
    west = -ahead
    if west < -43200:
        west += 86400
    if west > 43200:
        west -= 86400
    sign = "-" if west < 0 else ""
    west = abs(west)
    return "TST%s%d:%02d:%02d" % (sign, west // 3600, west // 60 % 60, west % 60)


@case()
def hours_in_which_to_record(context):
    """Recording waits for its hour, goes on until that is over, and waits again."""
    target = context.target("control.py", 0)
    env = {"TZ": zone_in_which_it_is(8, 59, 55)}
    tracer = context.command("-p", target.pid, "-o", context.path("out.json"), "--active", "9:00-9:01",
                             out=context.path("out.json"), env=env)
    wait_until(lambda: "waiting for it" in tracer.text_so_far(), "the message")
    assert "tracing" not in tracer.text_so_far()
    assert not text_differences(target.pid)
    assert status_of(context, target.pid)["state"] == "paused"
    assert "not paused" in ctl(context, target.pid, "resume", status=1)
    tracer.wait_tracing(target.pid)
    assert text_differences(target.pid)
    assert status_of(context, target.pid)["state"] == "tracing"
    time.sleep(0.3)
    trace = tracer.stop()
    (start, end), = trace.pauses
    assert start == trace.raw["vtbpf"]["start_us"] and 1e9 < end - start < 10e9, (start, end)
    assert trace.slices and all(s.start >= end for s in trace.slices)
    assert "windows" not in trace.raw["vtbpf"]


@case()
def hours_end(context):
    """What runs when the hours are over is cut off, and no probe is left."""
    target = context.target("control.py", 0)
    env = {"TZ": zone_in_which_it_is(17, 59, 56)}
    tracer = context.attach(target, "--active", "09:00-18:00", "--active", "23:00-23:10", env=env)
    assert text_differences(target.pid)
    wait_until(lambda: status_of(context, target.pid)["state"] == "paused", "the end of the hours")
    assert not text_differences(target.pid)
    trace = tracer.stop()
    (start, end), = trace.pauses
    assert not [s for s in trace.slices if s.end > start]
    assert [s for s in trace.slices if s.end == start and s.open in ("end", "both")]


@case()
def windows_need_sense(context):
    """What cannot be meant is refused before anything happens."""
    for words in ("--sample-rate", "2"), ("--max-overhead", "200"), ("--active", "noon"):
        done = subprocess.run([context.vtbpf, "-p", "1"] + list(words), stderr=subprocess.PIPE)
        assert done.returncode == 2 and words[0].encode() in done.stderr, done
