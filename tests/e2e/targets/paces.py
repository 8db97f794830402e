# SPDX-License-Identifier: GPL-2.0-only
"""
paces.py: a function that is slow once, one that gets slower all the time, and one that does neither.

On a busy machine it waits for a CPU all the time. What it does is short against that, so that most of its
calls are left alone, and what grows does so by the same factor from one call to the next.
"""

import math
import os
import time

import proto

FILE = os.path.abspath(__file__)
ROUNDS = 2000


def wait(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def steady():
    wait(0.0001)


def once_slow(i):
    wait(0.2 if i == 250 else 0.0001)


def slower_and_slower(i):
    wait(0.00005 * math.exp(3.5 * i / ROUNDS))


def fact(n):
    return n * fact(n - 1) if n else 1


def main():
    proto.ready(file=FILE)
    for i in range(ROUNDS):
        steady()
        once_slow(i)
        slower_and_slower(i)
    for _ in range(20):
        fact(9)
    proto.done()


main()
