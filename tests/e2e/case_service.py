# SPDX-License-Identifier: GPL-2.0-only
"""A trace that goes on as a service: file after file."""

import glob
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time

import tracefile
from case_budget import LINE
from case_control import ctl, status_of
from case_sampling import check_pairs
from case_windows import check_clipped, plain, windows_of, zone_in_which_it_is
from harness import HERE, Skip, Tracer, case, clean_env, text_differences, wait_until
from samplefile import Samples


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


def files_of(context, tracer):
    """The traces of the files, in the order of their times."""
    traces = []
    for name in os.listdir(context.tmp):
        if re.fullmatch(r"out-\d{8}-\d{6}-\d+\.json", name):
            tracer.out = context.path(name)
            trace = tracer.trace()
            trace.check_shape()
            traces.append((trace, plain(tracer.out)))
    return sorted(traces, key=lambda t: t[1]["start_us"])


def check_windows(files):
    """Each window lies in one file, whose coverage is that of its own time."""
    for (_, a), (_, b) in zip(files, files[1:]):
        assert a["end_us"] <= b["start_us"] + 1, (a["end_us"], b["start_us"])
    for trace, vtbpf in files:
        windows = windows_of(trace) if "windows" in vtbpf else []
        check_clipped(trace, windows)
        start, end = vtbpf["start_us"], vtbpf["end_us"]
        assert all(start <= a and b <= end + 1 for a, b in vtbpf.get("windows", [])), vtbpf
        covered = sum(b - a for a, b in vtbpf.get("windows", [])) / (end - start)
        assert abs(vtbpf.get("coverage", 0) - covered) < 0.001, (vtbpf, covered)


@case()
def rotation_of_windows(context):
    """--sample-rate: files begin between two windows, and each says what part of its time it has. A
    dump meanwhile is one of the present file."""
    target = context.target("control.py", 2)
    tracer = context.command("-p", target.pid, "--rotate", "1s", "--sample-rate", "0.4", "-o",
                             context.path("out.json"))
    tracing(tracer, target.pid)
    time.sleep(2.5)
    dump = ctl(context, target.pid, "dump").split()[-1]
    said = plain(dump)
    assert said["end_us"] - said["start_us"] < 2.2e6, said
    os.rename(dump, context.path("dump"))
    time.sleep(1.5)
    tracer.send(signal.SIGINT)
    tracer.wait(0)
    files = files_of(context, tracer)
    assert len(files) >= 3, files
    check_windows(files)
    assert sum(len(v.get("windows", [])) for _, v in files) >= 4
    assert target.alive() and not text_differences(target.pid)


@case()
def rotation_within_a_budget(context):
    """--max-overhead: one account from the first file to the last; a quiet target, whose window would
    not end, gives way to the next file, too."""
    for name, args in ("spin.py", ()), ("control.py", (0,)):
        target = context.target(name, *args)
        tracer = context.command("-p", target.pid, "--rotate", "2s", "--max-overhead", "5%", "-d",
                                 "7s", "-o", context.path("out.json"))
        tracer.wait(0)
        (line,) = LINE.findall(tracer.text())
        _, achieved, worst, windows, _ = (float(x) for x in line)
        assert achieved <= 5 and worst <= 5.05, tracer.text()
        assert tracer.text().strip().endswith(", process %d" % target.pid), tracer.text()
        files = files_of(context, tracer)
        assert len(files) >= 3, files
        check_windows(files)
        assert sum(len(v.get("windows", [])) for _, v in files) == windows
        said = [v["overhead"] for _, v in files]
        assert [s["windows"] for s in said] == sorted(s["windows"] for s in said), said
        assert said[-1]["windows"] == windows and said[-1]["stated_percent"] == 5, said
        for file in os.listdir(context.tmp):
            os.remove(context.path(file))


@case()
def budget_of_each_of_several(context):
    """--max-overhead: the last lines say what came of it, one of each process."""
    targets = [context.target("spin.py") for _ in range(2)]
    tracer = context.command("-p", targets[0].pid, "-p", targets[1].pid, "--max-overhead", "5%", "-d",
                             "4s", "-o", context.path("out.json"))
    tracer.wait(0)
    last = tracer.text().strip().splitlines()[-2:]
    assert all(line.startswith("vtbpf: overhead: stated 5%, ") for line in last), tracer.text()
    assert {int(line.rpartition(", process ")[2]) for line in last} == {t.pid for t in targets}, last


@case()
def rotation_at_hours(context):
    """--active: what is no hour of it is a pause, in as many files as it lasts."""
    target = context.target("control.py", 0)
    env = {"TZ": zone_in_which_it_is(17, 59, 57)}
    tracer = context.command("-p", target.pid, "--rotate", "1s", "--active", "09:00-18:00", "-o",
                             context.path("out.json"), env=env)
    tracing(tracer, target.pid)
    wait_until(lambda: status_of(context, target.pid)["state"] == "paused", "the end of the hours")
    time.sleep(2.5)
    tracer.send(signal.SIGINT)
    tracer.wait(0)
    files = files_of(context, tracer)
    assert len(files) >= 3, files
    assert files[0][0].slices and not files[-1][0].slices
    (start, end), = files[-1][0].pauses
    vtbpf = files[-1][0].raw["vtbpf"]
    assert (start, end) == (vtbpf["start_us"], vtbpf["end_us"]), (start, end, vtbpf)
    assert not text_differences(target.pid)


@case()
def rotation_of_samples(context):
    """--hz: every sample is in one file, with its stack, though that was seen in earlier ones."""
    target = context.target("sampled.py", "deep", 40)
    out = context.path("out.vtb")
    tracer = context.command("-p", target.pid, "--rotate", "1s", "--hz", "1000", "-o", out)
    tracing(tracer, target.pid)
    cpu = target.ask("4")["cpu"]
    tracer.send(signal.SIGINT)
    tracer.wait(0)
    files = [Samples(context.path(name)) for name in os.listdir(context.tmp)]
    assert len(files) >= 3, os.listdir(context.tmp)
    got = sum(s.total() + s.unreadable for s in files)
    assert cpu * 980 - 10 <= got <= cpu * 1020 + 20, (got, cpu)
    for s in files:
        assert s.taken == s.total() and s.lost == 0, (s.taken, s.total(), s.lost)
        check_pairs(context, target, s)
        assert "?" not in {name for _, frames in s.stacks for name in frames}
    assert sum(any("burn" in frames for _, frames in s.stacks) for s in files) >= 3


@case()
def memory_limit(context):
    """--max-memory: a recorder that grows ends the trace at it, with all that it has, and status 1."""
    target = context.target("spin.py")
    out = context.path("out.json")
    options = ("-p", target.pid, "--keep-last", "1h", "-o", out)
    tracer = context.command(*options, "--max-memory", "24M", out=out)
    tracing(tracer, target.pid)
    began = time.monotonic()
    tracer.wait(1)
    print("ended after %.1f s" % (time.monotonic() - began))
    used, = re.findall(r"^vtbpf: --max-memory: (\d+) MB are used: the trace ends, .*; allow more",
                       tracer.text(), re.M)
    assert 24 < int(used) < 80, tracer.text()
    trace = tracer.trace()
    trace.check_shape()
    assert len(trace.slices) > 1000, len(trace.slices)
    assert target.alive() and not text_differences(target.pid)
    assert os.listdir(context.tmp) == ["out.json"], os.listdir(context.tmp)
    context.command(*options, "--max-memory", "2G", "-d", "300ms", out=out).wait(0).trace()


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


def unit_text(context):
    root = os.path.dirname(os.path.dirname(HERE))
    with open(os.path.join(root, "scripts/dist/vtbpf.service"), encoding="utf-8") as f:
        return f.read().replace("/usr/local/bin/vtbpf", context.vtbpf)


@case()
def unit_file(context):
    """The unit is one that systemd takes, where systemd is."""
    tool = shutil.which("systemd-analyze")
    if not tool:
        raise Skip("no systemd-analyze")
    path = context.path("vtbpf.service")
    with open(path, "w", encoding="utf-8") as f:
        f.write(unit_text(context))
    done = subprocess.run([tool, "verify", "--man=no", path], stderr=subprocess.PIPE)
    own = [line for line in done.stderr.decode().splitlines() if "vtbpf.service" in line]
    assert not own, own


def setting(text, name):
    return re.search(r"^%s=(.*)$" % name, text, re.M).group(1)


# $1: what is to be /var/log; the rest is run with everything else read-only.
SANDBOX = """
set -e
mount --bind "$1" /var/log
mount --bind / /
cd /var/log/vtbpf
mount -o remount,bind,ro /
shift
exec "$@"
"""


@case()
def unit_runs(context):
    """Its command runs with its settings: the capabilities that the unit leaves, without new privileges,
    with a file system that is read-only but for the logs, and without a network, are enough."""
    unit = unit_text(context)
    root = os.path.dirname(os.path.dirname(HERE))
    with open(os.path.join(root, "scripts/dist/vtbpf.default"), encoding="utf-8") as f:
        args = shlex.split(setting(f.read(), "VTBPF_ARGS"))[0].split()
    args[args.index("gunicorn:*")] = context.tmp + "/*"
    directory = setting(unit, "WorkingDirectory")
    assert os.path.dirname(args[args.index("-o") + 1]) == directory == "/var/log/vtbpf", args
    os.makedirs(context.path("log/vtbpf"))
    link = context.path("python")
    os.symlink(context.python.path, link)
    target = context.start([link, context.script("service.py")])
    caps = "-all," + ",".join("+" + name.lower()[4:] for name in setting(
        unit, "CapabilityBoundingSet").split())
    command = setting(unit, "ExecStart").replace("$VTBPF_ARGS", "").split() + args
    tracer = Tracer(["unshare", "-m", "-n", "--propagation", "private", "sh", "-c", SANDBOX, "sh",
                     context.path("log"), "setpriv", "--bounding-set", caps, "--inh-caps", "-all",
                     "--no-new-privs", "--"] + command)
    context.started.append(tracer)
    tracing(tracer, target.pid)
    target.ask("slow 20")
    tracer.send(signal.SIGTERM)
    tracer.wait(0)
    (path,) = glob.glob(context.path("log/vtbpf/*"))
    trace = tracefile.Trace(path)
    trace.check_shape()
    assert any(s.qualname == "slow_call" for s in trace.slices)
    assert trace.raw["file_info"]["files"] and trace.lost == 0
