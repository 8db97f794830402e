# SPDX-License-Identifier: GPL-2.0-only
"""crowd.py N ROUNDS: N threads that make ROUNDS calls of leaf() each and then all end at once."""

import os
import sys
import threading

import proto

N, ROUNDS = int(sys.argv[1]), int(sys.argv[2])


def leaf(x):
    return x


def job(ready, gate, tids):
    tids.append(proto.native_id())
    for i in range(ROUNDS):
        leaf(i)
    ready.release()
    gate.acquire()
    gate.release()


def main():
    proto.ready(file=os.path.abspath(__file__))
    ready, gate, tids = threading.Semaphore(0), threading.Lock(), []
    gate.acquire()
    threads = [threading.Thread(target=job, args=(ready, gate, tids), name="crowd-%d" % i)
               for i in range(N)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    gate.release()
    for thread in threads:
        thread.join()
    proto.done(tids=tids)


main()
