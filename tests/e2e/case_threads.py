# SPDX-License-Identifier: GPL-2.0-only
"""More threads than one looks at."""

from harness import case


@case(each="minor", exact=True)
def short_threads(context):
    """Threads that live for one call: each call under its own tid, with its Python name."""
    target = context.target("short.py", 400)
    tracer = context.attach(target)
    truth = target.ask("go")
    trace = tracer.stop()
    assert trace.lost == 0
    counts = trace.counts(target.facts["file"])
    got = {tid: c["job"] for tid, c in counts.items() if c["job"]}
    assert got == {int(tid): 1 for tid in truth["names"]}
    for tid, name in truth["names"].items():
        assert trace.thread_names[int(tid)] == name, (tid, name, trace.thread_names[int(tid)])
