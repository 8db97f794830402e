# SPDX-License-Identifier: GPL-2.0-only
"""Things happen to the target at random moments of vtbpf's work."""

import collections
import os
import signal
import time

import faults
from harness import case

ENDS = ("kill", "segv", "exit")
WORDS = ENDS + ("exec", "fork")
STATUS = {"kill": -signal.SIGKILL, "segv": -signal.SIGSEGV, "exit": 0}


def happens(target, word):
    """Lets it happen; the pid of a forked child."""
    if word == "kill":
        target.process.kill()
    else:
        target.tell(word)
    if word in ENDS:
        assert target.wait() == STATUS[word], target.process.returncode
    return target.hear().get("child") if word in ("exec", "fork") else None


def assert_unharmed(target, child):
    """It lives on without a breakpoint, and its results are right; so are a child's."""
    faults.assert_no_breakpoints(target.pid)
    if child:
        faults.assert_no_breakpoints(child)
    report = target.ask("end")
    assert target.wait() == 0 and not report["errors"], report
    assert report["rounds"] > 0


def attempt(context, word, moment):
    """One target, one vtbpf; True if it had begun to trace by then."""
    target = context.target("faulted.py")
    tracer = context.command("-p", target.pid, "-o", context.path("out.json"), "-d", "100ms",
                             "--no-progress", out=context.path("out.json"))
    time.sleep(moment)
    child = happens(target, word)
    status = tracer.process.wait(60)
    text = tracer.text()
    tracing = "vtbpf: tracing %d" % target.pid in text
    wanted = (0,) if tracing or word == "fork" else (0, 1, 4)
    assert status in wanted, "%s after %.3f s: status %d\n%s" % (word, moment, status, text)
    assert all(line.startswith("vtbpf: ") for line in text.splitlines()), text
    if status == 0:
        tracer.trace().check_shape()
        os.unlink(tracer.out)
    else:
        assert not os.path.exists(tracer.out), text
    left = [name for name in os.listdir(context.tmp) if name.startswith("out.json")]
    assert not left, left
    if word not in ENDS:
        assert_unharmed(target, child)
    assert not faults.running(context.vtbpf)
    target.close()
    return tracing


@case()
def target_at_random(context):
    """The target is killed, crashes, ends, execs, forks while vtbpf comes, traces and goes."""
    chance = faults.chance("target")
    span = faults.attach_time(context, context.target("spin.py")) + 0.2
    tracing = collections.Counter()
    total = faults.rounds(5, 200)
    for number in range(total):
        word = WORDS[number % len(WORDS)]
        tracing[word] += attempt(context, word, chance.uniform(0, span))
    print("%d targets, %d of each kind; while traced: %s" % (
        total, total // len(WORDS), dict(tracing)))
