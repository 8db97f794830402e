# SPDX-License-Identifier: GPL-2.0-only
"""No room, no directory, no standard streams, a wall clock that jumps."""

import contextlib
import glob
import os
import shutil
import subprocess
import time

import faults
from harness import Skip, case, clean_env

HERE = os.path.dirname(os.path.abspath(__file__))
FORMATS = ("json", "json.gz", "pftrace", "folded", "html", "vtb")


@contextlib.contextmanager
def small_disk(context, size):
    place = context.path("small")
    os.mkdir(place)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % size, "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)
        os.rmdir(place)


def names(directory):
    return sorted(os.listdir(directory))


def write_into(context, target, size, form):
    """One trace on a disk of that size; True if there was no room for it."""
    with small_disk(context, size) as place:
        out = os.path.join(place, "out." + form)
        tracer = context.command("-p", target.pid, "-o", out, "-d", "300ms", "--no-progress")
        status = tracer.process.wait(60)
        text = tracer.text()
        assert status in (0, 1), text
        if status == 0:
            assert names(place) == ["out." + form], names(place)
            return False
        captures = [out] if form == "vtb" else glob.glob(out + ".vtb.*")
        if "vtbpf: tracing" not in text:  # not even room for a capture's head
            assert not captures or os.path.getsize(captures[0]) == 0, text
            return True
        assert len(captures) == 1 and captures[0] in text, (names(place), text)
        assert names(place) == [os.path.basename(captures[0])], names(place)
        faults.converted(context, captures[0])
    return True


@case()
def no_room(context):
    """The disk is full at some moment of the trace or of the conversion, in each format."""
    target = context.target("cycle_gil.py")
    chance, full = faults.chance("room"), 0
    total = faults.rounds(3, 60)
    for number in range(total):
        size = 4096 * int(2 ** chance.uniform(0, 12))
        full += write_into(context, target, size, FORMATS[number % len(FORMATS)])
    faults.assert_no_breakpoints(target.pid)
    print("%d disks, %d too small; %d rounds of the target right" % (
        total, full, faults.assert_right(target)))


def removed_at(context, target, moment, number):
    """The output's directory goes away at some moment."""
    place = context.path("gone%d" % number)
    os.mkdir(place)
    tracer = context.command("-p", target.pid, "-o", os.path.join(place, "out.json"), "-d", "200ms",
                             "--no-progress")
    time.sleep(moment)
    shutil.rmtree(place, ignore_errors=True)
    status = tracer.process.wait(60)
    text = tracer.text()
    there = os.path.isdir(place) and names(place)
    assert status == (0 if there == ["out.json"] else 1) or not there, (status, there, text)
    assert status == 0 or "vtbpf: " in text, text
    assert all(line.startswith("vtbpf: ") for line in text.splitlines()), text
    return status


@case()
def no_directory(context):
    """The output's directory is removed at random moments."""
    target = context.target("cycle_gil.py")
    chance = faults.chance("directory")
    span = faults.attach_time(context, target) + 0.4
    total = faults.rounds(2, 40)
    failed = sum(removed_at(context, target, chance.uniform(0, span), i) != 0 for i in range(total))
    faults.assert_no_breakpoints(target.pid)
    print("%d directories removed, %d traces failed for it; %d rounds of the target right" % (
        total, failed, faults.assert_right(target)))


def close_some(which):
    def close():
        for fd in which:
            os.close(fd)
    return close


@case()
def no_streams(context):
    """Standard streams that are closed: no file takes their place, and the trace is whole."""
    target = context.target("spin.py")
    for number, which in enumerate(((0,), (1,), (2,), (0, 1, 2))):
        out = context.path("%d.json" % number)
        tracer = context.command("-p", target.pid, "-o", out, "-d", "100ms", "-v", out=out,
                                 preexec_fn=close_some(which))
        assert tracer.process.wait(60) == 0, (which, tracer.text())
        trace = tracer.trace()
        trace.check_shape()
        assert trace.slices and not trace.raw["vtbpf"]["warnings"], which
    for argv in (("--dry-run", "-p", str(target.pid)), ("doctor",), ("threads", "-p", str(target.pid)),
                 ("report", context.path("0.json"))):
        with open("/dev/full", "w") as full:
            done = subprocess.run([context.vtbpf, *argv], stdout=full, stderr=subprocess.PIPE,
                                  text=True, env=clean_env(), timeout=60)
        assert done.returncode == 1 and "No space left" in done.stderr, (argv, done)


def compiled(context):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Skip("no C compiler for the wall clock that jumps")
    library = context.path("steps.so")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, os.path.join(HERE, "steps.c")],
                   check=True)
    return library


@case()
def clock_steps(context):
    """The wall clock jumps by an hour all the time: times and lengths are right all the same."""
    target = context.target("spin.py")
    env = clean_env(LD_PRELOAD=compiled(context))
    several = (), ("--sample-rate", "0.5"), ("--keep-last", "100ms"), ("--hz", "100")
    for options in several[:2 if faults.SETTINGS.short else None]:
        out = context.path("out.json")
        begin = time.monotonic_ns()
        tracer = context.command("-p", target.pid, "-o", out, "-d", "400ms", *options, out=out, env=env)
        trace = tracer.wait(0, seconds=60).trace()
        trace.check_shape(overflow="--keep-last" in options)
        assert trace.slices, options
        end = time.monotonic_ns()
        assert all(begin <= s.end <= end for s in trace.slices), options
        assert end - begin < 60e9, options


@case()
def other_clock(context):
    """In a time namespace with another clock than the kernel's vtbpf refuses, and says why."""
    target = context.target("spin.py")
    shift = ["unshare", "--time", "--monotonic", "100000", "--fork"]
    if subprocess.run([*shift, "true"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("no time namespaces here")
    out = context.path("out.json")
    done = subprocess.run([*shift, context.vtbpf, "-p", str(target.pid), "-o", out, "-d", "100ms"],
                          stderr=subprocess.PIPE, text=True, timeout=60, env=clean_env())
    assert done.returncode == 3 and "time namespace" in done.stderr, done
    assert not os.listdir(context.tmp), os.listdir(context.tmp)
