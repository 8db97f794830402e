# SPDX-License-Identifier: GPL-2.0-only
"""storm.py N MAKERS: N short threads, half of them called noise-*, half work-*, started by several
threads at a time; some in special ways. Reports [tid, ident, name] of each, as threading has it."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import proto

FILE = os.path.abspath(__file__)
TRUTH = []


def leaf():
    pass


def job(kind):
    for _ in range(3):
        leaf()
    TRUTH.append([proto.native_id(), threading.get_ident(), threading.current_thread().name, kind])


class Many(threading.Thread):
    """More attributes than a class shares keys for, set before Thread has set its own."""

    def __init__(self, **kw):
        for i in range(45):
            setattr(self, "own%d" % i, i)
        super().__init__(**kw)


class Dicted(threading.Thread):
    """Whose __dict__ somebody has looked at."""

    def __init__(self, **kw):
        super().__init__(**kw)
        self.__dict__["extra"] = 1
        self.__dict__ = dict(self.__dict__)


class Derived(threading.Thread):
    def __init__(self, label, **kw):
        self.label = label
        super().__init__(**kw)

    def run(self):
        job("derived")


def make(number, name):
    kind = number % 10
    if kind == 3:
        return Many(target=job, args=("many",), name=name)
    if kind == 4:
        return Derived(number, name=name)
    if kind == 5:
        return threading.Thread(target=job, args=("daemon",), name=name, daemon=True)
    if kind == 6:
        return Dicted(target=job, args=("dicted",), name=name)
    return threading.Thread(target=job, args=("plain",), name=name)


def name_of(number):
    if number % 100 == 77:
        return "noise-\u76d1\u63a7-%d" % number
    if number % 100 == 78:
        return "work-\U0001f600-%d" % number
    return ("noise-%d" if number % 2 else "work-%d") % number


def maker(first, count):
    for at in range(first, first + count, 8):
        threads = [make(n, name_of(n)) for n in range(at, min(at + 8, first + count))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def main():
    count, makers = int(sys.argv[1]), int(sys.argv[2])
    proto.ready(file=FILE)
    share = count // makers
    threads = [threading.Thread(target=maker, args=(i * share, share), name="maker-%d" % i)
               for i in range(makers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for prefix in ("noise-pool", "work-pool"):
        with ThreadPoolExecutor(4, thread_name_prefix=prefix) as pool:
            list(pool.map(job, ["pool"] * 16))
    for name in ("noise-" + "\u5b57" * 20000, "work-" + "\u5b57" * 20000):
        long = threading.Thread(target=job, args=("long",), name=name)
        long.start()
        long.join()
    proto.done(threads=TRUTH)


main()
