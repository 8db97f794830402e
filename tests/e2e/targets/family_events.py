#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""family_events.py work [PROGRAM...]: does what the options of events show, and so do a forked child and
one of each PROGRAM. family_events.py sleep [PROGRAM]: children that sleep in a signal and in a lock; they
end with stdin. Each process says, as a line of JSON, what it did, or the parent who is there."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time

NAP = 0.15


def leaf(number):
    return number


async def task(number):
    await asyncio.sleep(0.01)
    return leaf(number)


async def tasks():
    jobs = [asyncio.ensure_future(task(number)) for number in range(2)]
    for job in jobs:
        job.set_name("job of %d" % os.getpid())
    await asyncio.gather(*jobs)


def say(**facts):
    os.write(1, (json.dumps(facts) + "\n").encode())


def work():
    napper = threading.Thread(target=time.sleep, args=(NAP,), name="napper")
    begin = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    napper.start()
    napper.join()
    end = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    asyncio.new_event_loop().run_until_complete(tasks())
    try:
        raise ValueError("of %d" % os.getpid())
    except ValueError:
        pass
    leaf(os.getpid())
    say(pid=os.getpid(), begin=begin, end=end)


def work_all(programs):
    work()
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    os.waitpid(child, 0)
    for program in programs:
        subprocess.check_call([program, os.path.abspath(__file__), "alone"])
    subprocess.check_call(["sleep", "0.05"])


def sleep_on():
    signal.alarm(60)  # should nobody end it
    threading.Thread(target=threading.Event().wait, name="forever", daemon=True).start()
    signal.pause()


def sleep_all(programs):
    children = [os.fork()]
    if not children[0]:
        sleep_on()
    children += [subprocess.Popen([program, os.path.abspath(__file__), "asleep"]).pid
                 for program in programs]
    say(children=children)
    for _ in iter(sys.stdin.readline, ""):
        say(awake=os.getpid())
    for child in children:
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    {"work": work_all, "alone": lambda _: work(), "sleep": sleep_all,
     "asleep": lambda _: sleep_on()}[sys.argv[1]](sys.argv[2:])
