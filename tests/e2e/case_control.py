# SPDX-License-Identifier: GPL-2.0-only
"""vtbpf ctl: a trace that runs is looked at and changed."""

import glob
import json
import os
import shutil
import socket
import subprocess
import time

import tracefile
from harness import Skip, case, text_differences, wait_until

EFFECT_MS = 10  # within which a command has its effect: the median of five
HICCUP_MS = 100  # on a busy machine a single one may be held up
GREETING = b"vtbpf-ctl-1\0"


def ctl(context, pid, *words, status=0):
    """Runs vtbpf ctl; its stdout where it must succeed, else its stderr."""
    done = subprocess.run([context.vtbpf, "ctl", "-p", str(pid)] + list(words), timeout=60,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == status, (words, done)
    assert status == 0 or done.stderr.startswith(b"vtbpf: "), done
    return (done.stdout if status == 0 else done.stderr).decode()


def status_of(context, pid):
    return json.loads(ctl(context, pid, "status", "--json"))


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class Caller:
    """A client that is connected before it asks, so that what is timed is the trace and not the start
    of a process."""

    def __init__(self, pid):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect("/run/vtbpf/%d.sock" % pid)  # waits where too many have come at once
        self.socket.settimeout(30)

    def ask(self, *words):
        """(when it was asked, when answered, the answer)"""
        asked = now_ns()
        self.socket.send(GREETING + b"".join(w.encode() + b"\0" for w in words))
        answer = self.socket.recv(1 << 16).decode()
        return asked, now_ns(), answer


def ask(pid, *words):
    asked, answered, answer = Caller(pid).ask(*words)
    assert answer.startswith("ok\n"), (words, answer)
    return asked, answered


def of_thread(trace, name):
    tid = trace.tid_of(name)
    return [s for s in trace.slices if s.tid == tid]


def last_start(slices, before):
    return max(s.start for s in slices if s.start < before)


def say_latency(what, ns, most=HICCUP_MS):
    print("%s takes effect within %.2f ms" % (what, max(ns, 0) / 1e6))
    assert ns < most * 1e6, "%s: %.1f ms" % (what, ns / 1e6)


@case(each="minor")
def ctl_pause_resume(context):
    """Between pause and resume nothing is recorded and no probe is left; frames that run are open."""
    target = context.target("control.py", 2)
    tracer = context.attach(target)
    time.sleep(0.2)
    pauses = []
    for _ in range(2):
        asked, gone = ask(target.pid, "pause")
        assert not text_differences(target.pid), "breakpoints left while paused"
        assert status_of(context, target.pid)["state"] == "paused"
        target.tell("more")
        target.hear()
        time.sleep(0.2)
        resumed, back = ask(target.pid, "resume")
        assert text_differences(target.pid)
        pauses.append((asked, gone, resumed, back))
        time.sleep(0.2)
    trace = tracer.stop()
    assert len(trace.pauses) == len(trace.raw["vtbpf"]["pauses"]) == 2
    work = [s for s in of_thread(trace, "work") if s.qualname == "work_step"]
    latencies = []
    for (start, end), (asked, gone, resumed, back) in zip(trace.pauses, pauses):
        latencies.append(start - asked)
        assert start < gone <= resumed < end <= back
        crossing = [s for s in trace.slices if s.start < end and s.end > start]
        assert not crossing, crossing[:5]
        for name, root in ("work", "work"), ("dozer", "doze"), ("noise-1", "noise"):
            runs = [s for s in of_thread(trace, name) if s.qualname == root]
            assert [s.open for s in runs] == ["both"] * 3, runs
            assert any(s.end == start for s in runs) and any(abs(s.start - end) < 1000 for s in runs)
        assert any(s.start > end for s in work) and any(s.end < start for s in work)
    print("stopped %.2f ms after it was asked, probes gone after %.1f ms, back after %.1f ms" % (
        max(latencies) / 1e6, max(p[1] - p[0] for p in pauses) / 1e6,
        max(p[3] - p[2] for p in pauses) / 1e6))
    say_latency("pause", max(latencies))
    assert len([t for t in trace.thread_names.values() if t == "noise-2"]) == 2


@case(each="minor")
def ctl_ignore_thread(context):
    """A thread ignored while it calls: its calls end at once and come back with unignore-thread."""
    target = context.target("control.py", 2)
    tracer = context.attach(target)
    time.sleep(0.2)
    ignored = ask(target.pid, "ignore-thread", "noise-*")
    time.sleep(0.2)
    target.ask("more")
    time.sleep(0.2)
    state = status_of(context, target.pid)
    assert state["ignored_threads"] == 2 and state["ignored"] == ["noise-*"], state
    assert state["ignored_events"] > 100, state
    again = ask(target.pid, "unignore-thread", "noise-*")
    time.sleep(0.2)
    trace = tracer.stop()
    noise = of_thread(trace, "noise-1")
    during = [s for s in noise if ignored[0] < s.start < again[0]]
    assert any(s.start > again[1] for s in noise) and any(s.end < ignored[0] for s in noise)
    say_latency("ignore-thread", max([s.end for s in during] + [ignored[0]]) - ignored[0])
    later = [s for s in of_thread(trace, "noise-1") if s.start >= again[0]]
    say_latency("unignore-thread", min(s.start for s in later) - again[0])
    # What ran when it was ignored ends there, what runs when it comes back begins there.
    roots = [s for s in noise if s.qualname == "noise"]
    assert [s.open for s in roots] == ["both", "both"], roots
    assert roots[0].end - ignored[0] < HICCUP_MS * 1e6 and roots[1].start >= again[0], roots
    early = [s for s in of_thread(trace, "noise-2") if s.start < again[0]]
    assert not early, (len(early), early[:5], ignored, again)
    filters = trace.raw["vtbpf"]["filters"]
    assert [f.split(" at +")[0] for f in filters] == ["ctl: ignore-thread noise-*",
                                                      "ctl: unignore-thread noise-*"], filters


@case(each="minor")
def ctl_under_load(context):
    """Two threads that only call, and ten more: commands take effect within 10 ms all the same."""
    target = context.target("control.py", 10, "busy")
    tracer = context.attach(target, "--min-duration", "5ms")
    time.sleep(0.5)
    ignoring, pausing, answering = [], [], []
    for _ in range(5):
        ignoring.append(ask(target.pid, "ignore-thread", "noise-1")[0])
        time.sleep(0.05)
        ask(target.pid, "unignore-thread", "noise-1")
        time.sleep(0.05)
        pausing.append(ask(target.pid, "pause"))
        ask(target.pid, "resume")
        time.sleep(0.05)
        answering.append(ask(target.pid, "status"))
    trace = tracer.stop()
    roots = [s for s in of_thread(trace, "noise-1") if s.qualname == "noise"]
    late = [min(abs(s.end - asked) for s in roots) for asked in ignoring]
    print("probes gone after %.1f ms at most, status told after %.2f ms at most" % (
        max(b - a for a, b in pausing) / 1e6, max(b - a for a, b in answering) / 1e6))
    say_latency("under load: ignore-thread", sorted(late)[2], EFFECT_MS)
    say_latency("under load: pause", sorted(p[0] - a[0] for p, a in zip(trace.pauses, pausing))[2],
                EFFECT_MS)


@case()
def ctl_unignore_option(context):
    """unignore-thread takes back an --ignore-thread of the command line, in the output, too."""
    target = context.target("control.py")
    tracer = context.attach(target, "--ignore-thread", "noise-1", "--ignore-thread", "doz*")
    time.sleep(0.2)
    text = ctl(context, target.pid, "unignore-thread", "noise", status=1)
    assert "'noise' is not ignored" in text and "'noise-1', 'doz*'" in text, text
    again = ask(target.pid, "unignore-thread", "noise-1")
    time.sleep(0.2)
    trace = tracer.stop()
    noise = of_thread(trace, "noise-1")
    assert noise and min(s.start for s in noise) >= again[0]
    assert "dozer" not in trace.thread_names.values()


@case(each="minor")
def ctl_ignore_function(context):
    """A function ignored while it is called: no call of it later, the others go on."""
    target = context.target("control.py", 2)
    tracer = context.attach(target)
    time.sleep(0.2)
    asked, answered = ask(target.pid, "ignore-function", "noise_st*")
    time.sleep(0.2)
    trace = tracer.stop()
    steps = [s for s in of_thread(trace, "noise-1") if s.qualname == "noise_step"]
    assert steps
    say_latency("ignore-function", max(s.end for s in steps) - asked)
    assert any(s.start > answered for s in of_thread(trace, "work") if s.qualname == "work_step")
    assert trace.raw["vtbpf"]["filters"][0].startswith("ctl: ignore-function noise_st* at +")


@case(each="minor")
def ctl_dump(context):
    """A dump is a whole trace of what there is so far, open calls included; recording goes on."""
    target = context.target("control.py", 2)
    tracer = context.attach(target)
    time.sleep(0.3)
    paths = []
    for _ in range(2):
        path = ctl(context, target.pid, "dump").rstrip("\n")
        asked = now_ns()
        assert os.path.dirname(path) == context.tmp and path not in paths
        dump = tracefile.Trace(path)
        dump.check_shape()
        for name, root in ("work", "work"), ("dozer", "doze"), ("noise-1", "noise"):
            runs = [s for s in of_thread(dump, name) if s.qualname == root]
            assert [s.open for s in runs] == ["both"], runs
        ticks = [s for s in of_thread(dump, "ticker-0") if s.qualname == "tick"]
        assert ticks, "calls of a slow thread that wait in its batch are not in the dump"
        assert dump.raw["file_info"]["files"], "no sources in the dump"
        paths.append(path)
        time.sleep(0.1)
    ask(target.pid, "pause")
    paths.append(ctl(context, target.pid, "dump").rstrip("\n"))
    assert len(tracefile.Trace(paths[-1]).pauses) == 1
    ask(target.pid, "resume")
    time.sleep(0.1)
    trace = tracer.stop()
    assert any(s.start > asked for s in trace.slices)
    assert sorted(os.listdir(context.tmp)) == sorted([os.path.basename(p) for p in paths] + ["out.json"])
    # Every call of the first dump that was over by then is in the whole trace, and once.
    whole = {(s.tid, s.start, s.end, s.name) for s in trace.slices if not s.open}
    early = {(s.tid, s.start, s.end, s.name) for s in tracefile.Trace(paths[0]).slices if not s.open}
    assert early and early <= whole, sorted(early - whole)[:5]


@case()
def ctl_dump_at_end(context):
    """A trace that ends gives up a dump that is not whole, and leaves nothing of it."""
    target = context.target("control.py", 2, "busy")
    tracer = context.attach(target)
    time.sleep(2)
    asking = subprocess.Popen([context.vtbpf, "ctl", "-p", str(target.pid), "dump"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: glob.glob(context.path("out-*")), "the dump begins")
    tracer.stop()
    out, err = asking.communicate(timeout=30)
    left = [name for name in os.listdir(context.tmp) if name != "out.json"]
    if asking.returncode == 0:
        assert left == [os.path.basename(out.decode().rstrip("\n"))], (left, out)
    else:
        assert b"given up" in err and not left, (left, err)


@case(each="minor")
def ctl_stop(context):
    """stop ends the trace as Ctrl-C does, and answers when no probe is left."""
    target = context.target("control.py")
    tracer = context.attach(target)
    time.sleep(0.2)
    text = ctl(context, target.pid, "stop")
    assert not text_differences(target.pid)
    assert "out.json" in text, text
    trace = tracer.wait(0).trace()
    trace.check_shape()
    assert of_thread(trace, "work")
    assert not os.path.exists("/run/vtbpf/%d.sock" % target.pid)
    # While paused, and there is nothing to detach.
    tracer = context.attach(target)
    time.sleep(0.1)
    ask(target.pid, "pause")
    ctl(context, target.pid, "stop")
    trace = tracer.wait(0).trace()
    trace.check_shape()
    assert len(trace.pauses) == 1 and of_thread(trace, "work")


def command_line(pid):
    with open("/proc/%d/cmdline" % pid, "rb") as f:
        return f.read().decode()


@case()
def ctl_exec_while_paused(context):
    """A process that became another program while nobody looked is not traced on."""
    target = context.target("control.py")
    tracer = context.attach(target)
    time.sleep(0.2)
    ask(target.pid, "pause")
    target.tell("exec")
    wait_until(lambda: "time.sleep(30)" in command_line(target.pid), "the exec")
    text = ctl(context, target.pid, "resume", status=1)
    assert "another program" in text, text
    trace = tracer.wait(0).trace()
    trace.check_shape()
    assert of_thread(trace, "work") and target.alive()


@case()
def ctl_many_pauses(context):
    """Pause and resume again and again while threads come and go: nothing leaks, nothing is lost."""
    target = context.target("short.py", 3000)
    tracer = context.attach(target)
    target.tell("go")
    for _ in range(25):
        ask(target.pid, "pause")
        ask(target.pid, "resume")
    target.hear()
    fds = len(os.listdir("/proc/%d/fd" % tracer.process.pid))
    for _ in range(3):
        ask(target.pid, "pause")
        ask(target.pid, "resume")
    # The last client may still be there at either time.
    assert abs(len(os.listdir("/proc/%d/fd" % tracer.process.pid)) - fds) <= 1
    trace = tracer.stop()
    assert trace.lost == 0 and len(trace.pauses) == 28, (trace.lost, len(trace.pauses))
    counters = trace.raw["vtbpf"]["counters"]
    assert counters["unmatched_exits"] == 0 and counters["exit_missed"] == 0, counters
    assert not trace.raw["vtbpf"]["warnings"], trace.raw["vtbpf"]["warnings"]


@case()
def ctl_without_trace(context):
    """Clear words where there is nothing to control, or bad usage."""
    target = context.target("control.py")
    text = ctl(context, target.pid, "status", status=1)
    assert text.startswith("vtbpf: no trace of process %d runs: " % target.pid), text
    assert "sudo vtbpf -p %d" % target.pid in text, text
    text = ctl(context, 4194303, "pause", status=1)
    assert "no such process" in text, text
    for words in (), ("status", "x"), ("ignore-thread",), ("fly",), ("ignore-thread", "a", "b"):
        context.command("ctl", "-p", target.pid, *words).wait(2)
    context.command("ctl", "status").wait(2)


@case()
def ctl_as_nobody(context):
    """Another user is refused: by the directory, and should that be open, by the trace itself."""
    target = context.target("control.py")
    context.attach(target)
    vtbpf = context.path("vtbpf")
    shutil.copy(context.vtbpf, vtbpf)
    argv = ["setpriv", "--reuid=65534", "--clear-groups", vtbpf, "ctl", "-p", str(target.pid), "stop"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    assert done.returncode == 3 and b"run it with sudo" in done.stderr, done
    path = "/run/vtbpf/%d.sock" % target.pid
    assert os.stat("/run/vtbpf").st_mode & 0o7777 == 0o700
    assert os.stat(path).st_mode & 0o7777 == 0o600
    os.chmod(path, 0o666)
    for _ in range(20):  # a trace of another test that starts sets the directory right again
        os.chmod("/run/vtbpf", 0o755)
        try:
            done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        finally:
            os.chmod("/run/vtbpf", 0o700)
        if done.returncode == 1:
            break
    assert done.returncode == 1 and b"only root" in done.stderr, done
    assert status_of(context, target.pid)["state"] == "tracing"


@case()
def ctl_bad_clients(context):
    """Clients that say nothing, nonsense, or too much, and many at once: the trace answers the others."""
    target = context.target("control.py", 2)
    tracer = context.attach(target)
    path = "/run/vtbpf/%d.sock" % target.pid
    silent = [Caller(target.pid) for _ in range(40)]
    for packet in b"x", b"\0", GREETING, GREETING + b"status", b"a" * 60000, GREETING + b"fly\0":
        client = Caller(target.pid)
        client.socket.send(packet)
        assert client.socket.recv(4096).startswith(b"error: "), packet
    asked, answered = ask(target.pid, "status")
    assert answered - asked < 1e9, "%.1f ms" % ((answered - asked) / 1e6)
    many = [Caller(target.pid) for _ in range(8)]
    for client in many:
        client.socket.send(GREETING + b"status\0")
    assert all(client.socket.recv(1 << 16).startswith(b"ok\n") for client in many)
    del silent
    gone = Caller(target.pid)
    gone.socket.send(GREETING + b"dump\0")
    gone.socket.close()
    two = [subprocess.Popen([context.vtbpf, "ctl", "-p", str(target.pid), "dump"],
                            stdout=subprocess.PIPE) for _ in range(2)]
    assert all(p.communicate(timeout=60)[0] and p.returncode == 0 for p in two)
    assert tracer.stop().lost == 0
    assert not os.path.exists(path)


@case()
def ctl_after_kill(context):
    """A trace that was killed leaves a socket that the next one replaces; two at a time do not mix."""
    target = context.target("control.py")
    tracer = context.attach(target)
    tracer.process.kill()
    tracer.process.wait()
    assert os.path.exists("/run/vtbpf/%d.sock" % target.pid)
    assert "has died" in ctl(context, target.pid, "status", status=1)
    again = context.attach(target, out="again.json")
    assert status_of(context, target.pid)["tracer_pid"] == again.process.pid
    second = context.attach(target, out="second.json")
    assert "reaches that one" in second.text_so_far(), second.text_so_far()
    assert status_of(context, target.pid)["tracer_pid"] == again.process.pid
    second.stop()
    assert status_of(context, target.pid)["tracer_pid"] == again.process.pid
    again.stop()
    assert not os.path.exists("/run/vtbpf/%d.sock" % target.pid)


@case()
def ctl_bad_directory(context):
    """/run that cannot be written, a link in the place of the directory: a warning, and the trace."""
    if subprocess.run(["unshare", "-m", "true"]).returncode:
        raise Skip("no mount namespaces here")
    target = context.target("control.py")
    for number, setup in enumerate(("mount -t tmpfs -o ro none /run",
                                    "mount -t tmpfs none /run && ln -s /tmp /run/vtbpf",
                                    "mount -t tmpfs none /run && mkdir /run/vtbpf && "
                                    "chown 65534 /run/vtbpf")):
        out = context.path("%d.json" % number)
        done = subprocess.run(["unshare", "-m", "sh", "-c", setup + ' && exec "$0" "$@"', context.vtbpf,
                               "-p", str(target.pid), "-o", out, "-d", "200ms"],
                              stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 0, done
        assert b"'vtbpf ctl' cannot reach this trace" in done.stderr, done
        assert tracefile.Trace(out).slices
    assert not glob.glob("/tmp/%d.sock" % target.pid)
