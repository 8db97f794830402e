# SPDX-License-Identifier: GPL-2.0-only
"""Calls without end in one thread, while the main thread tells how many it were. `ping` answers,
`fail` exits with status 7, `exec` becomes another program, `exit` ends."""

import os
import sys
import threading

import proto

FILE = os.path.abspath(__file__)
COUNT = [0]


def step():
    COUNT[0] += 1


def turn():
    step()


def spin():
    while True:
        turn()


def main():
    threading.Thread(target=spin, name="spinner", daemon=True).start()
    proto.say(pid=os.getpid(), file=FILE)
    while True:
        word = proto.hear()
        if word == "ping":
            proto.say(count=COUNT[0])
        elif word == "fail":
            sys.exit(7)
        elif word == "exec":
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(30)"])
        elif word == "exit":
            os._exit(0)


main()
