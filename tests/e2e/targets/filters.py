# SPDX-License-Identifier: GPL-2.0-only
"""Threads with names to select by, and calls of known depth and duration."""

import os
import threading
import time

import proto

FILE = os.path.abspath(__file__)
NAMES = ["alpha", "beta-1", "beta-2", "监控"]


def noop():
    pass


def slow():
    time.sleep(0.02)
    noop()


def d3():
    pass


def d2():
    d3()


def d1():
    d2()


def d0():
    d1()


def body(go, finished):
    go.wait()
    for _ in range(20):
        noop()
    finished.wait()


def comm(tid, name):
    with open("/proc/self/task/%d/comm" % tid, "w") as f:
        f.write(name)


def main():
    go, finished = threading.Event(), threading.Event()
    threads = [threading.Thread(target=body, args=(go, finished), name=name) for name in NAMES]
    for thread in threads:
        thread.start()
    comm(threads[0].native_id, "alpha-comm")
    proto.ready(file=FILE, threads={t.name: [t.native_id, t.ident] for t in threads})
    go.set()
    for _ in range(5):
        slow()
    for _ in range(50):
        d0()
    time.sleep(0.1)
    proto.say()
    proto.expect("finish")
    finished.set()
    for thread in threads:
        thread.join()
    proto.done()


main()
