# SPDX-License-Identifier: GPL-2.0-only
"""Works when told to, for so much CPU time, in one of several ways; tells how much it took."""

import sys
import threading
import time

import proto

KIND, AMOUNT = sys.argv[1], int(sys.argv[2])


# ---- a program of many kinds of calls; which of them call which is found out by a profiler ------

def leaf(x):
    return x + 1


def spread(x, _y=2, *_more, **_named):
    return leaf(x)


class Thing:
    __slots__ = ("a",)

    def __init__(self, a):
        self.a = leaf(a)

    def method(self, n):
        return spread(self.a) + n

    @property
    def prop(self):
        return leaf(1)

    def __lt__(self, other):
        return leaf(self.a) < other.a


def generate(n):
    for i in range(n):
        leaf(i)
        yield i


def delegate(n):
    yield from generate(n)


async def outer(n):
    await inner(n)


async def inner(n):
    leaf(n)


def drive(n):
    try:
        outer(n).send(None)
    except StopIteration:
        pass


def recurse(n):
    return recurse(n - 1) if n else leaf(n)


def fail(n):
    if n:
        fail(n - 1)
    else:
        raise ValueError


def catch():
    try:
        fail(5)
    except ValueError:
        leaf(0)


def small():
    return 1


def wide(a=1, _b=2, _c=3, _d=4, _e=5, _f=6, _g=7):
    h = i = j = k = a
    return small() + h + i + j + k


def key(x):
    return leaf(-x)


def small_for_c(_x):
    return small()


def from_c():
    sorted([3, 1, 2], key=key)
    sorted([Thing(1), Thing(2)])
    list(map(leaf, (1, 2, 3)))


def from_c_again():
    _x = _y = _z = 1
    list(map(small_for_c, (1, 2, 3)))


def graph():
    for i in range(5):
        Thing(i).method(i)
    Thing(1).prop
    for i in generate(5):
        leaf(i)
    for i in delegate(5):
        leaf(i)
    sum(generate(4))
    drive(3)
    recurse(20)
    catch()
    from_c()
    from_c_again()
    wide()
    spread(1, 2, 3, 4, z=5)
    (lambda q: leaf(q))(3)


def name_of(code):
    return getattr(code, "co_qualname", code.co_name)


def pairs_of(function):
    pairs = set()

    def profile(frame, event, _arg):
        if event == "call" and frame.f_back:
            pairs.add((name_of(frame.f_back.f_code), name_of(frame.f_code)))

    sys.setprofile(profile)
    function()
    sys.setprofile(None)
    return sorted(pairs)


# ---- the ways to work ---------------------------------------------------------------------------

def until(seconds, function):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        function()


def work_graph(seconds):
    until(seconds, graph)


def burn():
    for _ in range(1000):
        leaf(1)


def dig(n, seconds):
    if n:
        dig(n - 1, seconds)
    else:
        until(seconds, burn)


def work_deep(seconds):
    dig(AMOUNT, seconds)


def work_mixed(seconds):
    """Some of it in the kernel, some with the GIL released."""
    data = b"x" * 1000000
    with open("/dev/zero", "rb", buffering=0) as zero:
        def step():
            import hashlib
            hashlib.sha256(data).digest()
            zero.read(1000000)
        until(seconds, step)


def sleeper(stop):
    while not stop.wait(0.05):
        burn()


def work_threads(seconds):
    threads = [threading.Thread(target=until, args=(seconds / 4, burn)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    work = {"graph": work_graph, "deep": work_deep, "mixed": work_mixed,
            "threads": work_threads, "idle": work_graph}[KIND]
    stop = threading.Event()
    idle = [threading.Thread(target=sleeper, args=(stop,), name="sleeper", daemon=True)
            for _ in range(AMOUNT if KIND == "idle" else 0)]
    still = threading.Thread(target=stop.wait, name="still", daemon=True)
    sys.setrecursionlimit(10000)
    pairs = pairs_of(graph)
    for thread in idle + [still]:
        thread.start()
    proto.say(pairs=pairs)
    while True:
        seconds = float(proto.hear())
        begin, before = time.monotonic(), time.process_time()
        work(seconds)
        proto.say(cpu=time.process_time() - before, begin=int(begin * 1e9),
                  end=int(time.monotonic() * 1e9))


main()
