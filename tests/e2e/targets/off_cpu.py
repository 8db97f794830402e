# SPDX-License-Identifier: GPL-2.0-only
"""Threads without a CPU, and when that was: each sleep, wait and fight tells its begin and end by
CLOCK_MONOTONIC."""

import os
import socket
import threading
import time

import proto

NAP = 0.3
FIGHT = 0.6
EARLY = threading.Lock()
FOREVER = threading.Lock()


def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def told(function, *args):
    """Runs it; its thread, begin and end."""
    begin = now()
    function(*args)
    return [proto.native_id(), begin, now()]


def in_thread(results, name, function, *args):
    thread = threading.Thread(target=lambda: results.__setitem__(name, told(function, *args)), name=name,
                              daemon=True)
    thread.start()
    return thread


def hand_over(results):
    """A thread waits for a lock until another one, the main thread, releases it."""
    lock = threading.Lock()
    lock.acquire()
    waiter = in_thread(results, "lock", lock.acquire)
    time.sleep(NAP)
    results["release"] = told(lock.release)
    waiter.join()


def message(results):
    """The main thread waits in recv() until another thread sends."""
    here, there = socket.socketpair()

    def send():
        time.sleep(NAP)
        there.send(b"x")

    sender = in_thread(results, "send", send)
    results["recv"] = told(here.recv, 1)
    sender.join()


def delay():
    """How long the running thread waited for a CPU so far, ns."""
    with open("/proc/thread-self/schedstat") as f:
        return int(f.read().split()[1])


def spin(seconds):
    end = now() + int(seconds * 1e9)
    while now() < end:
        sum(range(2000))


def start_rival():
    """A process that will spin; forked before there are threads. Its pid, and where to tell it."""
    wait, tell = os.pipe()
    pid = os.fork()
    if pid:
        os.close(wait)
        return pid, tell
    os.close(tell)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if os.read(wait, 1):
        spin(FIGHT)
    os._exit(0)


def fight(results, rival, tell):
    """Two processes, one CPU."""
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    before = delay()
    os.write(tell, b"x")
    results["fight"] = told(spin, FIGHT)
    results["delay"] = delay() - before
    os.sched_setaffinity(0, cpus)
    os.waitpid(rival, 0)


def main():
    results = {}
    rival = start_rival()
    EARLY.acquire()
    FOREVER.acquire()
    early = in_thread(results, "early", EARLY.acquire)
    in_thread({}, "forever", FOREVER.acquire)
    time.sleep(0.2)
    proto.ready()
    results["sleep"] = told(time.sleep, NAP)
    EARLY.release()
    early.join()
    hand_over(results)
    message(results)
    fight(results, *rival)
    proto.done(nap=int(NAP * 1e9), **results)


main()
