# SPDX-License-Identifier: GPL-2.0-only
"""More threads than one looks at."""

import os

from harness import case


@case(each="minor")
def short_threads(context):
    """Threads that live for one call: each call under its own tid, no thread under another's name."""
    target = context.target("short.py", 400)
    tracer = context.attach(target)
    truth = target.ask("go")
    trace = tracer.stop()
    assert trace.lost == 0
    counts = trace.counts(target.facts["file"])
    got = {tid: c["job"] for tid, c in counts.items() if c["job"]}
    assert got == {int(tid): 1 for tid in truth["names"]}
    comm = os.path.basename(context.python.path)
    named = 0
    for tid, name in truth["names"].items():
        shown = trace.thread_names[int(tid)]
        named += shown == name
        # 3.14 gives the kernel the Python name, cut at 15 bytes.
        assert shown in (name, comm[:15], "python", "python3"), (tid, name, shown)
    print("      %d of 400 short threads have their Python names" % named)
