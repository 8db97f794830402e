# SPDX-License-Identifier: GPL-2.0-only
"""--max-overhead: the target pays no more than stated, and that much is used."""

import re
import time

from case_control import status_of
from case_windows import check_clipped, plain, windows_of
from harness import case, clean_env, text_differences, wait_until

SAMPLES = re.compile(r"^vtbpf: overhead: stated ([\d.]+)%, achieved ([\d.]+)% \(worst 10 s ([\d.]+)%\)"
                     r"(?:, (\d+) windows, coverage ([\d.]+))?"
                     r", stacks sampled at ([\d.]+) Hz for ([\d.]+) s$", re.M)
LINE = re.compile(r"^vtbpf: overhead: stated ([\d.]+)%, achieved ([\d.]+)% "
                  r"\(worst 10 s ([\d.]+)%\), (\d+) windows, coverage ([\d.]+)(?:, process \d+)?$", re.M)


def final_line(tracer):
    text = tracer.text().strip()
    found = LINE.search(text)
    assert found and text.endswith(found.group(0)), text
    return [float(x) for x in found.groups()]


def start(context, target, *options, out="out.json"):
    """Does not wait for the first window: on a busy machine vtbpf's own start is paid for first."""
    out = context.path(out)
    return context.command("-p", target.pid, "-o", out, *options, out=out)


@case(each="ends")
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


def final_samples(tracer):
    """stated, achieved, worst, Hz, seconds."""
    text = tracer.text().strip()
    found = SAMPLES.search(text)
    assert found and text.endswith(found.group(0)), text
    return [float(found.group(n)) for n in (1, 2, 3, 6, 7)]


def start_worst(context, target, began):
    """What vtbpf's own start cost of 10 s, in percent, asked for when the first sample is taken. Its
    programs are loaded before anything is paced, and where no CPU is idle, that may be more than a small
    budget has. Nothing begins then until those 10 s are over: what began before them was not so dear."""
    worst = status_of(context, target.pid)["overhead_worst_10s_percent"]
    return worst if time.monotonic() - began >= 10 else 0


def check_worst(worst, stated, of_start):
    """No 10 s are dearer than stated, but those of the start (which the last line rounds)."""
    assert worst <= max(stated * 1.01, of_start + 0.051), (worst, stated, of_start)


def check_stretches(samples, hz, seconds):
    """What the trace says of when it was sampled, and how often, is what the last line says."""
    lengths = [(end - begin) / 1e6 for begin, end, _ in samples["stretches"]]
    mean = sum(n * s[2] for n, s in zip(lengths, samples["stretches"])) / sum(lengths)
    assert abs(sum(lengths) - seconds) < 0.2 and abs(mean - hz) < 0.06 + 0.01 * hz, (samples, hz, seconds)


@case(each="ends")
def budget_falls_back(context):
    """Where a detach costs more than the budget has in 10 s (one link a site), stacks are sampled,
    within the budget; it is said once, and marked."""
    target = context.target("spin.py")
    out, began = context.path("out.json"), time.monotonic()
    tracer = context.command("-p", target.pid, "-o", out, "--max-overhead", "1%", "-d", "17s", out=out,
                             env=clean_env(VTBPF_ATTACH="cookies"))
    wait_until(lambda: "tracing" in tracer.text_so_far(), "the first sample")
    of_start = start_worst(context, target, began)
    status = status_of(context, target.pid)
    assert status["mode"] == "samples" and status["windows"] == 0, status
    assert not text_differences(target.pid), "no probe is set"
    tracer.wait(0)
    assert tracer.text().count("stacks are sampled instead") == 1, tracer.text()
    stated, achieved, worst, hz, seconds = final_samples(tracer)
    check_worst(worst, stated, of_start)
    assert stated == 1 and achieved <= 1 and 1 <= hz <= 1000, tracer.text()
    trace = tracer.trace()
    trace.check_shape()
    said = plain(context.path("out.json"))
    assert said["overhead"]["sampled"] and said["overhead"]["windows"] == 0, said["overhead"]
    assert any("sampled instead" in text for text in said["warnings"])
    check_stretches(said["samples"], hz, seconds)
    assert all(s.args.get("sampled") for s in trace.slices)
    assert {"spin", "turn"} <= {s.qualname for s in trace.slices}


@case(each="ends")
def samples_within_a_budget(context):
    """--hz under a budget: as many of them as that allows, and it is used."""
    target = context.target("spin.py")
    tracer = start(context, target, "--hz", "10000", "--max-overhead", "2%", "-d", "12s")
    wait_until(lambda: "tracing" in tracer.text_so_far(), "the first sample")
    begun = time.monotonic()
    tracer.wait(0)
    stated, achieved, worst, hz, seconds = final_samples(tracer)
    print("achieved %.2f%% at %.0f Hz for %.1f s" % (achieved, hz, seconds))
    assert stated == 2 and worst <= 2.02 and achieved <= 2 and hz < 10000
    assert seconds > time.monotonic() - begun - 2
    assert "window" not in tracer.text()
    trace = tracer.trace()
    said = plain(context.path("out.json"))
    check_stretches(said["samples"], hz, seconds)
    assert said["samples"]["period_ns"] == 100000 and not said["overhead"]["sampled"], said
    # A sample counts for all the time since the last one, however often it is taken.
    taken = said["samples"]["taken"] / 10000
    busy = sum(s.end - s.start for s in trace.slices if s.qualname == "spin") / 1e9
    assert taken > 0.2 * seconds and abs(busy - taken) < 0.1 * taken + 0.05, (busy, taken, seconds)


@case()
def samples_of_a_quiet_target(context):
    """Nothing to be saved: the rate that was asked for."""
    target = context.target("control.py", 0)
    tracer = start(context, target, "--hz", "100", "--max-overhead", "5%", "-d", "3s")
    tracer.wait(0)
    assert final_samples(tracer)[3] == 100, tracer.text()
    text = context.fails(2, "-p", target.pid, "--hz", "10", "--max-overhead", "1%", "--wall")
    assert "--wall" in text, text


@case()
def budget_of_single_links(context):
    """One link a site: the target pays for the whole detach, and there are windows all the same."""
    target = context.target("spin.py")
    out = context.path("out.json")
    tracer = context.command("-p", target.pid, "-o", out, "--max-overhead", "10%", "-d", "8s", out=out,
                             env=clean_env(VTBPF_ATTACH="cookies"))
    tracer.wait(0)
    _, achieved, worst, windows, coverage = final_line(tracer)
    print("achieved %.1f%%, %d windows" % (achieved, windows))
    assert achieved <= 10 and worst <= 10.1 and windows >= 1 and coverage > 0, tracer.text()
    check_clipped(tracer.trace(), windows_of(tracer.trace()))
    assert not text_differences(target.pid)


@case()
def budget_turns_back(context):
    """A target that goes to sleep while stacks are sampled: after ten seconds of that windows come back,
    and the trace has both, one after the other."""
    target = context.target("sampled.py", "graph", 0)
    out, began = context.path("out.json"), time.monotonic()
    tracer = context.command("-p", target.pid, "-o", out, "--max-overhead", "1%", out=out,
                             env=clean_env(VTBPF_ATTACH="cookies"))
    for _ in range(60):
        target.ask("1")  # second of work
        if "vtbpf: tracing" in tracer.text_so_far():
            break
    of_start = start_worst(context, target, began)
    target.ask("2")
    time.sleep(9)
    wait_until(lambda: status_of(context, target.pid)["window"] == "open", "windows", 40)
    assert status_of(context, target.pid)["mode"] == "windows"
    tracer.send(2)
    tracer.wait(0)
    _, achieved, worst, hz, _ = final_samples(tracer)
    check_worst(worst, 1, of_start)
    assert achieved <= 1 and hz > 0, tracer.text()
    trace = tracer.trace()
    windows = windows_of(trace)
    assert windows and any(s.args.get("sampled") for s in trace.slices)
    for begin, end, _ in plain(out)["samples"]["stretches"]:
        assert all(end * 1000 <= w[0] or w[1] <= begin * 1000 for w in windows), (begin, end, windows)
