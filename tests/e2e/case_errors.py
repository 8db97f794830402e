# SPDX-License-Identifier: GPL-2.0-only
"""What cannot be traced, and usage."""

import os
import pwd
import re
import shutil
import subprocess

import interpreters
from harness import Skip, case, wait_until

NOBODY = pwd.getpwnam("nobody")


def unused_pid():
    with open("/proc/sys/kernel/pid_max") as f:
        pid = int(f.read()) - 1
    while os.path.exists("/proc/%d" % pid):
        pid -= 1
    return pid


def kernel_threads():
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in sorted(pids) if not os.path.lexists("/proc/%d/exe" % pid)
            or not cmdline(pid)]


def cmdline(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read()
    except OSError:
        return b"gone"


@case()
def no_such_process(context):
    """No such PID, and a zombie: exit 4."""
    pid = unused_pid()
    assert str(pid) in context.fails(4, "-p", pid)
    zombie = subprocess.Popen(["/bin/true"])
    wait_until(lambda: open("/proc/%d/stat" % zombie.pid).read().split()[2] == "Z", "a zombie")
    text = context.fails(4, "-p", zombie.pid)
    zombie.wait()
    assert str(zombie.pid) in text, text


@case()
def not_python(context):
    """A process that runs no Python: exit 4, named."""
    target = subprocess.Popen(["/bin/sleep", "60"])
    try:
        text = context.fails(4, "-p", target.pid)
        assert str(target.pid) in text and "ython" in text, text
        for pid in kernel_threads()[:1]:
            assert str(pid) in context.fails(4, "-p", pid)
    finally:
        target.kill()
        target.wait()


@case()
def unsupported_versions(context):
    """CPythons that cannot be traced: exit 4, the version is named, nothing is harmed."""
    others = [p for p in context.everything if p.minor not in interpreters.SUPPORTED
              and p.minor <= (3, 7)]
    if not others:
        raise Skip("no CPython older than 3.8 found")
    for python in others:
        code = "import time; time.sleep(60)"
        target = subprocess.Popen([python.path, "-c", code])
        try:
            def mapped():
                with open("/proc/%d/maps" % target.pid) as maps:
                    return re.search(r"lib-dynload|libpython|/python", maps.read())
            wait_until(mapped, "the interpreter is mapped")
            text = context.fails(4, "-p", target.pid)
            assert python.version in text or "%d.%d" % python.minor in text, (python.version, text)
            assert target.poll() is None
        finally:
            target.kill()
            target.wait()


def as_nobody(context, *argv):
    binary = context.path("vtbpf")
    shutil.copy(context.vtbpf, binary)
    os.chmod(binary, 0o755)
    os.chmod(context.tmp, 0o777)
    return subprocess.run(["setpriv", "--reuid=%d" % NOBODY.pw_uid, "--regid=%d" % NOBODY.pw_gid,
                           "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", binary]
                          + [str(arg) for arg in argv], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, cwd=context.tmp, timeout=60)


@case()
def no_privileges(context):
    """Without privileges: exit 3; the message says what is missing and how to get it."""
    code = "import time; time.sleep(100)"
    target = subprocess.Popen([context.public_python().path, "-c", code], user=NOBODY.pw_uid)
    try:
        refused_without_privileges(context, target.pid)
    finally:
        target.kill()
        target.wait()


def refused_without_privileges(context, pid):
    done = as_nobody(context, "-p", pid, "-o", context.path("out.json"))
    assert done.returncode == 3, (done.returncode, done.stderr)
    assert done.stderr.startswith("vtbpf: "), done.stderr
    assert "CAP_" in done.stderr and "sudo" in done.stderr, done.stderr
    done = as_nobody(context, "-o", context.path("out.json"), "--", "/bin/true")
    assert done.returncode == 3, (done.returncode, done.stderr)


@case()
def root_of_a_user_namespace(context):
    """All capabilities, but only in a user namespace: bpf(2) is refused: exit 3."""
    target = context.target("spin.py")
    done = subprocess.run(["unshare", "--user", "--map-root-user", context.vtbpf, "-p",
                           str(target.pid), "-o", context.path("out.json")], cwd=context.tmp,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 3, (done.returncode, done.stderr)
    assert done.stderr.startswith("vtbpf: "), done.stderr
    assert all(line.startswith("vtbpf: ") for line in done.stderr.splitlines()), done.stderr


@case()
def kernel_without_btf(context):
    """No /sys/kernel/btf, as in some containers: exit 3, and BTF is named."""
    target = context.target("spin.py")
    script = 'mount -t tmpfs tmpfs /sys/kernel/btf && exec "$@"'
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", context.vtbpf, "-p",
                           str(target.pid), "-o", context.path("out.json")],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    if os.path.exists("/boot/vmlinux-" + os.uname().release):
        raise Skip("/boot has an image with BTF")
    assert done.returncode == 3, (done.returncode, done.stderr)
    assert done.stderr.startswith("vtbpf: ") and "BTF" in done.stderr, done.stderr


@case()
def usage(context):
    """Bad usage: exit 2 and a hint; --help and --version on stdout: exit 0."""
    for argv in (["--no-such-option"], ["-p"], ["-p", "abc"], ["-p", "0"], ["-p", "-5"], [],
                 ["-p", "1", "-d", "soon"], ["-p", "1", "--min-duration", "x"],
                 ["-p", "1", "--max-stack-depth", "x"], ["-p", "1", "--buffer-size", "tiny"],
                 ["convert"], ["-p", "1", "stray"], ["-p", "1", "--", "/bin/true"], ["--"]):
        tracer = context.command(*argv, cwd=context.tmp).wait(2)
        assert "vtbpf" in tracer.text(), (argv, tracer.text())
        assert not tracer.stdout.text(), (argv, tracer.stdout.text())
    for argv, wanted in ((["--help"], "--ignore-thread"), (["--version"], "vtbpf ")):
        tracer = context.command(*argv).wait(0)
        assert wanted in tracer.stdout.text(), (argv, tracer.stdout.text())
        assert tracer.text() == "", tracer.text()


@case(each=True)
def dry_run(context):
    """--dry-run prints the plan on stdout and touches nothing."""
    target = context.target("spin.py")
    tracer = context.command("-p", target.pid, "--dry-run", cwd=context.tmp).wait(0)
    plan = tracer.stdout.text()
    assert context.python.version in plan and "entry" in plan.lower(), plan
    assert os.listdir(context.tmp) == [], os.listdir(context.tmp)


@case()
def doctor(context):
    """doctor says what is allowed here; with -p also about a target."""
    text = context.command("doctor").wait(0).stdout.text()
    assert "BTF" in text, text
    target = context.target("spin.py")
    text = context.command("doctor", "-p", target.pid).wait(0).stdout.text()
    assert context.python.version in text, text
    assert target.ask("ping")["count"] > 0


@case()
def convert_refuses(context):
    """convert of what is no capture: exit 1 and a message that says what it is."""
    for name, data in (("empty.vtb", b""), ("text.vtb", b"hello\n" * 100), ("zero.vtb", bytes(9999))):
        path = context.path(name)
        with open(path, "wb") as f:
            f.write(data)
        text = context.fails(1, "convert", path, "-o", context.path("out.json"))
        assert name in text, text
    context.fails(1, "convert", context.path("missing.vtb"), "-o", context.path("out.json"))
    assert not os.path.exists(context.path("out.json"))


@case()
def thread_id_for_pid(context):
    """-p with a thread's id: either the process is meant, or a message says whose thread it is."""
    target = context.target("calls.py", 10)
    tid = target.facts["threads"][0]["tid"]
    text = context.fails(4, "-p", tid)
    assert str(target.pid) in text, text


@case()
def quiet(context):
    """-q leaves only the line that scripts wait for; nothing else but vtbpf's lines without it."""
    target = context.target("spin.py")
    tracer = context.attach(target, "-q", "-d", "200ms").wait(0)
    lines = tracer.text().splitlines()
    assert len(lines) == 1 and lines[0].startswith("vtbpf: tracing"), lines
    tracer = context.attach(target, "-d", "200ms", out="second.json").wait(0)
    assert all(line.startswith("vtbpf: ") for line in tracer.text().splitlines()), tracer.text()
    assert not tracer.stdout.text()
