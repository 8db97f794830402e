# SPDX-License-Identifier: GPL-2.0-only
"""Recursion: deep, through C, and into the limit. Every function counts its own activations."""

import os
import sys
import threading

import proto

FILE = os.path.abspath(__file__)
DEPTHS = (100, 1500, 5000)
# A plain dict: a Counter's item assignment is a call in C, which may meet the limit by itself.
COUNT = dict.fromkeys(("down", "unwind", "through_c", "dive", "hit"), 0)
FACTS = {}


def down(n):
    COUNT["down"] += 1
    return 0 if n == 0 else down(n - 1) + 1


def unwind(n):
    COUNT["unwind"] += 1
    if n == 0:
        raise KeyError("bottom")
    unwind(n - 1)


def through_c(n):
    COUNT["through_c"] += 1
    return n and sorted([n - 1], key=through_c) and 1


def dive():
    COUNT["dive"] += 1
    dive()


def limit(rounds):
    sys.setrecursionlimit(600)
    for _ in range(rounds):
        try:
            dive()
        except RecursionError:
            COUNT["hit"] += 1


def work():
    FACTS["tid"] = proto.native_id()
    sys.setrecursionlimit(20000)
    for depth in DEPTHS:
        down(depth)
        try:
            unwind(depth)
        except KeyError:
            pass
    through_c(200)
    limit(3)


def main():
    threading.stack_size(256 << 20)
    proto.ready(file=FILE)
    thread = threading.Thread(target=work, name="deep")
    thread.start()
    thread.join()
    proto.done(count=COUNT, depths=DEPTHS, **FACTS)


main()
