# SPDX-License-Identifier: GPL-2.0-only
"""Threads that get the kernel id of one before them, by way of ns_last_pid. Needs root."""

import os
import threading

import proto

FILE = os.path.abspath(__file__)
LAST_PID = "/proc/sys/kernel/ns_last_pid"
TRUTH = []


def job():
    pass


def body(calls):
    TRUTH.append([proto.native_id(), threading.get_ident(), threading.current_thread().name, calls])
    for _ in range(calls):
        job()


def waiting(go):
    go.wait()
    body(5)


def with_id(tid, name, calls):
    """Runs a thread with this id. Other processes may be quicker: then again."""
    for _ in range(500):
        thread = threading.Thread(target=body, args=(calls,), name=name)
        with open(LAST_PID, "w") as f:
            f.write(str(tid - 1))
        thread.start()
        thread.join()
        if thread.native_id == tid:
            return True
    return False


def main():
    go = threading.Event()
    early = threading.Thread(target=waiting, args=(go,), name="noise-early")
    early.start()
    proto.ready(file=FILE)
    go.set()
    early.join()
    tid = early.native_id
    reused = all([with_id(tid, "work-1", 40), with_id(tid, "noise-2", 50), with_id(tid, "work-3", 60),
                  with_id(tid, "work-4", 7)])
    proto.done(tid=tid, reused=reused, threads=TRUTH)


main()
