# SPDX-License-Identifier: GPL-2.0-only
"""A long trace in little memory."""

import json
import re
import signal
import subprocess
import time

import faults
from harness import Skip, case

EVENTS = 10**8
GROWTH = 8 << 20  # bytes


def resident(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"RssAnon:\s+(\d+) kB", f.read()).group(1)) << 10


def follow(context, tracer, target, wanted):
    """Until so many events, two a call, have passed; [(events, bytes)], one a second."""
    seen = []
    while not seen or seen[-1][0] < wanted:
        time.sleep(1)
        said = subprocess.run([context.vtbpf, "ctl", "-p", str(target.pid), "status", "--json"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        seen.append((2 * json.loads(said)["calls"], resident(tracer.process.pid)))
    return seen


@case()
def soak(context):
    """10^8 events: vtbpf's memory does not grow after the first tenth of them."""
    if faults.SETTINGS.short:
        raise Skip("takes minutes; without --short")
    target = context.target("cycle_gil.py")
    tracer = context.attach(target, "--no-progress", out="soak.vtb")
    seen = follow(context, tracer, target, EVENTS)
    tracer.send(signal.SIGINT)
    tracer.wait(0, seconds=1800)
    first = [size for at, size in seen if EVENTS / 10 <= at]
    print("%d events in %d s; memory %d to %d kB after the first tenth\n%s" % (
        seen[-1][0], len(seen), min(first) >> 10, max(first) >> 10, tracer.text()))
    assert first[-1] - first[0] < GROWTH, [size >> 10 for size in first]
    faults.assert_right(target)
