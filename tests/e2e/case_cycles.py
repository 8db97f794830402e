# SPDX-License-Identifier: GPL-2.0-only
"""Attach and detach, again and again: scripts/check_cycles.py in short."""

import os
import subprocess
import sys

import packages
from harness import HERE, case, clean_env

SCRIPTS = os.path.join(HERE, "..", "..", "scripts")


def run_cycles(context, program):
    argv = [sys.executable, os.path.join(SCRIPTS, "check_cycles.py"), "--program", program,
            "--cycles", "20", "--no-timing", "--vtbpf", context.vtbpf,
            "--python", context.python.path]
    done = subprocess.run(argv, env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    print(done.stdout)
    assert done.returncode == 0, "exit status %d" % done.returncode
    assert "20 cycles" in done.stdout and "unharmed" in done.stdout


@case()
def cycles_gil(context):
    """Twenty times on threads that contend for the GIL: unharmed, and nothing stays behind."""
    run_cycles(context, "gil")


@case()
def cycles_greenlet(context):
    """Twenty times on greenlets that switch all the time: unharmed, and nothing stays behind."""
    packages.site(context, "greenlet")
    run_cycles(context, "greenlet")


@case()
def cycles_judgement(context):
    """What that check calls a gap, and how it counts and judges them."""
    sys.path.insert(0, SCRIPTS)
    import check_cycles
    windows = [check_cycles.Window("attached", 0, 2, 4, 10), check_cycles.Window("idle", 20, 20, 20, 30)]
    gaps = check_cycles.merged([[21, 28, 2, 1], [1, 4, 1, 0], [2, 6, 0, 0], [10, 12, 0, 0]])
    assert gaps == [(1, 6, 1, 0), (10, 12, 0, 0), (21, 28, 2, 1)], gaps
    found = check_cycles.gaps_in(windows, gaps)
    assert found == [[(1, 5, 1, 0)], [(21, 7, 2, 1)]], found
    assert [gap.net for mine in found for gap in mine] == [4, 4]
    assert abs(check_cycles.tail(3, 0, 0.5) - 0.125) < 1e-9
    assert check_cycles.tail(0, 0, 0.5) == 1 and check_cycles.tail(500, 1500, 0.5) > 0.99
    assert check_cycles.tail(12, 1, 0.5) < check_cycles.CHANCE < check_cycles.tail(6, 3, 0.5)

    code = "import cycle_watch, time; w = cycle_watch.Watch(1); w.join(0); w.tick(0); " \
           "time.sleep(0.05); w.tick(0); w.report(0, [])"
    target = context.start([context.python.path, "-c", code],
                           env=clean_env(PYTHONPATH=os.path.dirname(context.script(""))))
    (start, end, waited, taken), = target.hear()["gaps"]
    assert end - start > 50e6 and waited < 10e6 and taken == 0, (end - start, waited, taken)
