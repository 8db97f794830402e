# SPDX-License-Identifier: GPL-2.0-only
"""Threads that wait, each for something of its own. What is said to begin begins when told to."""

import os
import sys
import threading
import time

import proto

LOCK = threading.Lock()
PIPE, END = os.pipe()
BEGIN = threading.Event()


def nap():
    """Wakes up now and then, for a moment."""
    while True:
        time.sleep(0.02)


def sleep():
    time.sleep(1000)


def read():
    os.read(PIPE, 1)


def acquire():
    LOCK.acquire()


def spin():
    n = 0
    while True:
        n += 1


def begin(function):
    BEGIN.wait()
    function()


def main():
    LOCK.acquire()
    spinners = int(sys.argv[1])
    waits = [nap, sleep, read, acquire]
    threads = [threading.Thread(target=w, name="early " + w.__name__, daemon=True) for w in waits]
    threads += [threading.Thread(target=begin, args=(w,), name="late " + w.__name__, daemon=True)
                for w in waits + [spin] * spinners]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    proto.say()
    proto.hear()
    BEGIN.set()
    proto.say()
    proto.hear()


main()
