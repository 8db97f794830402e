# SPDX-License-Identifier: GPL-2.0-only
"""Threads to control a trace of: two that call again and again, without a rest where the second
argument is `busy`, one that sleeps in a call, and as many that call now and then as the first argument
says. `ping` answers, `exec` becomes another program, `more` starts another thread called noise, `exit`
ends."""

import os
import sys
import threading
import time

import proto

FILE = os.path.abspath(__file__)
COUNT = [0]
BUSY = sys.argv[2:] == ["busy"]


def noise_step():
    pass


def noise():
    while True:
        for _ in range(20):
            noise_step()
        if not BUSY:
            time.sleep(0.001)


def work_step():
    COUNT[0] += 1


def work():
    while True:
        for _ in range(20):
            work_step()
        if not BUSY:
            time.sleep(0.001)


def doze():
    time.sleep(1000)


def tick():
    pass


def now_and_then():
    while True:
        tick()
        time.sleep(0.002)


def start(name, function):
    threading.Thread(target=function, name=name, daemon=True).start()


def main():
    start("noise-1", noise)
    start("work", work)
    start("dozer", doze)
    for i in range(int(sys.argv[1]) if len(sys.argv) > 1 else 0):
        start("ticker-%d" % i, now_and_then)
    time.sleep(0.1)
    proto.say(pid=os.getpid(), file=FILE)
    while True:
        word = proto.hear()
        if word == "ping":
            proto.say(count=COUNT[0])
        elif word == "more":
            start("noise-2", noise)
            proto.say()
        elif word == "exec":
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(30)"])
        elif word == "exit":
            os._exit(0)


main()
