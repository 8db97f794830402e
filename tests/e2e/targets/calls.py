# SPDX-License-Identifier: GPL-2.0-only
"""calls.py N: three threads that were there before, and one that comes later, make known calls."""

import os
import sys
import threading

import proto

N = int(sys.argv[1])
FILE = os.path.abspath(__file__)
NAMES = ["worker-one", "worker-two", "工作线程-三"]


def leaf(x):
    return x + 1


def middle(x):
    return leaf(leaf(x))


class Worker:
    def __init__(self, name, rounds):
        self.rounds = rounds
        self.gate, self.finished, self.hold = (threading.Lock() for _ in range(3))
        for lock in (self.gate, self.finished, self.hold):
            lock.acquire()
        self.thread = threading.Thread(target=self.run, name=name, daemon=True)
        self.thread.start()

    def run(self):
        # Nothing but middle() and leaf() is called between the gate and the end, so that the thread
        # makes 3 * rounds calls while it is traced, no more.
        gate, finished, hold = self.gate.acquire, self.finished.release, self.hold.acquire
        rounds = range(self.rounds)
        call = middle
        gate()
        for i in rounds:
            call(i)
        finished()
        hold()

    def truth(self):
        return {"tid": self.thread.native_id, "ident": self.thread.ident,
                "name": self.thread.name, "rounds": self.rounds}


def main():
    workers = [Worker(name, N * (i + 1)) for i, name in enumerate(NAMES)]
    proto.ready(threads=[w.truth() for w in workers], file=FILE)
    for worker in workers:
        worker.gate.release()
    late = Worker("comes-late", N)
    workers.append(late)
    late.gate.release()
    for worker in workers:
        worker.finished.acquire()
    proto.done(threads=[w.truth() for w in workers])


main()
