# SPDX-License-Identifier: GPL-2.0-only
"""Targets, tracers and the register of cases."""

import json
import os
import queue
import re
import signal
import subprocess
import threading
import time

import interpreters
import tracefile

HERE = os.path.dirname(os.path.abspath(__file__))
TARGETS = os.path.join(HERE, "targets")
# Seconds for anything that ought to take one; an emulated machine takes more.
PATIENCE = int(os.environ.get("VTBPF_TEST_PATIENCE", "60"))

CASES = []


class Skip(Exception):
    """Raised by a case that cannot run here; its text says why."""


def case(each=False, needs=None, exact=False):
    """Registers a case. each: True runs it on every supported interpreter; "minor" on one of each minor
    version and flavour, for what does not depend on how the interpreter was built; "ends" on the oldest
    and the newest of those, for what takes long and hardly depends on the version; else on the first.
    needs(python): None, or why the case does not concern this interpreter. exact: it compares calls with
    the truth, and one difference is one too many, however busy the machine is."""
    def register(function):
        function.exact = exact
        CASES.append((function, each, needs))
        return function
    return register


def clean_env(**extra):
    """The environment of children: no trace of the sudo that the tests themselves may run under."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SUDO_", "PYTHON"))}
    env.update(extra)
    return env


def wait_until(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("waited %d s in vain: %s" % (seconds, what))


class Lines:
    """Lines of a stream, read by a thread so that neither side can block on a full pipe."""

    def __init__(self, stream):
        self.seen = []
        self.queue = queue.Queue()
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            self.seen.append(line)
            self.queue.put(line)
        self.queue.put(None)

    def next(self, what, seconds=PATIENCE):
        try:
            line = self.queue.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError("no line within %d s: %s" % (seconds, what))
        if line is None:
            raise AssertionError("stream ended: %s\n%s" % (what, "\n".join(self.seen[-20:])))
        return line

    def text(self):
        self.thread.join(5)
        return "\n".join(self.seen)


class Target:
    """A script of targets/: prints JSON lines, obeys the words it is sent (targets/proto.py)."""

    def __init__(self, argv, cwd=None, env=None, user=None):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        cwd=cwd, env=env or clean_env(), user=user,
                                        start_new_session=True)
        self.pid = self.process.pid
        self.lines = Lines(self.process.stdout)
        self.facts = self.hear() if argv[1].endswith(".py") else {}

    def hear(self):
        return json.loads(self.lines.next("the target's answer"))

    def tell(self, word):
        self.process.stdin.write(word.encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, word):
        self.tell(word)
        return self.hear()

    def alive(self):
        return self.process.poll() is None

    def wait(self):
        return self.process.wait(PATIENCE)

    def close(self):
        if self.alive():
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()


class Tracer:
    """A running vtbpf."""

    def __init__(self, argv, out=None, **popen):
        popen.setdefault("env", clean_env())
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", subprocess.PIPE)
        self.argv = [str(arg) for arg in argv]
        self.out = out
        self.process = subprocess.Popen(self.argv, stderr=subprocess.PIPE, **popen)
        self.err = Lines(self.process.stderr)
        self.stdout = Lines(self.process.stdout) if self.process.stdout else None

    def wait_tracing(self, pid):
        pattern = re.compile(r"vtbpf: tracing\b.*\b%d\b" % pid)
        while not pattern.match(self.err.next("'vtbpf: tracing %d'" % pid)):
            pass
        return self

    def wait_tracing_any(self):
        """Of several processes: until one more is traced."""
        while not self.err.next("'vtbpf: tracing'").startswith("vtbpf: tracing "):
            pass

    def send(self, number):
        self.process.send_signal(number)

    def wait(self, status=0, seconds=PATIENCE):
        try:
            got = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError("vtbpf still runs after %d s\n%s" % (seconds, self.text()))
        assert got == status, "exit status %d, not %d, of %s\n%s" % (
            got, status, " ".join(self.argv), self.text())
        return self

    def text(self):
        return self.err.text()

    def text_so_far(self):
        return "\n".join(self.err.seen)

    def trace(self):
        return tracefile.Trace(self.out)

    def stop(self, number=signal.SIGINT, overflow=False):
        """Ends the trace as Ctrl-C does and returns it, its general shape checked."""
        self.send(number)
        self.wait(0)
        result = self.trace()
        result.check_shape(overflow, any(a.startswith("--c-calls") for a in self.argv))
        return result

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Context:
    """What a case works with; closes behind it whatever it started."""

    def __init__(self, vtbpf, python, tmp, everything):
        self.vtbpf = os.path.abspath(vtbpf)
        self.python = python
        self.tmp = tmp
        self.everything = everything  # all interpreters found, supported or not
        self.started = []

    def path(self, name):
        return os.path.join(self.tmp, name)

    def public_python(self):
        """A supported interpreter that every user may run: this one, if it is."""
        for python in [self.python] + self.everything:
            if python.minor not in interpreters.SUPPORTED:
                continue
            allowed = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", python.path,
                                      "-c", ""], stderr=subprocess.DEVNULL)
            if allowed.returncode == 0:
                return python
        raise Skip("no supported interpreter that other users may run")

    def script(self, name):
        return os.path.join(TARGETS, name)

    def target(self, name, *args, python=None, **kw):
        path = (python or self.python).path
        return self.start([path, self.script(name)] + [str(arg) for arg in args], **kw)

    def start(self, argv, **kw):
        """Starts a target of any interpreter."""
        target = Target(argv, **kw)
        self.started.append(target)
        return target

    def command(self, *argv, **popen):
        """Starts vtbpf with any arguments."""
        tracer = Tracer([self.vtbpf] + list(argv), **popen)
        self.started.append(tracer)
        return tracer

    def attach(self, target, *options, out="out.json", **popen):
        """Starts vtbpf -p and returns when it says that it traces."""
        out = self.path(out)
        tracer = self.command("-p", target.pid, "-o", out, *options, out=out, **popen)
        return tracer.wait_tracing(target.pid)

    def launch(self, argv, *options, out="out.json", status=0, **popen):
        """Runs `vtbpf OPTIONS -- ARGV` to its end."""
        out = self.path(out)
        tracer = self.command("-o", out, *options, "--", *argv, out=out, **popen)
        return tracer.wait(status)

    def fails(self, status, *argv, **popen):
        """Runs vtbpf, which must fail with `status` and a message; returns the message."""
        tracer = self.command(*argv, **popen).wait(status)
        text = tracer.text()
        assert text.startswith("vtbpf: ") or status == 2, "no message of vtbpf's own:\n" + text
        return text

    def close(self):
        for thing in reversed(self.started):
            thing.close()


def text_differences(pid):
    """Offsets at which the executable text that `pid` runs differs from its files: breakpoints."""
    found = []
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            fields = line.split(None, 5)
            if len(fields) < 6 or "x" not in fields[1] or not fields[5].startswith("/"):
                continue
            if "python" not in os.path.basename(fields[5]):
                continue
            start, end = (int(n, 16) for n in fields[0].split("-"))
            with open("/proc/%d/map_files/%x-%x" % (pid, start, end), "rb") as f:
                f.seek(int(fields[2], 16))
                wanted = f.read(end - start)
            mem.seek(start)
            got = mem.read(len(wanted))
            for page in range(0, len(wanted), 4096):
                ours, theirs = wanted[page:page + 4096], got[page:page + 4096]
                if ours != theirs:
                    found += [int(fields[2], 16) + page + i for i in range(len(ours))
                              if ours[i] != theirs[i]]
    return found
