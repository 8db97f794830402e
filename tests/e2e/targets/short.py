# SPDX-License-Identifier: GPL-2.0-only
"""short.py N: N threads that live for one call each, eight at a time."""

import os
import sys
import threading

import proto

FILE = os.path.abspath(__file__)
TRUTH = {}


def job():
    pass


def body():
    TRUTH[proto.native_id()] = threading.current_thread().name
    job()


def main():
    proto.ready(file=FILE)
    count = int(sys.argv[1])
    for first in range(0, count, 8):
        threads = [threading.Thread(target=body, name="short-%d" % i)
                   for i in range(first, first + 8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    proto.done(names={str(tid): name for tid, name in TRUTH.items()})


main()
