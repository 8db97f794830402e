# SPDX-License-Identifier: GPL-2.0-only
"""Call-heavy work on demand: each line "N" on standard input runs fib(N) and answers with the CPU
nanoseconds of this thread and the number of calls made."""
import sys
import time


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def calls(n):
    a, b = 1, 1
    for _ in range(n - 1):
        a, b = b, a + b + 1
    return b if n else 1


def main():
    fib(15)  # specialised before anything is measured
    print("ready", flush=True)
    for line in sys.stdin:
        n = int(line)
        start = time.thread_time_ns()
        fib(n)
        print(time.thread_time_ns() - start, calls(n), flush=True)


main()
