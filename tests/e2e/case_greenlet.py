# SPDX-License-Identifier: GPL-2.0-only
"""Programs that switch stacks under Python's feet."""

import packages
from harness import case, clean_env


@case(each=True, exact=True)
def greenlets(context):
    """Greenlets of one thread, whose calls overlap, lie on tracks of their own; nothing crashes."""
    site = packages.site(context, "greenlet")
    target = context.target("green.py", env=clean_env(PYTHONPATH=site))
    tracer = context.attach(target)
    truth = target.ask("go")
    trace = tracer.stop()
    file = target.facts["file"]
    tid = target.facts["tid"]
    naps = [s for s in trace.of_file(file) if s.qualname == "nap"]
    assert len(naps) == 2 * truth["rounds"], (len(naps), truth)
    for name in ("ping", "pong"):
        track = {s.tid for s in trace.of_file(file) if s.qualname == name}
        assert len(track) == 1, (name, track)
    made_up = {s.tid for s in naps} - {tid}
    assert made_up, "overlapping greenlets share one track"
    assert all(s.args.get("tid") == tid for s in naps if s.tid != tid), naps[:5]
    assert target.alive()
    target.tell("exit")
    assert target.wait() == 0
