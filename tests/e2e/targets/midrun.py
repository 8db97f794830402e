# SPDX-License-Identifier: GPL-2.0-only
"""A program in full swing: one thread sleeps all through, one ticks, the main thread waits."""

import os
import threading
import time

import proto

FILE = os.path.abspath(__file__)
STOP = threading.Event()
ASLEEP = threading.Lock()
ASLEEP.acquire()
TICKS = []


def bottom():
    ASLEEP.acquire()


def lower():
    bottom()


def sleeper():
    lower()


def tick():
    TICKS.append(1)


def inner():
    while not STOP.is_set():
        tick()
        time.sleep(0.005)


def outer():
    inner()
    tick()


def generator():
    """A generator that is running when the tracer comes."""
    yield 1
    proto.ready(tids=TIDS, file=FILE)
    yield 2


def serve():
    for _ in generator():
        pass


def main():
    for name, function in (("sleeper", sleeper), ("ticker", outer)):
        thread = threading.Thread(target=function, name=name, daemon=True)
        thread.start()
        TIDS[name] = thread.native_id
    time.sleep(0.2)
    serve()
    time.sleep(0.2)
    STOP.set()
    time.sleep(0.1)
    proto.done(ticks=len(TICKS))


TIDS = {}
main()
