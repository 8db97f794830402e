# SPDX-License-Identifier: GPL-2.0-only
"""Filters: threads by name, tid, ident and comm; durations; depth."""

from harness import case


def run(context, *options):
    """Traces filters.py with options; a value may be computed from the target's facts."""
    target = context.target("filters.py")
    options = [o(target.facts) if callable(o) else o for o in options]
    tracer = context.attach(target, *options)
    target.ask("go")
    target.ask("finish")
    trace = tracer.stop()
    assert trace.lost == 0
    return target.facts, trace


def threads_seen(facts, trace):
    counts = trace.counts(facts["file"])
    seen = {name for name, (tid, _) in facts["threads"].items() if counts[tid]["noop"]}
    if counts[facts["tid"]]["slow"]:
        seen.add("main")
    for tid in {tid for tid, _ in facts["threads"].values()}:
        assert counts[tid]["noop"] in (0, 20), counts[tid]
    return seen


EVERYONE = {"alpha", "beta-1", "beta-2", "监控", "main"}


@case(each="minor")
def ignore_thread(context):
    """--ignore-thread by glob on the Python name, by tid, by ident and by comm, repeated."""
    facts, trace = run(context, "--ignore-thread", "监控", "--ignore-thread", "beta-*")
    assert threads_seen(facts, trace) == {"alpha", "main"}
    ignored = facts["threads"]["beta-1"][0]
    assert ignored not in {s.tid for s in trace.slices}
    facts, trace = run(context,
                       "--ignore-thread", lambda facts: str(facts["threads"]["beta-1"][0]),
                       "--ignore-thread", lambda facts: "ident:%#x" % facts["threads"]["beta-2"][1],
                       "--ignore-thread", "alpha-c*")
    assert threads_seen(facts, trace) == {"监控", "main"}


@case()
def only_thread(context):
    """--only-thread keeps what it names and nothing else."""
    facts, trace = run(context, "--only-thread", "beta-?")
    assert threads_seen(facts, trace) == {"beta-1", "beta-2"}
    facts, trace = run(context, "--only-thread", "MainThread", "--only-thread",
                       lambda facts: str(facts["threads"]["alpha"][0]))
    assert threads_seen(facts, trace) == {"alpha", "main"}
    facts, trace = run(context, "--only_thread", "beta-?", "--ignore_thread", "beta-2")
    assert threads_seen(facts, trace) == {"beta-1"}


@case()
def thread_filter_of_the_unknown(context):
    """A selector that no thread fits: ignoring changes nothing, only gives an empty trace."""
    facts, trace = run(context, "--ignore-thread", "nobody-is-called-so")
    assert threads_seen(facts, trace) == EVERYONE
    facts, trace = run(context, "--only-thread", "nobody-is-called-so")
    assert threads_seen(facts, trace) == set()


@case(each="minor")
def min_duration(context):
    """--min-duration drops shorter calls, keeps longer ones."""
    facts, trace = run(context, "--min-duration", "10ms")
    counts = trace.counts(facts["file"])[facts["tid"]]
    assert counts["slow"] == 5 and counts["noop"] == 0 and counts["d0"] == 0, counts
    assert all(s.end - s.start >= 10_000_000 or s.open for s in trace.slices)
    facts, trace = run(context, "--min_duration", "5000")  # microseconds
    counts = trace.counts(facts["file"])[facts["tid"]]
    assert counts["slow"] == 5 and counts["noop"] == 0, counts


@case(each="minor")
def max_stack_depth(context):
    """--max-stack-depth N keeps N levels, the outermost call being the first."""
    script = context.script("launched.py")
    for depth, wanted in ((1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 500))):
        tracer = context.launch([context.python.path, script], "--max-stack-depth", str(depth),
                                out="depth%d.json" % depth)
        trace = tracer.trace()
        trace.check_shape()
        got = {s.qualname: 0 for s in trace.of_file(script)}
        for s in trace.of_file(script):
            got[s.qualname] += 1
        assert tuple(got.get(n, 0) for n in ("<module>", "top", "leaf")) == wanted, (depth, got)


@case()
def filters_of_convert(context):
    """`convert` filters a capture as tracing would have."""
    target = context.target("filters.py")
    capture = context.path("all.vtb")
    tracer = context.command("-p", target.pid, "-o", capture).wait_tracing(target.pid)
    target.ask("go")
    target.ask("finish")
    tracer.send(2)
    tracer.wait(0)

    def converted(*options):
        out = context.path("out.json")
        done = context.command("convert", capture, "-o", out, *options, out=out).wait(0)
        trace = done.trace()
        trace.check_shape()
        return trace

    assert threads_seen(target.facts, converted()) == EVERYONE
    assert threads_seen(target.facts, converted("--ignore-thread", "beta-*")) == \
        {"alpha", "监控", "main"}
    assert threads_seen(target.facts, converted("--only-thread", "监控")) == {"监控"}
    trace = converted("--min-duration", "10ms")
    assert trace.counts(target.facts["file"])[target.facts["tid"]]["slow"] == 5
    assert trace.counts(target.facts["file"])[target.facts["tid"]]["d0"] == 0
