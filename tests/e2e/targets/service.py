# SPDX-License-Identifier: GPL-2.0-only
"""A service of two threads that call `handle` 200 times a second each. `slow MS` calls `slow_call`, which
sleeps so long; `hang` calls `hang_call` in a thread of its own, which ends with `free`; `raise TYPE`
makes `raiser` raise one that passes `between` and `catcher` catches, `worker TYPE` does so in a new
thread, `same TYPE` in one function, `again TYPE` raises it again on its way; in `parse` C raises a
ValueError, `ends` meets a StopIteration, `swallow` what only C sees; `gc` collects a large heap; `burst
N` calls `often` N times; `codes N` makes and calls N new functions; `threads N` starts N short threads;
`usual N` calls `usual` N times, 2 ms each, `unusual` calls it once for 300 ms; `exit` ends. Each is
answered when it is done, with the time."""

import gc
import os
import threading
import time

import proto

FREE = threading.Event()
DONE = [0]


class Oops(Exception):
    pass


def step():
    DONE[0] += 1


def handle():
    for _ in range(3):
        step()


def serve():
    while True:
        handle()
        time.sleep(0.005)


def slow_call(seconds):
    time.sleep(seconds)


def hang_call():
    FREE.wait()


def often():
    pass


def usual(seconds):
    time.sleep(seconds)


def raiser(kind):
    raise {"ValueError": ValueError, "KeyError": KeyError, "Oops": Oops}[kind]("planted")


def between(kind):
    raiser(kind)


def catcher(kind):
    try:
        between(kind)
    except Exception:
        pass


def same_frame(kind):
    try:
        raise {"ValueError": ValueError, "KeyError": KeyError, "Oops": Oops}[kind]("planted")
    except Exception:
        pass


def raise_again(kind):
    try:
        between(kind)
    except Exception:
        raise


def twice(kind):
    try:
        try:
            raise_again(kind)
        except Exception as error:
            raise error
    except Exception:
        pass


def parse():
    try:
        int("x")
    except ValueError:
        pass


def ends():
    try:
        next(iter([]))
    except StopIteration:
        pass


def swallowed():
    getattr(object(), "missing", None)
    list(iter([]))


def collect(count):
    keep = [[] for _ in range(count)]
    for item in keep:
        item.append(keep)
    began = time.monotonic()
    gc.collect()
    took = time.monotonic() - began
    del keep[:]
    return took


def new_functions(count):
    for i in range(count):
        space = {}
        exec("def made_%d():\n    pass\nmade_%d()" % (i, i), space)


def short_threads(count):
    for _ in range(count):
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()


def obey(word, arg):
    if word == "slow":
        slow_call(int(arg) / 1e3)
    elif word == "hang":
        threading.Thread(target=hang_call, name="hanger", daemon=True).start()
    elif word == "free":
        FREE.set()
    elif word == "raise":
        catcher(arg)
    elif word == "worker":
        thread = threading.Thread(target=catcher, args=(arg,))
        thread.start()
        thread.join()
    elif word == "same":
        same_frame(arg)
    elif word == "again":
        twice(arg)
    elif word == "parse":
        parse()
    elif word == "ends":
        ends()
    elif word == "swallow":
        swallowed()
    elif word == "gc":
        return collect(int(arg))
    elif word == "burst":
        for _ in range(int(arg)):
            often()
    elif word == "codes":
        new_functions(int(arg))
    elif word == "threads":
        short_threads(int(arg))
    elif word == "usual":
        for _ in range(int(arg)):
            usual(0.002)
    elif word == "unusual":
        usual(0.3)
    return None


def main():
    gc.disable()
    for i in range(2):
        threading.Thread(target=serve, name="server-%d" % i, daemon=True).start()
    time.sleep(0.05)
    proto.say(pid=os.getpid(), file=os.path.abspath(__file__))
    while True:
        words = proto.hear().split()
        if words[0] == "exit":
            os._exit(0)
        began = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        took = obey(words[0], words[1] if len(words) > 1 else None)
        proto.say(began=began, ended=time.clock_gettime_ns(time.CLOCK_MONOTONIC), took=took)


main()
