# SPDX-License-Identifier: GPL-2.0-only
"""Attached and detached, again and again: scripts/check_cycles.py, which says what it looks at."""

import os
import subprocess
import sys

import faults
import packages
from harness import HERE, Skip, case, clean_env

SCRIPT = os.path.join(HERE, "..", "..", "scripts", "check_cycles.py")


def run_cycles(context, program):
    cycles = faults.rounds(5, 1000)
    argv = [sys.executable, SCRIPT, "--program", program, "--cycles", str(cycles),
            "--vtbpf", context.vtbpf, "--python", context.python.path]
    done = subprocess.run(argv + ["--no-timing"] * faults.SETTINGS.short, env=clean_env(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout)
    assert done.returncode == 0, "exit status %d" % done.returncode
    assert "%d cycles" % cycles in done.stdout and "unharmed" in done.stdout


def in_short_elsewhere():
    if faults.SETTINGS.short:
        raise Skip("tests/e2e/case_cycles.py is the short form")


@case()
def cycles_fork(context):
    """A program that forks all the time."""
    run_cycles(context, "fork")


@case()
def cycles_signal(context):
    """A program to which signals come all the time."""
    run_cycles(context, "signal")


@case()
def cycles_gil(context):
    """Threads that contend for the GIL."""
    in_short_elsewhere()
    run_cycles(context, "gil")


@case()
def cycles_greenlet(context):
    """Greenlets that switch all the time."""
    in_short_elsewhere()
    packages.site(context, "greenlet")
    run_cycles(context, "greenlet")
