# SPDX-License-Identifier: GPL-2.0-only
"""Targets in containers: mount and pid namespaces of their own, on an overlay of their root."""

import os
import subprocess
import tempfile

from harness import Skip, Target, Tracer, clean_env, wait_until
from roots import TESTS, TREE

_SPACES = ["unshare", "--pid", "--fork", "--kill-child"]
_MOUNTS = ["--mount", "--propagation", "private", "--uts", "--ipc", "--net"]


def _ids(pid, tid=None):
    """What a process or thread is called, from our namespace inwards; none when it is gone."""
    path = "/proc/%d/status" % pid if tid is None else "/proc/%d/task/%d/status" % (pid, tid)
    try:
        with open(path) as f:
            return [[int(word) for word in line.split()[1:]] for line in f
                    if line.startswith("NSpid:")][0]
    except OSError:
        return []


def inner_id(pid, tid=None):
    """What a process or thread calls itself."""
    return _ids(pid, tid)[-1]


def inner_tids(pid):
    """{what we call a thread: what it calls itself}"""
    return {int(tid): inner_id(pid, int(tid)) for tid in os.listdir("/proc/%d/task" % pid)}


def children(pid):
    found = []
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/children" % (pid, tid)) as f:
            found += [int(word) for word in f.read().split()]
    return found


def _find(pid, inner, depth):
    """The descendant of a process that calls itself `inner`, that many namespaces further in."""
    for child in children(pid):
        ids = _ids(child)
        if ids and len(ids) == depth + 1 and ids[-1] == inner:
            return child
        found = _find(child, inner, depth)
        if found:
            return found
    return None


class Contained(Target):
    """pid is what we call the program, facts["pid"] what it calls itself."""

    def __init__(self, argv, depth, **kw):
        super().__init__(argv, **kw)
        self.depth = depth
        self.facts = self.hear()
        self.pid = wait_until(lambda: _find(self.process.pid, self.facts["pid"], depth), "its pid")

    def do(self, words):
        return self.ask(words)["did"]


def _works():
    """Why there can be no containers here, or nothing."""
    with tempfile.TemporaryDirectory(prefix="vtbpf-e2e-") as tmp:
        argv = _SPACES + _MOUNTS + [os.path.join(TESTS, "in-container.sh"), "/", TREE, tmp, "own",
                                    "ro", "root", "true"]
        tried = subprocess.run(argv, env=_env(), stderr=subprocess.PIPE, text=True)
    return tried.stderr.strip().splitlines()[-1] if tried.returncode else None


def _env():
    return clean_env(PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")


def start(context, script, *args, depth=1, proc="own", writes="rw", user="root"):
    """Starts a script of targets/ in a container, `depth` pid namespaces below ours."""
    reason = _works()
    if reason:
        raise Skip("no container can be made here: " + reason)
    python = context.public_python() if user == "nobody" else context.python
    if python.place.note == "embedded":
        raise Skip("an embedding program")
    argv = _SPACES * depth + _MOUNTS + [os.path.join(TESTS, "in-container.sh")]
    argv += [python.place.root or "/", TREE, context.tmp, proc, writes, user]
    argv.append(os.path.basename(python.path) if python.place.root else python.path)
    argv += [context.script(script)] + [str(arg) for arg in args]
    target = Contained(argv, depth, env=_env())
    context.started.append(target)
    return target


def command(context, target, *argv, out=None):
    """Starts vtbpf in the container of a target."""
    enter = ["nsenter", "--target", target.pid, "--pid", "--mount", "--root", "--wd=/"]
    tracer = Tracer(enter + [context.vtbpf] + list(argv), out)
    context.started.append(tracer)
    return tracer
