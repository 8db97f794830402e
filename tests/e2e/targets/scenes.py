#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Programs as they are in production, with known numbers. `pool METHOD` has three workers, `prefork` four
that serve; each counts its calls of leaf() and its collections, by generation. `mix N` makes so many
collections, marks and calls in turn; `exit` ends."""

import gc
import multiprocessing
import os
import sys
import time

import proto

CALLS = [0]
BEFORE = [0, 0, 0]


def leaf():
    CALLS[0] += 1


def collections():
    return [s["collections"] for s in gc.get_stats()]


def begin(inherited):
    """In a worker: from now on it collects only when it says so. What it inherited is not its own."""
    gc.disable()
    if inherited:
        BEFORE[:] = collections()
    time.sleep(0.3)


def task(n):
    for _ in range(n):
        leaf()
    gc.collect(n % 3)
    return os.getpid(), CALLS[0], [now - b for now, b in zip(collections(), BEFORE)]


def pool(method):
    """The last answer of each worker holds."""
    context = multiprocessing.get_context(method)
    seen = {}
    with context.Pool(3, begin, (method == "fork",)) as workers:
        for pid, calls, counts in workers.imap_unordered(task, range(20, 50)):
            if pid not in seen or calls > seen[pid][0]:
                seen[pid] = calls, counts
        workers.close()
        workers.join()
    return seen


def serve(orders, answers):
    """A worker of the server: a request is some calls, a wait and, now and then, a collection."""
    BEFORE[:] = collections()
    for line in iter(orders.readline, ""):
        for i in range(int(line)):
            leaf()
            time.sleep(0.002)
            if i % 10 == 0:
                gc.collect(i // 10 % 3)
        counts = [now - b for now, b in zip(collections(), BEFORE)]
        answers.write("%d %d %d %d %d\n" % ((os.getpid(), CALLS[0]) + tuple(counts)))
        answers.flush()
    os._exit(0)


class Worker:
    def __init__(self):
        its_orders, orders = os.pipe()
        answers, its_answers = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(orders)
            os.close(answers)
            serve(os.fdopen(its_orders), os.fdopen(its_answers, "w"))
        os.close(its_orders)
        os.close(its_answers)
        self.orders, self.answers = os.fdopen(orders, "w"), os.fdopen(answers)

    def tell(self, n):
        self.orders.write("%d\n" % n)
        self.orders.flush()

    def hear(self):
        pid, calls, *counts = [int(word) for word in self.answers.readline().split()]
        return pid, (calls, counts)


def load(workers, n):
    """All at once."""
    for worker in workers:
        worker.tell(n)
    return dict(worker.hear() for worker in workers)


def mix(n):
    for i in range(n):
        leaf()
        sys.audit("vtbpf.mark", "step %d" % i)
        gc.collect(i % 3)


def main():
    gc.disable()
    workers = [Worker() for _ in range(4)] if "prefork" in sys.argv else []
    proto.say(pid=os.getpid(), pids=[w.pid for w in workers], file=os.path.abspath(__file__))
    while True:
        word, _, arg = proto.hear().partition(" ")
        if word == "exit":
            break
        obey = {"pool": lambda: pool(arg), "load": lambda: load(workers, int(arg)),
                "mix": lambda: mix(int(arg))}
        proto.say(did=obey[word]())


if __name__ == "__main__":
    main()
