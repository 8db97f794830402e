# SPDX-License-Identifier: GPL-2.0-only
"""Output files: formats, owners, what is never overwritten, what happens when there is no room."""

import glob
import gzip
import json
import os
import pwd
import stat
import subprocess
import time

from harness import case, clean_env, wait_until
from tracefile import Trace

NOBODY = pwd.getpwnam("nobody")


def content(trace):
    return sorted((s.name, s.tid, s.start, s.end) for s in trace.slices)


@case()
def formats_agree(context):
    """A .vtb capture, converted to .json and .json.gz, says what a direct .json would."""
    target = context.target("calls.py", 1000)
    capture = context.path("raw.vtb")
    tracer = context.command("-p", target.pid, "-o", capture).wait_tracing(target.pid)
    direct = context.attach(target, out="direct.json.gz")
    truth = target.ask("go")
    tracer.send(2)
    tracer.wait(0)
    direct.stop()
    assert os.stat(capture).st_mode & 0o777 == 0o600
    for name in ("a.json", "b.json.gz"):
        context.command("convert", capture, "-o", context.path(name)).wait(0)
    context.command("convert", capture, "--format", "json", "-o", context.path("c.txt")).wait(0)
    traces = [Trace(context.path(name)) for name in ("a.json", "b.json.gz", "c.txt")]
    assert content(traces[0]) == content(traces[1]) == content(traces[2])
    with gzip.open(context.path("b.json.gz")) as f:
        assert f.read(1) == b"{"
    wanted = {t["tid"]: 3 * t["rounds"] for t in truth["threads"]}
    for trace in traces + [direct.trace()]:
        counts = trace.counts(target.facts["file"])
        for tid, calls in wanted.items():
            assert counts[tid]["middle"] + counts[tid]["leaf"] == calls


@case()
def metadata(context):
    """file_info holds the sources, vtbpf what VizTracer has no field for; all raw UTF-8."""
    target = context.target("names.py")
    tracer = context.attach(target)
    target.ask("go")
    target.ask("finish")
    trace = tracer.stop()
    file = target.facts["file"]
    with open(file, encoding="utf-8") as f:
        source = f.read()
    text, lines = trace.raw["file_info"]["files"][file]
    assert text == source and lines == source.count("\n"), lines
    functions = trace.raw["file_info"]["functions"]
    assert all(functions[s.name] == [s.file, s.line] for s in trace.of_file(file))
    own = trace.raw["vtbpf"]
    for key in ("version", "kernel", "target", "losses"):
        assert key in own, own.keys()
    offset = trace.raw["viztracer_metadata"]["baseTimeNanoseconds"]
    now = time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    assert abs(offset - now) < 1e9, (offset, now)
    with open(tracer.out, encoding="utf-8") as f:
        assert "\\u76d1" not in f.read()
    first = min(s.start for s in trace.slices if not s.open)
    assert 0 < time.clock_gettime_ns(time.CLOCK_MONOTONIC) - first < 60e9


@case()
def default_output(context):
    """Without -o: result.json here, replaced when it is vtbpf's own, refused when it is not."""
    target = context.target("spin.py")
    own = context.path("result.json")
    for _ in range(2):
        tracer = context.command("-p", target.pid, "-d", "200ms", cwd=context.tmp, out=own)
        tracer.wait(0).trace().check_shape()
    with open(own, "w") as f:
        f.write('{"mine": true}')
    text = context.fails(1, "-p", target.pid, "-d", "200ms", cwd=context.tmp)
    assert "result.json" in text and "tracing" not in text.split("\n")[0], text
    with open(own) as f:
        assert json.load(f) == {"mine": True}
    context.command("-p", target.pid, "-d", "200ms", "-o", own, out=own).wait(0).trace()
    with open(own, "w") as f:
        f.write("x" * 100)
    context.fails(1, "-p", target.pid, "-d", "200ms", cwd=context.tmp)
    assert glob.glob(context.path("*")) == [own], os.listdir(context.tmp)


@case()
def unwritable_output(context):
    """Output that cannot be written is told before tracing: exit 1."""
    target = context.target("spin.py")
    for out in ("/nonexistent/dir/out.json", "/proc/out.json", context.tmp):
        text = context.fails(1, "-p", target.pid, "-o", out)
        assert "vtbpf: tracing" not in text, text
    text = context.fails(2, "-p", target.pid, "--format", "nonsense", "-o", context.path("x.json"))
    assert "nonsense" in text, text
    assert os.listdir(context.tmp) == [], os.listdir(context.tmp)


@case()
def symlinks_are_not_followed(context):
    """An output name that is a link elsewhere is replaced or refused, what it points at untouched."""
    target = context.target("spin.py")
    victim, link = context.path("victim"), context.path("out.json")
    with open(victim, "w") as f:
        f.write("precious")
    os.symlink(victim, link)
    context.command("-p", target.pid, "-d", "200ms", "-o", link).process.wait(60)
    with open(victim) as f:
        assert f.read() == "precious"


@case()
def owner_under_sudo(context):
    """Files made under sudo belong to the user who ran it; mode is 0666 & ~umask."""
    target = context.target("spin.py")
    os.chmod(context.tmp, 0o777)
    env = clean_env(SUDO_UID=str(NOBODY.pw_uid), SUDO_GID=str(NOBODY.pw_gid), SUDO_USER="nobody")
    tracer = context.attach(target, env=env, preexec_fn=lambda: os.umask(0o022))
    capture = wait_until(lambda: glob.glob(context.path("out.json.vtb.*")), "a capture")[0]
    status = os.stat(capture)
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (NOBODY.pw_uid, 0o600), status
    tracer.stop()
    status = os.stat(tracer.out)
    assert (status.st_uid, status.st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid), status
    assert stat.S_IMODE(status.st_mode) == 0o644, oct(status.st_mode)


@case()
def disk_full(context):
    """Disk full: tracing stops, exit 1, what was captured is named and the target goes on."""
    target = context.target("spin.py")
    small = context.path("small")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=True)
    try:
        tracer = context.attach(target, out="small/out.json")
        tracer.wait(1)
        captures = glob.glob(small + "/out.json.vtb.*")
        assert len(captures) == 1 and captures[0] in tracer.text(), tracer.text()
        out = context.path("late.json")
        converted = context.command("convert", captures[0], "-o", out, out=out).wait(0)
        trace = converted.trace()
        trace.check_shape()
        assert trace.slices
        assert target.ask("ping")["count"] > 0
    finally:
        subprocess.run(["umount", small], check=True)


@case()
def directory_vanishes(context):
    """The output's directory is removed under a running trace: exit 1, and the message says so."""
    target = context.target("spin.py")
    gone = context.path("gone")
    os.mkdir(gone)
    tracer = context.attach(target, out="gone/out.json")
    for name in os.listdir(gone):
        os.unlink(os.path.join(gone, name))
    os.rmdir(gone)
    tracer.send(2)
    tracer.wait(1)
    assert "vtbpf: " in tracer.text()
    assert target.ask("ping")["count"] > 0
