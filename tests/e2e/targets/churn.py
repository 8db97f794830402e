# SPDX-License-Identifier: GPL-2.0-only
"""Threads that come and go, and call many functions of many files."""

import json
import textwrap
import threading

import proto

NAMES = ["churn-%d" % i for i in range(50)]
STOP = threading.Event()


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def numbers(n):
    for i in range(n):
        yield [fibonacci(3),
               i][1]


def work():
    for _ in range(20):
        textwrap.fill(" ".join("word%d" % i for i in numbers(30)), 30)
        json.dumps({"a": [1, 2, {"b": list(numbers(5))}]}, indent=1)
        fibonacci(8)


def keep_busy(name):
    while not STOP.is_set():
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        thread.join()


def main():
    for name in NAMES[:4]:
        threading.Thread(target=keep_busy, args=(name,), name="starter", daemon=True).start()
    proto.ready()
    proto.done()


main()
