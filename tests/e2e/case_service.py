# SPDX-License-Identifier: GPL-2.0-only
"""A trace that goes on as a service: file after file."""

import os
import re
import shutil
import signal
import socket
import subprocess

from harness import Skip, case, clean_env, wait_until


def tracing(tracer, pid):
    wait_until(lambda: re.search(r"tracing %d…" % pid, tracer.text_so_far()), "tracing %d" % pid)


@case(each="minor")
def rotation_is_exact(context):
    """Files follow one another while threads call at full speed: each call is in one of them, and the
    one in which it was cut off says so."""
    target = context.target("calls.py", 8000)
    out = context.path("out.json")
    tracer = context.command("-p", target.pid, "--rotate", "500k", "-o", out)
    tracing(tracer, target.pid)
    truth = target.ask("go")
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


@case()
def pidfile(context):
    """There once tracing is on, gone at the end; a second one is refused, a stale file is replaced."""
    target = context.target("spin.py")
    path, out = context.path("vtbpf.pid"), context.path("out.json")
    with open(path, "w") as f:
        f.write("4194303\n")
    options = ("-p", target.pid, "--pidfile", path, "--min-duration", "10ms")
    tracer = context.command(*options, "-o", out, out=out)
    tracing(tracer, target.pid)
    wait_until(lambda: open(path).read() == "%d\n" % tracer.process.pid, "the pid is in the file")
    text = context.fails(1, *options, "-o", context.path("second.json"))
    assert "names process %d" % tracer.process.pid in text, text
    tracer.stop()
    assert os.listdir(context.tmp) == ["out.json"], os.listdir(context.tmp)


@case()
def service_manager(context):
    """READY=1 once tracing is on, STOPPING=1 at its end; lines to the journal have a priority."""
    target = context.target("spin.py")
    path, out = context.path("notify"), context.path("out.json")
    log = open(context.path("log"), "wb")
    stat = os.fstat(log.fileno())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(30)
        env = clean_env(NOTIFY_SOCKET=path, JOURNAL_STREAM="%d:%d" % (stat.st_dev, stat.st_ino))
        process = subprocess.Popen([context.vtbpf, "-p", str(target.pid), "--match", "no such thing",
                                    "--min-duration", "10ms", "-o", out], env=env, stderr=log)
        try:
            assert manager.recv(100) == b"READY=1"
            process.send_signal(signal.SIGTERM)
            assert manager.recv(100) == b"STOPPING=1"
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
    log.close()
    with open(context.path("log"), encoding="utf-8") as f:
        lines = f.read().splitlines()
    assert lines and all(re.match(r"<[3467]>vtbpf: ", line) for line in lines), lines


@case()
def unit_file(context):
    """The unit is one that systemd takes, where systemd is."""
    tool = shutil.which("systemd-analyze")
    if not tool:
        raise Skip("no systemd-analyze")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(os.path.join(root, "scripts/dist/vtbpf.service"), encoding="utf-8") as f:
        unit = f.read().replace("/usr/local/bin/vtbpf", context.vtbpf)
    path = context.path("vtbpf.service")
    with open(path, "w", encoding="utf-8") as f:
        f.write(unit)
    done = subprocess.run([tool, "verify", "--man=no", path], stderr=subprocess.PIPE)
    own = [line for line in done.stderr.decode().splitlines() if "vtbpf.service" in line]
    assert not own, own
