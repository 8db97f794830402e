# SPDX-License-Identifier: GPL-2.0-only
"""A thread that checks its own results, in a process to which things happen: `exec` starts it anew in
the same process, `fork` makes a child that does the same, `segv` crashes it, `exit` ends it. `end` tells
what was wrong, the child's status included."""

import ctypes
import os
import resource
import sys
import threading

import proto

MASK = (1 << 64) - 1


class Work:
    def __init__(self):
        self.ends, self.rounds, self.errors = False, 0, []

    def step(self, x):
        return (x * 6364136223846793005 + 1442695040888963407) & MASK

    def steps(self, x):
        for _ in range(4):
            x = self.step(x)
            yield x

    def one_round(self, x):
        if sum(self.steps(x)) & MASK != self.expected(x):
            self.errors.append("round %d" % self.rounds)
        self.rounds += 1

    def expected(self, x):
        total = 0
        for _ in range(4):
            x = (x * 6364136223846793005 + 1442695040888963407) & MASK
            total += x
        return total & MASK

    def run(self):
        while not self.ends:
            self.one_round(self.rounds)


def start():
    work = Work()
    thread = threading.Thread(target=work.run, name="worker")
    thread.start()
    return work, thread


def finish(work, thread):
    work.ends = True
    thread.join()
    return work.errors


def child(end):
    """What a forked child does until the other end of the pipe is closed."""
    work, thread = start()
    os.read(end, 1)
    os._exit(len(finish(work, thread)[:9]))


def fork(children):
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(theirs)
        child(ours)
    os.close(ours)
    children.append((pid, theirs))
    proto.say(child=pid)


def wait_for(children):
    for pid, end in children:
        os.close(end)
        _, status = os.waitpid(pid, 0)
        if status:
            yield "child %d: status %d" % (pid, status)


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    work, thread = start()
    children = []
    proto.say(pid=os.getpid())
    while True:
        word = proto.hear()
        if word == "exec":
            os.execv(sys.executable, [sys.executable, os.path.abspath(__file__)])
        elif word == "fork":
            fork(children)
        elif word == "segv":
            ctypes.string_at(0)
        elif word == "exit":
            os._exit(0)
        elif word == "end":
            errors = finish(work, thread) + list(wait_for(children))
            proto.say(rounds=work.rounds, errors=errors)
            break


main()
