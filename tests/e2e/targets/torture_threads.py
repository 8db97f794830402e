# SPDX-License-Identifier: GPL-2.0-only
"""Threads: at once, one by one, of a pool, failing; each with its own fixed sequence of calls."""

import concurrent.futures
import contextvars
import os
import queue
import sys
import threading

import truth

FILE = os.path.abspath(__file__)
LOCAL = threading.local()


def touch(x=0):
    return x


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def numbers(n):
    for i in range(n):
        yield touch(i)


def thrower(depth):
    if depth:
        thrower(depth - 1)
    raise ValueError(depth)


class Local(threading.local):
    def __init__(self, x):
        self.x = touch(x)


SHARED = Local(3)


def busy(seed, rounds):
    """Work that differs from thread to thread, and takes turns with the others."""
    truth.here()
    LOCAL.x = touch(seed)
    touch(SHARED.x)
    for i in range(rounds):
        fib(5 + seed % 3)
        list(numbers(seed % 4 + 1))
        try:
            thrower(seed % 5)
        except ValueError:
            touch(LOCAL.x)
        sorted([2, 1], key=touch)


class Worker(threading.Thread):
    def __init__(self, inbox, outbox):
        super().__init__(name="worker")
        self.inbox, self.outbox = inbox, outbox

    def run(self):
        truth.here()
        for job in iter(self.inbox.get, None):
            self.outbox.put(self.handle(job))

    def handle(self, job):
        return fib(job)


def at_once():
    threads = [threading.Thread(target=busy, args=(i, 60), name="busy %d" % i) for i in range(4)]
    for thread in threads:
        thread.start()
    busy(5, 60)
    for thread in threads:
        thread.join()


def one_by_one():
    for i in range(12):
        thread = threading.Thread(target=busy, args=(i, 3), name="brief %d" % i)
        thread.start()
        thread.join()


def served():
    inbox, outbox = queue.Queue(), queue.Queue()
    worker = Worker(inbox, outbox)
    worker.start()
    for i in range(20):
        inbox.put(i % 7)
        touch(outbox.get())
    inbox.put(None)
    worker.join()


def pooled():
    with concurrent.futures.ThreadPoolExecutor(1, "pool", truth.here) as pool:
        results = [pool.submit(fib, i) for i in range(6)]
        failed = pool.submit(thrower, 2)
        touch([r.result() for r in results])
        touch(failed.exception())
        touch(list(pool.map(touch, range(5))))


def hooked(what):
    touch(what.exc_type)


def failing():
    truth.here()
    thrower(3)


def failed():
    threading.excepthook = hooked
    thread = threading.Thread(target=failing, name="failing")
    thread.start()
    thread.join()


def deep(n):
    if n == 0:
        truth.here()
    return n and deep(n - 1) + 1


def small_stacks():
    """Frames of a thread that runs at another's addresses, once that has ended."""
    for i in range(6):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(deep, 100 + i),
                                  name="deep %d" % i)
        thread.start()
        thread.join()


def work():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)
    at_once()
    one_by_one()
    served()
    pooled()
    failed()
    small_stacks()
    sys.setswitchinterval(interval)


if __name__ == "__main__":
    truth.run(work, FILE)
