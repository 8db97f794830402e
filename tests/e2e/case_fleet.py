# SPDX-License-Identifier: GPL-2.0-only
"""Several processes in one trace: named, or found by a rule, now and later."""

import json
import os
import re
import signal
import subprocess
import time

from case_budget import LINE
from harness import case, text_differences, wait_until


def tracing(tracer, pid):
    wait_until(lambda: re.search(r"tracing %d…" % pid, tracer.text_so_far()), "tracing %d" % pid)


def assert_exact(trace, target, truth):
    counts = trace.counts(target.facts["file"])
    for thread in truth["threads"]:
        got = counts[thread["tid"]]["middle"], counts[thread["tid"]]["leaf"]
        assert got == (thread["rounds"], 2 * thread["rounds"]), (thread, got)
        assert {s.pid for s in trace.slices if s.tid == thread["tid"]} == {target.pid}


@case(each="minor")
def fleet_of_two(context):
    """Two processes: every call of both, exactly once, in one file; which -p comes first is no matter."""
    one, two = context.target("calls.py", 300), context.target("calls.py", 500)
    out = context.path("out.json")
    tracer = context.command("-p", two.pid, "-p", one.pid, "-p", two.pid, "-o", out, out=out)
    tracing(tracer, one.pid)
    tracing(tracer, two.pid)
    truths = [target.ask("go") for target in (one, two)]
    trace = tracer.stop()
    assert trace.lost == 0
    for target, truth in zip((one, two), truths):
        assert_exact(trace, target, truth)
        assert target.pid in trace.process_names
        target.tell("exit")
    assert sorted(t["pid"] for t in trace.raw["vtbpf"]["targets"]) == sorted([one.pid, two.pid])
    assert "2 processes" in tracer.text()
    assert os.listdir(context.tmp) == ["out.json"], os.listdir(context.tmp)


@case()
def fleet_of_samples(context):
    """--hz reaches both: each has the samples that its CPU time makes."""
    targets = [context.target("sampled.py", "deep", 20) for _ in range(2)]
    out = context.path("out.json")
    tracer = context.command("-p", targets[0].pid, "-p", targets[1].pid, "--hz", "500", "-o", out,
                             out=out)
    for target in targets:
        tracing(tracer, target.pid)
    cpu = [target.ask("1")["cpu"] for target in targets]
    trace = tracer.stop()
    said = trace.raw["vtbpf"]["samples"]
    want = 500 * sum(cpu)
    assert want * 0.98 - 10 <= said["taken"] + said["unreadable"] <= want * 1.02 + 20, (said, cpu)
    for target in targets:
        assert any(s.pid == target.pid and s.qualname == "burn" for s in trace.slices), target.pid


@case()
def fleet_within_budgets(context):
    """--max-overhead holds for each process by itself, and all windows are in the file."""
    targets = [context.target("spin.py"), context.target("control.py", 0)]
    out = context.path("out.json")
    tracer = context.command("-p", targets[0].pid, "-p", targets[1].pid, "--max-overhead", "5%", "-d",
                             "7s", "-o", out, out=out)
    tracer.wait(0)
    lines = LINE.findall(tracer.text())
    assert len(lines) == 2, tracer.text()
    for stated, achieved, worst, windows, _ in lines:
        assert float(stated) == 5 and float(achieved) <= 5 and float(worst) <= 5.05, lines
        assert int(windows) >= 1, lines
    trace = tracer.trace()
    assert len(trace.raw["vtbpf"]["windows"]) == sum(int(line[3]) for line in lines)
    assert {target.pid for target in targets} <= {s.pid for s in trace.slices}
    for target in targets:
        assert target.alive() and not text_differences(target.pid)


@case()
def fleet_one_dies(context):
    """One is killed: the other goes on, and what the first did is in the file. When both are gone, the
    trace is at its end."""
    one, two = context.target("spin.py"), context.target("spin.py")
    out = context.path("out.json")
    tracer = context.command("-p", one.pid, "-p", two.pid, "-o", out, out=out)
    tracing(tracer, one.pid)
    tracing(tracer, two.pid)
    time.sleep(0.2)
    one.process.kill()
    one.wait()
    time.sleep(0.5)
    two.process.kill()
    two.wait()
    tracer.wait(0)
    trace = tracer.trace()
    trace.check_shape()
    ends = {pid: max(s.end for s in trace.slices if s.pid == pid) for pid in (one.pid, two.pid)}
    assert ends[two.pid] - ends[one.pid] > 300e6, ends


@case()
def fleet_with_a_stranger(context):
    """A process that is no Python, among others: they are traced, and the exit status tells."""
    one = context.target("spin.py")
    stranger = context.start(["/bin/sleep", "100"])
    out = context.path("out.json")
    tracer = context.command("-p", stranger.pid, "-p", one.pid, "-o", out, out=out)
    tracing(tracer, one.pid)
    time.sleep(0.2)
    tracer.send(signal.SIGTERM)
    tracer.wait(4)
    assert {s.pid for s in tracer.trace().slices} == {one.pid}
    assert "%d" % stranger.pid in tracer.text()


@case()
def fleet_of_strangers(context):
    """Nothing that can be traced: exit 4, no file."""
    strangers = [context.start(["/bin/sleep", "100"]) for _ in range(2)]
    out = context.path("out.json")
    context.command("-p", strangers[0].pid, "-p", strangers[1].pid, "-o", out, out=out).wait(4)
    assert not os.listdir(context.tmp), os.listdir(context.tmp)


@case()
def fleet_ctrl_c_on_terminal(context):
    """Ctrl-C reaches the recordings, too, and more than once."""
    targets = [context.target("spin.py") for _ in range(3)]
    out = context.path("out.json")
    tracer = context.command(*[arg for t in targets for arg in ("-p", t.pid)], "-o", out,
                             "--min-duration", "10ms", out=out, start_new_session=True)
    for target in targets:
        tracing(tracer, target.pid)
    os.killpg(tracer.process.pid, signal.SIGINT)
    tracer.wait(0)
    tracer.trace().check_shape()
    for target in targets:
        assert target.ask("ping")


@case()
def fleet_by_command_line(context):
    """--match: waits for the first one, is united with -p, and finds the next one when it is started
    again. Who fits and is no Python is passed over."""
    named = context.target("spin.py")
    mark = "mark-%d" % os.getpid()
    context.start(["/bin/sh", "-c", "sleep 100; : " + mark])
    out = context.path("out.json")
    tracer = context.command("-p", named.pid, "--match", "*spin.py " + mark, "--match",
                             "/bin/sh*" + mark, "--min-duration", "10ms", "-o", out, out=out)
    tracing(tracer, named.pid)
    pids = [named.pid]
    for _ in range(2):
        target = context.target("spin.py", mark)
        tracing(tracer, target.pid)
        time.sleep(0.2)
        pids.append(target.pid)
        target.close()
    trace = tracer.stop()
    assert {s.pid for s in trace.slices} == set(pids)
    assert tracer.text().count("tracing") == 3, tracer.text()


@case()
def fleet_after_exec(context):
    """A process that fits becomes another Python program: it is traced again."""
    mark = "mark-%d" % os.getpid()
    code = ("import os, sys, time\ndef before(): pass\ndef after(): pass\n"
            "end = time.time() + 100\nrest = sys.argv[1:]\n"
            "while time.time() < end:\n"
            "    (after if 'again' in rest else before)()\n    time.sleep(.001)\n"
            "    if os.path.exists(rest[1]) and 'again' not in rest:\n"
            "        os.execv(sys.executable, [sys.executable, '-c', rest[2]] + rest + ['again'])\n")
    flag = context.path("flag")
    process = context.start([context.python.path, "-c", code, mark, flag, code])
    out = context.path("out.json")
    tracer = context.command("--match", "*" + mark + "*", "-o", out, out=out)
    tracing(tracer, process.pid)
    time.sleep(0.3)
    open(flag, "w").close()
    wait_until(lambda: tracer.text_so_far().count("tracing %d…" % process.pid) == 2, "traced again")
    time.sleep(0.3)
    trace = tracer.stop()
    names = [s.qualname for s in trace.slices if s.qualname in ("before", "after")]
    assert names.count("before") > 5 and names.count("after") > 50, (len(names), names[-5:])
    assert len(trace.raw["vtbpf"]["targets"]) == 2


@case()
def fleet_waits_in_vain(context):
    """--match that fits nothing: says that it waits; exit 4 when it is ended."""
    out = context.path("out.json")
    tracer = context.command("--match", "no such program", "-o", out, out=out)
    wait_until(lambda: "waiting" in tracer.text_so_far(), "it says that it waits")
    tracer.send(signal.SIGINT)
    tracer.wait(4)
    assert not os.listdir(context.tmp), os.listdir(context.tmp)


@case()
def fleet_is_controlled(context):
    """Each process of several can be controlled by itself; the file is as it then was."""
    one, two = context.target("spin.py"), context.target("spin.py")
    out = context.path("out.json")
    tracer = context.command("-p", one.pid, "-p", two.pid, "-o", out, out=out)
    tracing(tracer, one.pid)
    tracing(tracer, two.pid)
    ctl = [context.vtbpf, "ctl", "-p", str(two.pid)]
    subprocess.run(ctl + ["ignore-function", "spin"], check=True, stdout=subprocess.PIPE)
    subprocess.run(ctl + ["pause"], check=True, stdout=subprocess.PIPE)
    status = json.loads(subprocess.run(ctl + ["status", "--json"], check=True,
                                       stdout=subprocess.PIPE).stdout)
    assert status["pid"] == two.pid and status["state"] == "paused", status
    time.sleep(0.3)
    trace = tracer.stop()
    last = {pid: max(s.end for s in trace.slices if s.pid == pid) for pid in (one.pid, two.pid)}
    assert last[one.pid] - last[two.pid] > 200e6, last
    assert len(trace.pauses) == 1


@case()
def fleet_to_capture(context):
    """-o X.vtb: one capture of both, which converts to the same."""
    one, two = context.target("calls.py", 50), context.target("calls.py", 70)
    out = context.path("out.vtb")
    tracer = context.command("-p", one.pid, "-p", two.pid, "-o", out, out=context.path("out.json"))
    tracing(tracer, one.pid)
    tracing(tracer, two.pid)
    truths = [target.ask("go") for target in (one, two)]
    tracer.send(signal.SIGINT)
    tracer.wait(0)
    assert os.listdir(context.tmp) == ["out.vtb"], os.listdir(context.tmp)
    context.command("convert", out, "-o", tracer.out).wait(0)
    trace = tracer.trace()
    trace.check_shape()
    for target, truth in zip((one, two), truths):
        assert_exact(trace, target, truth)


@case()
def fleet_comes_and_goes(context):
    """Who fits a rule and is gone before it is traced is no failure, at whatever moment it goes."""
    target = context.target("service.py", context.tmp)
    for i in range(6):
        tracer = context.command("--match", "* %s" % context.tmp, "-o", context.path("out.json"))
        tracing(tracer, target.pid)
        brief = context.target("service.py", context.tmp)
        time.sleep(0.15 + 0.01 * i)  # it is found four times a second, and then attached to
        brief.close()
        tracer.send(signal.SIGINT)
        tracer.wait(0)
