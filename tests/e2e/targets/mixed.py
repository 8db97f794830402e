# SPDX-License-Identifier: GPL-2.0-only
"""All that options show, in turn: `work N` makes two threads do so many rounds, each of one task, one
exception, one call with arguments, one collection and one nap; `exit` ends."""

import asyncio
import gc
import os
import threading
import time

import proto


def leaf():
    pass


def asked(number, word):
    leaf()


def raises(number):
    raise KeyError("round %d" % number)


def catches(number):
    try:
        raises(number)
    except KeyError:
        leaf()


async def awaited():
    leaf()


async def awaiter():
    await asyncio.get_running_loop().create_task(awaited())


def rounds(first, last):
    loop = asyncio.new_event_loop()
    for i in range(first, last):
        asked(i, "word %d" % i)
        catches(i)
        gc.collect(0)
        loop.run_until_complete(awaiter())
        time.sleep(0.001)
    loop.close()


def main():
    done = 0
    gc.disable()
    proto.say(pid=os.getpid(), tid=proto.native_id(), file=os.path.abspath(__file__))
    for word in iter(proto.hear, "exit"):
        last = done + int(word.split()[1])
        other = threading.Thread(target=rounds, args=(done, last), name="other")
        other.start()
        rounds(done, last)
        other.join()
        done = last
        proto.say(done=done)


main()
