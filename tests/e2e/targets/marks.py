# SPDX-License-Identifier: GPL-2.0-only
"""Marks of all sorts, and what is none."""

import os
import sys
import threading

import proto

MARK = "vtbpf.mark"
NAMES = ["plain", "", "gr\u00fc\u00df", "\u76d1\u63a7" * 700, "\U0001f40d", "\ud800lone",
         'quote" \\ \n\x00\x1b', "x" * 60000]


class Derived(str):
    pass


def step(number):
    sys.audit(MARK, "step %d" % number)


def main():
    proto.ready(file=os.path.abspath(__file__))
    for name in NAMES:
        sys.audit(MARK, name)
    for number in range(20):
        step(number)
    sys.audit(MARK, Derived("derived"))
    for event in (MARK,), (MARK, 7), (MARK, None), (MARK, b"bytes"), ("vtbpf.marks", "no"), ("other",):
        sys.audit(*event)
    thread = threading.Thread(target=step, args=(99,))
    thread.start()
    thread.join()
    proto.done()


main()
