# SPDX-License-Identifier: GPL-2.0-only
"""The flight recorder: the newest calls, dumped while it goes on, in bounded memory."""

import glob
import json
import os
import pwd
import signal
import stat
import subprocess
import time

import packages
import tracefile
from harness import case, clean_env, wait_until

NOBODY = pwd.getpwnam("nobody")


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def ctl(context, pid, *words):
    return subprocess.run([context.vtbpf, "ctl", "-p", str(pid)] + list(words), timeout=60,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout.decode()


def rss_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def dump_by_signal(context, tracer, known=()):
    """Asks for a dump with SIGUSR1; its path, when vtbpf says that it is whole."""
    def path():
        lines = [line for line in tracer.err.seen if line.startswith("vtbpf: wrote ")]
        paths = [line[len("vtbpf: wrote "):] for line in lines if "calls" not in line]
        return [p for p in paths if p not in known]
    tracer.send(signal.SIGUSR1)
    return wait_until(path, "a dump is announced")[0]


@case(each="ends")
def keep_last_time(context):
    """Only what ended in the last second is in a dump, and in the trace in the end."""
    target = context.target("service.py")
    tracer = context.attach(target, "--keep-last", "1s")
    time.sleep(2.2)
    first = dump_by_signal(context, tracer)
    asked = now_ns()
    dump = tracefile.Trace(first)
    dump.check_shape(overflow=True)
    ends = [s.end for s in dump.slices if not s.open]
    assert min(ends) > asked - 2.5e9 and max(ends) - min(ends) < 1.1e9, (min(ends), max(ends), asked)
    assert max(ends) - min(ends) > 0.8e9
    assert {"server-0", "server-1"} <= set(dump.thread_names.values()), dump.thread_names
    assert dump.raw["file_info"]["files"]
    assert any(s.qualname == "serve" and s.open == "both" for s in dump.slices)
    assert sorted(os.listdir(context.tmp)) != ["out.json"]
    second = dump_by_signal(context, tracer, [first])
    third = ctl(context, target.pid, "dump").rstrip("\n")
    assert len({first, second, third}) == 3
    time.sleep(1.5)
    stopped = now_ns()
    trace = tracer.stop(overflow=True)
    ends = [s.end for s in trace.slices if not s.open]
    assert min(ends) > stopped - 1.2e9 and any(e > asked for e in ends)
    assert trace.lost == 0 and not trace.raw["vtbpf"]["warnings"], trace.raw["vtbpf"]["warnings"]


@case()
def keep_last_calls(context):
    """A bare number counts calls; the capture does not grow meanwhile."""
    target = context.target("service.py")
    tracer = context.attach(target, "--keep-last", "500")
    capture = glob.glob(context.path("out.json.vtb.*"))[0]
    target.ask("burst 5000")
    state = json.loads(ctl(context, target.pid, "status", "--json"))
    assert state["kept_calls"] <= 500 and state["dropped_calls"] > 4000, state
    assert os.path.getsize(capture) < 4096
    trace = tracer.stop(overflow=True)
    assert len([s for s in trace.slices if not s.open]) == 500


@case()
def recorder_soak(context):
    """New functions and threads all the time: memory and disk stay as they are."""
    target = context.target("service.py")
    tracer = context.attach(target, "--keep-last", "2s")
    sizes = []
    for _ in range(8):
        target.ask("codes 20000")
        target.ask("threads 200")
        sizes.append(rss_kb(tracer.process.pid))
    capture = glob.glob(context.path("out.json.vtb.*"))[0]
    assert os.path.getsize(capture) < 4096
    print("kB after each 20,000 functions: %s" % sizes)
    assert sizes[-1] < 1.5 * max(sizes[:4]), sizes
    target.ask("slow 10")
    trace = tracer.stop(overflow=True)
    assert [s for s in trace.slices if s.qualname == "slow_call"]
    assert not [s for s in trace.slices if "<unreadable>" in s.name]
    assert trace.lost == 0


@case()
def dump_owner_and_viztracer(context):
    """A dump belongs to the user who ran sudo; its name says when; SIGUSR1 without a recorder works too."""
    target = context.target("service.py")
    os.chmod(context.tmp, 0o777)
    env = clean_env(SUDO_UID=str(NOBODY.pw_uid), SUDO_GID=str(NOBODY.pw_gid), SUDO_USER="nobody")
    tracer = context.attach(target, out="flight.json.gz", env=env,
                            preexec_fn=lambda: os.umask(0o022))
    time.sleep(0.2)
    path = dump_by_signal(context, tracer)
    assert os.path.dirname(path) == context.tmp
    stamp = time.strftime("%Y%m%d-")
    assert os.path.basename(path).startswith("flight-" + stamp) and path.endswith("-1.json.gz"), path
    status = os.stat(path)
    assert (status.st_uid, status.st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid), status
    assert stat.S_IMODE(status.st_mode) == 0o644
    tracefile.Trace(path).check_shape()
    assert target.alive() and tracer.process.poll() is None
    tracer.stop()


LOADS = """
import sys
from viztracer.report_builder import ReportBuilder
with open(sys.argv[2], "w") as out:
    ReportBuilder([sys.argv[1]], verbose=0).save(out)
"""


@case()
def dump_in_viztracer(context):
    """VizTracer makes its page of a dump, and combines it with another."""
    env = clean_env(PYTHONPATH=packages.site(context, "viztracer"))
    target = context.target("service.py")
    tracer = context.attach(target, "--keep-last", "300ms")
    time.sleep(0.5)
    first = dump_by_signal(context, tracer)
    second = dump_by_signal(context, tracer, [first])
    tracer.stop(overflow=True)
    combined, page = context.path("combined.json"), context.path("page.html")
    subprocess.run([context.python.path, "-m", "viztracer", "--quiet", "--combine", first, second,
                    "-o", combined], env=env, check=True, stdout=subprocess.DEVNULL)
    with open(combined, encoding="utf-8") as f:
        events = json.load(f)["traceEvents"]
    dumps = [tracefile.Trace(path) for path in (first, second)]
    assert [e["name"] for e in events if e.get("cat") == "FEE"] == \
        [s.name for dump in dumps for s in dump.slices]
    subprocess.run([context.python.path, "-c", LOADS, first, page], env=env, check=True)
    with open(page, encoding="utf-8") as f:
        assert "service.py" in f.read()


@case()
def launched_gets_its_own_sigusr1(context):
    """SIGUSR1 is vtbpf's, and unblocked in a program that it starts."""
    program = ("import os, signal, time\n"
               "assert signal.SIGUSR1 not in signal.pthread_sigmask(signal.SIG_BLOCK, [])\n"
               "time.sleep(0.2)\n")
    context.launch([context.python.path, "-c", program], "--keep-last", "1s")
