# SPDX-License-Identifier: GPL-2.0-only
"""Threads that get another name while they run."""

import os
import threading
import time

import proto

FILE = os.path.abspath(__file__)
TRUTH = {}


def job():
    pass


def work(calls):
    for _ in range(calls):
        job()


def rename(name):
    threading.current_thread().name = name


def short(name):
    TRUTH[threading.current_thread().name] = proto.native_id()
    work(3)
    rename(name)
    work(3)


def long(name):
    TRUTH[threading.current_thread().name] = proto.native_id()
    work(3)
    rename(name)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        work(3)
        time.sleep(0.05)


def main():
    proto.ready(file=FILE)
    threads = [threading.Thread(target=target, args=(to,), name=name) for target, name, to in (
        (short, "short", "noise-short"), (short, "noise-was", "quiet"), (short, "work", "work-on"),
        (long, "long", "noise-long"), (long, "steady", "steady"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rename("noise-main")
    work(3)
    proto.done(threads=TRUTH)


main()
