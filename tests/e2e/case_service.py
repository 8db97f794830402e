# SPDX-License-Identifier: GPL-2.0-only
"""A trace that goes on as a service: file after file."""

import os
import re
import signal
import time

from harness import case, wait_until


def tracing(tracer, pid):
    wait_until(lambda: re.search(r"tracing %d…" % pid, tracer.text_so_far()), "tracing %d" % pid)


@case(each="minor")
def rotation_is_exact(context):
    """Files follow one another while threads call at full speed: each call is in one of them, and the
    one in which it was cut off says so."""
    target = context.target("calls.py", 8000)
    out = context.path("out.json")
    tracer = context.command("-p", target.pid, "--rotate", "1s", "-o", out)
    tracing(tracer, target.pid)
    truth = target.ask("go")
    time.sleep(0.2)
    tracer.send(signal.SIGINT)
    tracer.wait(0)
    files = sorted(os.listdir(context.tmp))
    assert len(files) > 1, files
    assert all(re.fullmatch(r"out-\d{8}-\d{6}-\d+\.json", name) for name in files), files
    ended, lost = {}, 0
    for name in files:
        tracer.out = context.path(name)
        trace = tracer.trace()
        trace.check_shape()
        lost += trace.lost
        for s in trace.of_file(target.facts["file"]):
            if s.open not in ("end", "both"):
                ended[s.tid, s.qualname] = ended.get((s.tid, s.qualname), 0) + 1
    for thread in truth["threads"]:
        got = [ended.get((thread["tid"], name), 0) for name in ("middle", "leaf")]
        missing = 3 * thread["rounds"] - sum(got)
        assert missing == 0 or 0 < missing <= lost, (thread, got, lost)


@case()
def rotation_keeps_the_newest(context):
    """--keep: what the rotation itself wrote goes, in this run and the next; nothing else does."""
    target = context.target("spin.py")
    out = context.path("out.json")
    foreign = context.path("out-20200101-000000-1.json")
    with open(foreign, "w") as f:
        f.write("{}")
    for _ in range(2):
        tracer = context.command("-p", target.pid, "--rotate", "1s", "--keep", "2", "-d", "3500ms",
                                 "-o", out, "--min-duration", "1s")
        tracer.wait(0)
    files = sorted(os.listdir(context.tmp))
    assert os.path.basename(foreign) in files, files
    marked = [name for name in files
              if "user.vtbpf.rotation" in os.listxattr(context.path(name))]
    if marked:
        assert len(files) == 3, files
    else:  # a file system without such attributes
        assert len(files) == 5, files


@case()
def rotation_by_size(context):
    """--rotate SIZE: the capture decides."""
    target = context.target("spin.py")
    out = context.path("out.json")
    tracer = context.command("-p", target.pid, "--rotate", "1M", "-d", "3s", "-o", out)
    tracer.wait(0)
    assert len(os.listdir(context.tmp)) >= 2, os.listdir(context.tmp)
