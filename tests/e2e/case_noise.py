# SPDX-License-Identifier: GPL-2.0-only
"""One noisy thread (targets/monitoring.py): left out by each of its names, while all else stays."""

import re
import time

from harness import case, wait_until

PERIOD = 0.05
REQUESTS = 25
WAKES = 2  # of the monitor, at least, while a trace runs


class Service:
    """The program, traced several times in its life."""

    def __init__(self, context, *args):
        self.context = context
        self.target = context.target("monitoring.py", PERIOD, -1, *args)
        self.facts = self.target.facts
        self.traces = 0

    def begin(self):
        """Lets the program go on; a late monitor starts."""
        self.facts["threads"] = self.target.ask("go")["threads"]
        self.monitor, self.monitor_ident = self.facts["threads"]["state-monitor"]
        return self

    def wakes(self):
        return self.target.ask("state")["wakes"]

    def attach(self, *options):
        self.traces += 1
        return self.context.attach(self.target, *options, out="noise%d.json" % self.traces)

    def trace(self, *options, tracer=None):
        """Traces while requests are served and the monitor works; the trace, what the workers did
        meanwhile, by tid, and what vtbpf said."""
        tracer = tracer or self.attach(*options)
        begin = self.wakes()
        calls = self.target.ask("serve %d" % REQUESTS)["calls"]
        wait_until(lambda: self.wakes() >= begin + WAKES, "the monitor works")
        trace = tracer.stop()
        assert trace.lost == 0
        assert sum(done.get("handle", 0) for done in calls.values()) == REQUESTS, calls
        return trace, {int(tid): done for tid, done in calls.items()}, tracer.text()

    def of_workers(self, trace):
        """{tid: {function: calls}} of the program's own functions, without the monitor and main."""
        counts = trace.counts(self.facts["file"])
        return {tid: dict(counts[tid]) for name, (tid, _) in self.facts["threads"].items()
                if tid != self.monitor}

    def check_silent(self, trace, tid):
        """Nothing in the trace is of this thread, not even its name."""
        events = [e for e in trace.events if e["tid"] == tid and e["name"] != "process_name"]
        assert not events, events[:5]
        assert tid not in [thread["tid"] for thread in trace.raw["vtbpf"]["threads"]]

    def check_ignored(self, trace, said, threads, selector):
        """The trace and the last lines say what was asked for, and how much that left out."""
        info = trace.raw["vtbpf"]
        assert selector in info["filters"], (selector, info["filters"])
        assert info["removed"]["threads"] == threads, info["removed"]
        # The walk that ran while the trace began or ended is not wholly within it.
        assert info["removed"]["of_threads"] >= (WAKES - 1) * self.facts["calls_per_wake"], info
        match = re.search(r"^vtbpf: ignored ([\d,]+) events of (\d+) threads?$", said, re.M)
        assert match, said
        assert int(match[1].replace(",", "")) == info["removed"]["of_threads"], (match[0], info)
        assert int(match[2]) == threads, match[0]


def monitor_calls(service, trace):
    return trace.counts(service.facts["file"])[service.monitor]


@case(each="minor")
def noise_unfiltered(context):
    """All threads: calls, names, tids and idents as the program says; most events are the monitor's."""
    service = Service(context).begin()
    trace, calls, said = service.trace()
    assert service.of_workers(trace) == calls
    counts = monitor_calls(service, trace)
    assert counts["describe"] >= counts["walk"] - 1 >= (WAKES - 1) * service.facts["calls_per_wake"] // 2
    assert trace.raw["vtbpf"]["filters"] == [] and "ignored" not in said, said
    threads = {thread["tid"]: thread for thread in trace.raw["vtbpf"]["threads"]}
    names = dict(service.facts["threads"], MainThread=[service.facts["tid"], service.facts["ident"]])
    for name, (tid, ident) in names.items():
        assert trace.thread_names.get(tid) == name == threads[tid]["name"], (name, trace.thread_names)
        assert int(threads[tid]["ident"], 16) == ident, (name, threads[tid])
    assert threads[service.monitor]["comm"] == service.facts["comm"], threads[service.monitor]


@case(each="minor")
def noise_thread_ignored(context):
    """--ignore-thread by glob, tid, ident and comm: nothing of the monitor, all of the others."""
    service = Service(context).begin()
    for selector in ("state-*", str(service.monitor), "ident:%#x" % service.monitor_ident,
                     service.facts["comm"]):
        trace, calls, said = service.trace("--ignore-thread", selector)
        service.check_silent(trace, service.monitor)
        assert service.of_workers(trace) == calls, selector
        assert trace.counts(service.facts["file"])[service.facts["tid"]]["serve"] == 1, selector
        service.check_ignored(trace, said, 1, "--ignore-thread " + selector)


@case(each="minor")
def noise_new_thread_ignored(context):
    """The same of a monitor that starts when tracing has begun, by its name."""
    service = Service(context, "late")
    tracer = service.attach("--ignore-thread", "state-monitor")
    trace, calls, said = service.begin().trace(tracer=tracer)
    service.check_silent(trace, service.monitor)
    assert service.of_workers(trace) == calls
    service.check_ignored(trace, said, 1, "--ignore-thread state-monitor")


@case(each="minor")
def noise_ignored_meanwhile(context):
    """`vtbpf ctl ignore-thread` while the trace runs: what the monitor did before stays, what it does
    from then on is not written; the workers do not notice."""
    service = Service(context).begin()
    tracer = service.attach()
    before = service.wakes()
    wait_until(lambda: service.wakes() >= before + WAKES, "the monitor works")
    context.command("ctl", "-p", service.target.pid, "ignore-thread", "state-*").wait(0)
    since = time.monotonic_ns()
    trace, calls, said = service.trace(tracer=tracer)
    assert service.of_workers(trace) == calls
    begun = [s.start for s in trace.slices if s.tid == service.monitor]
    assert begun and max(begun) < since, (max(begun), since)
    pattern = r"^vtbpf: ignored [\d,]+ events of threads that were ignored meanwhile$"
    assert re.search(pattern, said, re.M), said
    assert trace.raw["vtbpf"]["removed"]["of_threads"] >= (WAKES - 1) * service.facts["calls_per_wake"]


@case(each="minor")
def noise_only_thread(context):
    """--only-thread: the workers and no one else."""
    service = Service(context).begin()
    trace, calls, said = service.trace("--only-thread", "worker_?")
    service.check_silent(trace, service.monitor)
    service.check_silent(trace, service.facts["tid"])
    assert service.of_workers(trace) == calls
    service.check_ignored(trace, said, 2, "--only-thread worker_?")


@case(each="minor")
def noise_function_ignored(context):
    """--ignore-function: the monitor's function and what it calls are gone, what the same function
    calls elsewhere is not; a thread whose outermost function it is is gone wholly."""
    service = Service(context).begin()
    trace, calls, said = service.trace("--ignore-function", "record_state")
    assert set(monitor_calls(service, trace)) == set(), monitor_calls(service, trace)
    assert [s.qualname for s in trace.of_file(service.facts["file"]) if s.tid == service.monitor], \
        "the loop that calls it is not ignored"
    assert service.of_workers(trace) == calls
    assert trace.raw["vtbpf"]["removed"]["of_functions"] >= (WAKES - 1) * service.facts["calls_per_wake"]
    assert re.search(r"^vtbpf: ignored [\d,]+ calls for their functions$", said, re.M), said
    trace, calls, said = service.trace("--ignore-function", "*_bootstrap")
    assert {s.tid for s in trace.slices} == {service.facts["tid"]}
    service.check_silent(trace, service.monitor)
