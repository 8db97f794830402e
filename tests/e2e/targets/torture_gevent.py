# SPDX-License-Identifier: GPL-2.0-only
"""gevent: tasks, queues, pools, events, killing, timeouts, in the order of its one loop."""

import os

import gevent
import gevent.event
import gevent.lock
import gevent.pool
import gevent.queue

import truth

FILE = os.path.abspath(__file__)


def touch(x=0):
    return x


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def sleepy(n):
    for i in range(n):
        gevent.sleep(0)
        touch(i)
    return fib(n)


def failing(n):
    sleepy(n)
    raise KeyError(touch(n))


def numbers(n):
    for i in range(n):
        gevent.sleep(0)
        yield touch(i)


def producer(queue, n):
    for i in range(n):
        queue.put(touch(i))
    queue.put(StopIteration)


def consumer(queue):
    for x in queue:
        touch(x)


def forever():
    try:
        gevent.event.Event().wait()
    finally:
        touch("killed")


def joined():
    tasks = [gevent.spawn(sleepy, i) for i in range(5)] + [gevent.spawn(sum, numbers(3))]
    gevent.joinall(tasks)
    touch([task.value for task in tasks])


def failures():
    task = gevent.spawn(failing, 2)
    task.link(lambda done: touch(done.exception))
    task.join()
    try:
        task.get()
    except KeyError:
        touch("failed")


def queues():
    queue = gevent.queue.Queue(2)
    gevent.joinall([gevent.spawn(producer, queue, 7), gevent.spawn(consumer, queue)])


def killing():
    task = gevent.spawn(forever)
    gevent.sleep(0)
    task.kill()
    with gevent.Timeout(0.01, False):
        forever()
    touch("after")


def pools():
    pool = gevent.pool.Pool(3)
    touch(pool.map(sleepy, range(6)))
    lock = gevent.lock.BoundedSemaphore(1)

    def locked(i):
        with lock:
            sleepy(i)
    for i in range(4):
        pool.spawn(locked, i)
    pool.join()


class Task(gevent.Greenlet):
    def __init__(self, n):
        super().__init__()
        self.n = n

    def _run(self):
        return sleepy(self.n)


def quiet(*_what):
    """In place of the hub's report of an exception on stderr."""


def work():
    gevent.get_hub().handle_error = quiet
    for _ in range(10):
        joined()
        failures()
        queues()
        killing()
        pools()
        task = Task(3)
        task.start()
        touch(task.get())


if __name__ == "__main__":
    truth.run(work, FILE)
