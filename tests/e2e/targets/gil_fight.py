# SPDX-License-Identifier: GPL-2.0-only
"""A fight for the GIL, and threads that take no part in it; each tells what it did when."""

import os
import sys
import threading
import time

import proto

SECONDS = 0.7
FIGHTERS = int(sys.argv[1])
stop = False
told = {}


def now():
    return time.monotonic_ns()


def fights(name):
    begin, count = now(), 0
    while not stop:
        count += 1
    told[name] = {"tid": proto.native_id(), "begin": begin, "end": now()}


def sleeps(name):
    spans = []
    while not stop:
        begin = now()
        time.sleep(0.01)
        spans.append((begin, begin + 10000000))
    told[name] = {"tid": proto.native_id(), "away": spans}


def waits(name, what):
    begin = now()
    what()
    told[name] = {"tid": proto.native_id(), "away": [(begin, told_off)]}


def main():
    global stop, told_off
    proto.ready()
    lock = threading.Lock()
    reader, writer = os.pipe()
    lock.acquire()
    threads = [threading.Thread(target=fights, args=("fighter-%d" % i,), name="fighter-%d" % i)
               for i in range(FIGHTERS)]
    threads.append(threading.Thread(target=sleeps, args=("sleeper",), name="sleeper"))
    threads.append(threading.Thread(target=waits, args=("locked", lock.acquire), name="locked"))
    threads.append(threading.Thread(target=waits, args=("reader", lambda: os.read(reader, 1)),
                                    name="reader"))
    for thread in threads:
        thread.start()
    fight_until = now() + 20000000
    while now() < fight_until:
        pass
    begin = now()
    time.sleep(SECONDS)
    told["main"] = {"tid": proto.native_id(), "away": [(begin, begin + SECONDS * 1e9)]}
    told_off = now()
    lock.release()
    os.write(writer, b"x")
    stop = True
    for thread in threads:
        thread.join()
    proto.done(threads=told)


main()
