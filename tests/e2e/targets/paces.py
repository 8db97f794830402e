# SPDX-License-Identifier: GPL-2.0-only
"""paces.py: a function that is slow once, one that gets slower all the time, and one that does neither."""

import os
import time

import proto

FILE = os.path.abspath(__file__)


def wait(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def steady():
    wait(0.0005)


def once_slow(i):
    wait(0.2 if i == 250 else 0.0005)


def slower_and_slower(i):
    wait(0.0003 + 0.000003 * i)


def fact(n):
    return n * fact(n - 1) if n else 1


def main():
    proto.ready(file=FILE)
    for i in range(600):
        steady()
        once_slow(i)
        slower_and_slower(i)
    for _ in range(20):
        fact(9)
    proto.done()


main()
