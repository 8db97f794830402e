# SPDX-License-Identifier: GPL-2.0-only
"""Greenlets: stacks left in the middle of calls, generators and C callbacks, and entered again.

seen() notes which greenlet runs: all that one greenlet calls must lie on one track.
"""

import contextlib
import itertools
import os
import threading

from greenlet import GreenletExit, getcurrent, greenlet

import truth

FILE = os.path.abspath(__file__)
COUNT = itertools.count()
SEEN = truth.FACTS.setdefault("seen", [])  # whose call each of seen() was, in the main thread


def seen(x=0):
    return x


def note(x=0):
    """Calls seen(), and remembers whose call it was."""
    if threading.current_thread() is threading.main_thread():
        SEEN.append(getcurrent().__dict__.setdefault("number", next(COUNT)))
        return seen(x)
    return x


def pingpong(rounds):
    def ping():
        for i in range(rounds):
            note(b.switch(i))

    def pong(x):
        for _ in range(rounds - 1):
            x = a.switch(note(x))
        return note(x)

    a = greenlet(ping)
    b = greenlet(pong, a)
    note(a.switch())


def deep(n, hub):
    """Leaves from the bottom of a recursion, comes back, and goes up again."""
    if n == 0:
        hub.switch(note("bottom"))
        return note("back")
    return note(deep(n - 1, hub))


def numbers(n, hub):
    for i in range(n):
        hub.switch(note(i))
        yield i


def summing(hub):
    return sum(numbers(3, hub)) + sum(x for x in numbers(2, hub))


def sorting(hub):
    return sorted([3, 1, 2], key=lambda x: hub.switch(note(x)) or x)


def guarded(hub):
    try:
        hub.switch(note("guarded"))
    except ValueError:
        note("thrown")
    finally:
        note("cleaned")
    raise KeyError(note("out"))


def unwinding(n, hub):
    try:
        unwinding(n - 1, hub) if n else hub.switch(note())
    finally:
        note("unwound")


def scheduler(makers):
    """Round robin over greenlets until all are dead."""
    hub = getcurrent()
    tasks = [greenlet(lambda make=make: make(hub)) for make in makers]
    while tasks:
        for task in list(tasks):
            task.switch()
            note("hub")
            if task.dead:
                tasks.remove(task)


def throwing():
    hub = getcurrent()
    g = greenlet(guarded)
    g.switch(hub)
    with contextlib.suppress(KeyError):
        g.throw(ValueError())
    g = greenlet(unwinding)
    g.switch(5, hub)
    with contextlib.suppress(LookupError):
        g.throw(LookupError())
    g = greenlet(note)
    with contextlib.suppress(LookupError):
        g.throw(LookupError())
    g = greenlet(unwinding)
    g.switch(3, hub)
    with contextlib.suppress(GreenletExit):
        g.throw()
    note("main")


def dropped():
    g = greenlet(unwinding)
    g.switch(4, getcurrent())
    del g  # GreenletExit is thrown into it
    note("main")


def family(depth):
    """Greenlets that start greenlets, each ending in its parent."""
    if depth:
        greenlet(family).switch(depth - 1)
    note(depth)


def brief(n):
    for i in range(n):
        greenlet(note).switch(i)
        note("between")


def all_kinds(rounds):
    for _ in range(rounds):
        pingpong(10)
        scheduler([lambda hub: deep(5, hub), summing, sorting, lambda hub: deep(40, hub),
                   lambda hub: pingpong(3), lambda hub: [deep(2, hub) for _ in range(4)]])
        throwing()
        dropped()
        family(6)
        brief(10)


def in_thread():
    truth.here()
    all_kinds(4)


def work():
    all_kinds(8)
    thread = threading.Thread(target=in_thread, name="greenlets")
    thread.start()
    all_kinds(4)
    thread.join()
    all_kinds(2)


if __name__ == "__main__":
    truth.run(work, FILE)
