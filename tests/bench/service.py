# SPDX-License-Identifier: GPL-2.0-only
"""Work that goes on by itself, for scripts/bench_production.py: service.py KIND.

Each line on standard input is answered with the loops made so far and the CLOCK_MONOTONIC of that, in
ns. Kinds: fib (calls and nothing else, in one thread), threads (100 threads that share such work), idle
(one thread works, 99 sleep), deep (the work is done under 500 frames), shares (functions that take
known shares of the time, some ms at a time).
"""
import sys
import threading
import time

THREADS = 100
DEPTH = 500
LOOPS = [0] * THREADS  # a place for each thread: nothing is lost without a lock
SHARES = {"eighth": 1, "quarter": 2, "half": 4, "rest": 1}


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def work(me):
    while True:
        fib(10)
        LOOPS[me] += 1


def sleep_long():
    while True:
        time.sleep(3600)


def dive(depth, me):
    if depth:
        dive(depth - 1, me)
    else:
        work(me)


def spin(units):
    total = 0
    for i in range(20000 * units):
        total += i & 7
    return total


def eighth():
    return spin(1)


def quarter():
    return spin(2)


def half():
    return spin(4)


def rest():
    return spin(1)


def share(me):
    while True:
        eighth()
        quarter()
        half()
        rest()
        LOOPS[me] += 1


def start(function, *args):
    threading.Thread(target=function, args=args, daemon=True).start()


def begin(kind):
    if kind == "threads":
        for me in range(THREADS):
            start(work, me)
    elif kind == "deep":
        sys.setrecursionlimit(DEPTH + 200)
        threading.stack_size(64 << 20)
        start(dive, DEPTH, 0)
    elif kind == "shares":
        start(share, 0)
    else:
        start(work, 0)
        for _ in range(THREADS - 1 if kind == "idle" else 0):
            start(sleep_long)


def main():
    begin(sys.argv[1])
    print("ready", flush=True)
    for _ in sys.stdin:
        print(sum(LOOPS), time.monotonic_ns(), flush=True)


main()
