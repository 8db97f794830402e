# SPDX-License-Identifier: GPL-2.0-only
"""`vtbpf -- PROGRAM`: whose it is, where it runs, how it ends, what of it is seen."""

import json
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import time

from case_control import ctl
from harness import case, clean_env, wait_until

NOBODY = pwd.getpwnam("nobody")


def launched(context, argv, *options, status=0, **popen):
    """Runs a program that ends in launched.py; returns what that said, and the tracer."""
    tracer = context.launch(argv, *options, status=status, **popen)
    return json.loads(tracer.stdout.text()), tracer


def assert_whole(tracer, facts, killed=False):
    trace = tracer.trace()
    trace.check_shape()
    assert trace.lost == 0
    counts = trace.counts(facts["file"], finished=False)[facts["pid"]]
    assert counts["leaf"] == 500 and counts["top"] == 1 and counts["<module>"] == 1, counts
    module = [s for s in trace.of_file(facts["file"]) if s.qualname == "<module>"]
    assert module[0].open == ("end" if killed else None), module
    return trace


def public_copy(context, name="launched.py"):
    """A copy of a target that any user may run."""
    path = context.path(name)
    shutil.copy(context.script(name), path)
    os.chmod(path, 0o755)
    return path


@case(each=True)
def launch(context):
    """A program traced from its first call to its last."""
    facts, tracer = launched(context, [context.python.path, context.script("launched.py")])
    trace = assert_whole(tracer, facts)
    assert any(s.file.startswith("<frozen importlib") for s in trace.slices)
    assert facts["stdin"] == ""


@case()
def launch_hash_bang(context):
    """A #! script, as flask and pytest are."""
    path = context.path("tool")
    with open(context.script("launched.py")) as source, open(path, "w") as script:
        script.write("#!%s\n" % context.python.path + source.read().split("\n", 1)[1])
    os.chmod(path, 0o755)
    facts, tracer = launched(context, [path])
    assert_whole(tracer, facts)


@case()
def launch_through_env(context):
    """/usr/bin/env python3 SCRIPT, found through PATH."""
    bin_dir = context.path("bin")
    os.mkdir(bin_dir)
    os.symlink(context.python.path, os.path.join(bin_dir, "python3"))
    env = clean_env(PATH=bin_dir + ":" + os.environ["PATH"])
    facts, tracer = launched(context, ["/usr/bin/env", "python3", context.script("launched.py")],
                             env=env)
    assert_whole(tracer, facts)
    facts, tracer = launched(context, ["python3", context.script("launched.py")], env=env)
    assert_whole(tracer, facts)


@case(each="minor")
def launch_shell_wrapper(context):
    """A shell script that does other things first and then execs Python, as pyenv's shims do."""
    path = context.path("wrapper")
    with open(path, "w") as script:
        script.write('#!/bin/sh\nsleep 0.2\nls / >/dev/null\nexec "%s" "$@"\n' % context.python.path)
    os.chmod(path, 0o755)
    facts, tracer = launched(context, [path, context.script("launched.py")])
    assert_whole(tracer, facts)


def by_a_shell(context, commands, *options, status=0):
    """Runs what a shell starts; "$@" is followed.py on its own. {pid: calls of leaf()}, and the tracer."""
    tracer = context.launch(["/bin/sh", "-c", commands, "sh", context.python.path,
                             context.script("followed.py"), "alone"], *options, status=status)
    return dict(json.loads(line) for line in tracer.stdout.text().splitlines()), tracer


def assert_all_whole(tracer, counts):
    trace = tracer.trace()
    trace.check_shape()
    assert trace.lost == 0 and not trace.raw["vtbpf"].get("missed"), trace.raw["vtbpf"]
    seen = {pid: 0 for pid in counts}
    for s in trace.slices:
        assert not s.open, s
        seen[s.pid] += s.qualname == "leaf"
    assert seen == counts, (seen, counts)


@case(each="ends", exact=True)
def launch_shell_with_children(context):
    """A shell script that starts Python more than once: each from its first call on, until the script
    has ended, also when a while has passed without any."""
    counts, tracer = by_a_shell(context, 'ls / >&2; "$@" 30; sleep 2.3; (exec "$@" 40); exit 7', status=7)
    assert sorted(counts.values()) == [30, 40]
    assert_all_whole(tracer, counts)
    counts, tracer = by_a_shell(context, '"$@" 50 & "$@" 60 & "$@" 70 & wait')
    assert sorted(counts.values()) == [50, 60, 70]
    assert_all_whole(tracer, counts)


@case()
def launch_shell_that_ends_first(context):
    """Python that a script leaves behind is named, and goes on untouched."""
    tracer = context.launch(["/bin/sh", "-c", '"$@" & echo $!; sleep 0.5', "sh", context.python.path, "-c",
                             "import os, time; time.sleep(1.5); os.write(1, b'whole')"])
    pid, whole = tracer.stdout.text().split()
    assert whole == "whole", whole
    assert "process %s goes on" % pid in tracer.text(), tracer.text()
    assert {s.pid for s in tracer.trace().slices} == {int(pid)}


@case(exact=True)
def launch_shell_paused_between_children(context):
    """The first Python is gone while nobody looks: the trace goes on for the next."""
    out, go = context.path("out.json"), context.path("go")
    commands = '"$@" 30; while ! [ -e %s ]; do sleep 0.1; done; "$@" 40' % go
    tracer = context.command("-o", out, "--", "/bin/sh", "-c", commands, "sh", context.python.path,
                             context.script("followed.py"), "alone", out=out)
    tracer.wait_tracing_any()
    pid = int(re.search(r"tracing (\d+)…", tracer.text_so_far())[1])
    wait_until(lambda: not os.path.exists("/proc/%d" % pid), "the end of %d" % pid)
    for word in "pause", "resume":
        ctl(context, pid, word)
    with open(go, "w"):
        pass
    tracer.wait(0)
    counts = dict(json.loads(line) for line in tracer.stdout.text().splitlines())
    assert sorted(counts.values()) == [30, 40]
    assert_all_whole(tracer, counts)


@case()
def launch_shell_with_children_not_followed(context):
    """With --no-follow only what the program itself becomes is traced."""
    counts, tracer = by_a_shell(context, '"$@" 30; exit 3', "--no-follow", status=3)
    assert len(counts) == 1 and "without running Python" in tracer.text(), tracer.text()
    assert not os.path.exists(context.path("out.json"))


@case()
def launch_status(context):
    """vtbpf ends with the program's own status, 128+N for a signal, 127, 126."""
    python, script = context.python.path, context.script("launched.py")
    for program_status, status in (("3", 3), ("255", 255), ("-15", 143), ("-9", 137)):
        facts, tracer = launched(context, [python, script, program_status], status=status)
        assert_whole(tracer, facts, killed=128 < status < 255)
    context.launch(["/nonexistent/program"], status=127)
    context.launch(["no-such-program-in-path"], status=127)
    plain = context.path("plain")
    open(plain, "w").close()
    tracer = context.launch([plain], status=126)
    assert tracer.text().startswith("vtbpf: "), tracer.text()


@case()
def launch_without_python(context):
    """A program that never runs Python keeps its own status; a message says so."""
    tracer = context.launch(["/bin/sh", "-c", "exit 9"], status=9)
    assert "ython" in tracer.text(), tracer.text()
    tracer = context.launch(["/bin/true"], status=0)
    assert "ython" in tracer.text(), tracer.text()


@case()
def launch_as_sudo_user(context):
    """Under sudo the program runs as the caller, and the output is the caller's."""
    script = public_copy(context)
    out_dir = context.path("out")
    os.mkdir(out_dir)
    os.chmod(out_dir, 0o777)
    env = clean_env(SUDO_UID=str(NOBODY.pw_uid), SUDO_GID=str(NOBODY.pw_gid), SUDO_USER="nobody",
                    SUDO_COMMAND="x", KEPT="yes", HOME="/root", USER="root", LOGNAME="root")
    facts, tracer = launched(context, [context.public_python().path, script],
                             out="out/result.json", env=env)
    assert_whole(tracer, facts)
    assert (facts["uid"], facts["euid"], facts["gid"]) == (NOBODY.pw_uid, NOBODY.pw_uid,
                                                           NOBODY.pw_gid), facts
    assert facts["groups"] == sorted(os.getgrouplist("nobody", NOBODY.pw_gid)), facts
    wanted = {"HOME": NOBODY.pw_dir, "USER": "nobody", "LOGNAME": "nobody",
              "SHELL": NOBODY.pw_shell, "KEPT": "yes", "SUDO_UID": None, "SUDO_USER": None,
              "PATH": os.environ["PATH"]}
    assert facts["env"] == wanted, facts
    status = os.stat(context.path("out/result.json"))
    assert (status.st_uid, status.st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert not stat.S_IMODE(status.st_mode) & 0o111


@case()
def launch_keeps_surroundings(context):
    """Working directory, umask, stdin and stdout are the caller's."""
    inner = context.path("inner")
    os.mkdir(inner)
    program = ["/bin/sh", "-c", 'umask 027; echo "from stdin" | "$@"', "sh", context.vtbpf, "-o",
               context.path("out.json"), "--", context.python.path, context.script("launched.py")]
    done = subprocess.run(program, cwd=inner, env=clean_env(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["cwd"] == inner and facts["umask"] == 0o027, facts
    assert facts["stdin"] == "from stdin\n", facts
    assert all(line.startswith("vtbpf: ") for line in done.stderr.splitlines()), done.stderr
    assert stat.S_IMODE(os.stat(context.path("out.json")).st_mode) == 0o640


@case()
def launch_ctrl_c(context):
    """Ctrl-C on the terminal reaches program and vtbpf; the trace is whole."""
    script = context.script("spin.py")
    out = context.path("out.json")
    tracer = context.command("-o", out, "--", context.python.path, script, out=out,
                             start_new_session=True, stdin=subprocess.PIPE)
    facts = json.loads(tracer.stdout.next("the program's first line"))
    os.killpg(tracer.process.pid, signal.SIGINT)
    got = tracer.process.wait(60)
    assert got in (1, 130), "%d\n%s" % (got, tracer.text())
    trace = tracer.trace()
    trace.check_shape()
    assert trace.of_file(facts["file"])


@case()
def launch_duration(context):
    """-d ends the tracing; the program goes on and gives the exit status."""
    script = context.script("spin.py")
    out = context.path("out.json")
    tracer = context.command("-d", "300ms", "-o", out, "--", context.python.path, script, out=out,
                             stdin=subprocess.PIPE)
    json.loads(tracer.stdout.next("the program's first line"))
    time.sleep(1.5)
    assert tracer.process.poll() is None, tracer.text()
    tracer.process.stdin.write(b"fail\n")
    tracer.process.stdin.flush()
    tracer.wait(7)
    trace = tracer.trace()
    trace.check_shape()
    span = max(s.end for s in trace.slices) - min(s.start for s in trace.slices)
    assert span < 1200e6, span
