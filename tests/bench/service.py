# SPDX-License-Identifier: GPL-2.0-only
"""Work that goes on by itself, for the benchmarks of what vtbpf costs: service.py KIND [FILE].

Each line on standard input is answered with the loops made so far and the CLOCK_MONOTONIC of that, in
ns; with FILE, each thread's loops are to be seen there, too, as numbers of 8 bytes. The line "waste N"
lets each Nth loop not count: a known loss. Kinds: fib (calls and nothing else, in one thread), threads
(100 threads that share such work), idle (one thread works, 99 sleep), deep (the work is done under 500
frames), shares (functions that take known shares of the time, some ms at a time).
"""
import mmap
import sys
import threading
import time

THREADS = 100
DEPTH = 500
LOOPS = [0] * THREADS  # a place for each thread: nothing is lost without a lock
WASTE = [1 << 60]  # in a list, so that it costs the same when it is set
GO = threading.Event()  # starting a thread among a hundred that want the GIL takes a second
SHARES = {"eighth": 1, "quarter": 2, "half": 4, "rest": 1}


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def work(me):
    done = 0
    GO.wait()
    while True:
        fib(10)
        done += 1
        if done % WASTE[0]:
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
    GO.set()


def show(path):
    """Loops are counted in the file from now on."""
    global LOOPS
    with open(path, "r+b") as file:
        LOOPS = memoryview(mmap.mmap(file.fileno(), 8 * THREADS)).cast("Q")


def main():
    if len(sys.argv) > 2:
        show(sys.argv[2])
    begin(sys.argv[1])
    print("ready", flush=True)
    for line in sys.stdin:
        if line.startswith("waste "):
            WASTE[0] = int(line.split()[1]) or 1 << 60
        print(sum(LOOPS), time.monotonic_ns(), flush=True)


main()
