#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A program for a container: says what it calls itself, and obeys: `calls N` makes so many of leaf()
in each of two threads; `fork N` in a forked child; `spaces N` in a grandchild that is the first process
of a pid namespace of its own; `pool METHOD` in the workers of a pool; `gc`, `mark`; `exit`. The counts
are by the pid of each process as it sees itself."""

import ctypes
import gc
import json
import multiprocessing
import os
import sys
import threading
import time

import proto

CLONE_NEWPID = 0x20000000


def leaf():
    pass


def work(n):
    for _ in range(n):
        leaf()
    return os.getpid(), n


def in_threads(n):
    threads = [threading.Thread(target=work, args=(n,), name="worker-%d" % i) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {os.getpid(): 2 * n}


def in_child(n, spaces):
    """The child lives until it has been looked at. With spaces it is that child's child."""
    ours, its = os.pipe()
    pid = os.fork()
    if not pid:
        if spaces:
            assert not ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWPID), ctypes.get_errno()
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                os._exit(0)
        time.sleep(0.3)
        os.write(its, json.dumps(work(n)).encode())
        time.sleep(0.3)
        os._exit(0)
    own, n = json.loads(os.read(ours, 64).decode())
    os.waitpid(pid, 0)
    return {own: n}


def in_pool(method):
    counts = {}
    with multiprocessing.get_context(method).Pool(2, time.sleep, (0.3,)) as workers:
        for pid, n in workers.map(work, range(20, 40), chunksize=1):
            counts[pid] = counts.get(pid, 0) + n
        workers.close()
        workers.join()
    return counts


def collect():
    before = [s["collections"] for s in gc.get_stats()]
    for generation in 0, 1, 2, 2:
        gc.collect(generation)
    return [s["collections"] - b for s, b in zip(gc.get_stats(), before)]


def obey(word, arg):
    if word == "calls":
        return in_threads(int(arg))
    if word in ("fork", "spaces"):
        return in_child(int(arg), word == "spaces")
    if word == "pool":
        return in_pool(arg)
    if word == "gc":
        return collect()
    if word == "mark":
        return sys.audit("vtbpf.mark", "contained")
    return None


def main():
    gc.disable()
    proto.say(pid=os.getpid(), tid=proto.native_id(), file=os.path.abspath(__file__),
              argv0=sys.argv[0])
    while True:
        word, _, arg = proto.hear().partition(" ")
        if word == "exit":
            break
        proto.say(did=obey(word, arg))


if __name__ == "__main__":
    main()
