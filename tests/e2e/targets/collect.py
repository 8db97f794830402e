# SPDX-License-Identifier: GPL-2.0-only
"""Collections of every generation, in several threads; told is what the interpreter counted itself."""

import gc
import os
import threading

import proto

CALLBACKS = []


class Node:
    pass


def told(phase, info):
    if phase == "stop":
        CALLBACKS.append((proto.native_id(), info["generation"],
                          info["collected"] + info["uncollectable"]))


def make_cycles(count):
    for _ in range(count):
        first, second = Node(), Node()
        first.other, second.other = second, first


def asked():
    returned = []
    for generation in 0, 1, 2, 2, 1, 0:
        make_cycles(50 + generation)
        returned.append((generation, gc.collect(generation)))
    return returned


def main():
    gc.callbacks.append(told)
    proto.ready(file=os.path.abspath(__file__))
    CALLBACKS.clear()
    before = [s["collections"] for s in gc.get_stats()]
    threads = [threading.Thread(target=make_cycles, args=(8000,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    returned = asked()
    gc.disable()
    after = [s["collections"] for s in gc.get_stats()]
    proto.done(counts=[b - a for a, b in zip(before, after)], returned=returned,
               callbacks=CALLBACKS)


main()
