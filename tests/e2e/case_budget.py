# SPDX-License-Identifier: GPL-2.0-only
"""--max-overhead: the target pays no more than stated, and that much is used."""

import re
import time

from case_control import status_of
from case_windows import check_clipped, plain, windows_of
from harness import case, text_differences, wait_until

LINE = re.compile(r"^vtbpf: overhead: stated ([\d.]+)%, achieved ([\d.]+)% "
                  r"\(worst 10 s ([\d.]+)%\), (\d+) windows, coverage ([\d.]+)$", re.M)


def final_line(tracer):
    text = tracer.text().strip()
    found = LINE.search(text)
    assert found and text.endswith(found.group(0)), text
    return [float(x) for x in found.groups()]


def start(context, target, *options, out="out.json"):
    """Does not wait for the first window: on a busy machine vtbpf's own start is paid for first."""
    out = context.path(out)
    return context.command("-p", target.pid, "-o", out, *options, out=out)


@case(each="minor")
def budget_of_a_busy_target(context):
    """Nothing but calls: many short windows, and the target hardly notices."""
    target = context.target("spin.py")
    tracer = start(context, target, "--max-overhead", "5%", "-d", "8s")
    wait_until(lambda: "tracing" in tracer.text_so_far(), "the first window")
    status = status_of(context, target.pid)
    assert status["overhead_stated_percent"] == 5, status
    tracer.wait(0)
    stated, achieved, worst, windows, coverage = final_line(tracer)
    print("achieved %.1f%%, %d windows" % (achieved, windows))
    assert stated == 5 and achieved <= 5 and worst <= 5.05
    assert achieved > 1.5, "the budget is not used"
    assert windows >= 2 and coverage > 0
    trace = tracer.trace()
    trace.check_shape()
    assert len(windows_of(trace)) == windows
    check_clipped(trace, windows_of(trace))
    said = plain(context.path("out.json"))["overhead"]
    assert said["stated_percent"] == 5 and said["windows"] == windows and not said["sampled"]
    assert any(s.qualname == "step" and not s.open for s in trace.slices)
    assert target.alive() and not text_differences(target.pid)


@case()
def budget_of_a_quiet_target(context):
    """Two threads that call now and then: recorded nearly all the time."""
    target = context.target("control.py", 0)
    tracer = start(context, target, "--max-overhead", "5", "-d", "6s")
    tracer.wait(0)
    _, achieved, _, windows, coverage = final_line(tracer)
    print("achieved %.1f%%, %d windows, coverage %.2f" % (achieved, windows, coverage))
    assert achieved <= 5
    assert coverage > 0.5 or achieved > 2.5, (coverage, achieved)
    check_clipped(tracer.trace(), windows_of(tracer.trace()))


@case()
def budget_and_rate(context):
    """Both limits hold: the rate is the lower one for a quiet target."""
    target = context.target("control.py", 0)
    tracer = start(context, target, "--max-overhead", "10%", "--sample-rate", "0.2", "-d", "8s")
    tracer.wait(0)
    _, achieved, _, windows, coverage = final_line(tracer)
    assert achieved <= 10 and windows >= 2 and coverage < 0.35, tracer.text()


@case()
def budget_in_a_capture(context):
    """A raw capture tells the overhead, too; the convert of it does."""
    target = context.target("spin.py")
    tracer = start(context, target, "--max-overhead", "10%", "-d", "6s", out="raw.vtb")
    tracer.wait(0)
    final_line(tracer)
    context.command("convert", context.path("raw.vtb"), "-o", context.path("raw.json")).wait(0)
    said = plain(context.path("raw.json"))
    assert 0 < said["overhead"]["achieved_percent"] <= 10, said["overhead"]
    assert len(said["windows"]) == said["overhead"]["windows"] > 0


@case()
def budget_killed(context):
    """A killed vtbpf leaves no probe, whether a window was open or not."""
    target = context.target("spin.py")
    for _ in range(3):
        tracer = context.attach(target, "--max-overhead", "20%")
        time.sleep(0.35)
        tracer.process.kill()
        tracer.process.wait()
        wait_until(lambda: not text_differences(target.pid), "the probes' end")
    assert target.alive()
