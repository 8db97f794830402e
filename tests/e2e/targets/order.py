# SPDX-License-Identifier: GPL-2.0-only
"""Every way in which Python code starts, stops, suspends and unwinds, for comparison with sys.setprofile.

It avoids what sys.setprofile itself sees wrongly: signal handlers and finalizers that run inside the
profile function (so no suspended generator is dropped: up to CPython 3.10 the profiler's copy of the
local variables decides when it dies), close() of a generator suspended outside try, calls next to the
recursion limit.
"""

import asyncio
import contextlib
import functools
import os
import threading

import proto

FILE = os.path.abspath(__file__)
__file__ = FILE
THREADS = {}


def add(a, b=1, *rest, c=2, **more):
    return a + b + c + len(rest) + len(more)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def calls():
    add(1)
    add(1, 2, 3, c=4, d=5)
    add(*(1, 2), **{"c": 3})
    functools.partial(add, 5)()
    (lambda x: add(x))(3)
    [add(i) for i in range(2)]
    {i: add(i) for i in range(2)}
    sum(add(i) for i in range(3))


class Meta(type):
    def __new__(mcs, name, bases, space):
        return super().__new__(mcs, name, bases, space)

    def __call__(cls, *args):
        return super().__call__(*args)


class Point:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = add(x)

    def __add__(self, other):
        return Point(self.x + other.x)

    def __lt__(self, other):
        return self.x < other.x

    def __len__(self):
        return 2

    def __getitem__(self, i):
        if i > 2:
            raise IndexError(i)
        return add(i)

    def __bool__(self):
        return True

    def __hash__(self):
        return hash(self.x)

    def __eq__(self, other):
        return self.x == other.x

    def __call__(self):
        return self.x

    @property
    def doubled(self):
        return add(self.x, self.x)

    @doubled.setter
    def doubled(self, value):
        self.x = value

    @staticmethod
    def fixed():
        return add(1)

    @classmethod
    def made(cls):
        return cls(4)


class Lazy:
    def __getattr__(self, name):
        return add(len(name))


class Watched:
    def __getattribute__(self, name):
        return add(len(name))

    def __setattr__(self, name, value):
        add(value)


def objects():
    p, q = Point(1), Point(2)
    p + q
    sorted([q, p])
    max([p, q], key=lambda point: point.x)
    len(p), list(p), bool(p), p(), {p: 1}[p]
    p.doubled = p.doubled
    p.fixed(), Point.made()
    Lazy().missing
    Watched().anything
    Watched().thing = 3

    class Local(metaclass=Meta):
        value = add(1)

        def method(self):
            return __class__

    Local().method()


def numbers(n):
    for i in range(n):
        got = yield add(i)
        if got:
            add(got)


def delegating():
    result = yield from numbers(3)
    yield result


def guarded():
    try:
        yield 1
        yield 2
    except ValueError:
        yield add(3)
    finally:
        add(4)


def failing():
    yield 1
    raise KeyError("generator")


def generators():
    list(numbers(3))
    g = numbers(2)
    next(g), g.send(5), list(g)
    list(delegating())
    g = guarded()
    next(g), g.throw(ValueError("thrown")), list(g)
    g = guarded()
    next(g)
    g.close()
    with contextlib.suppress(KeyError):
        list(failing())
    with contextlib.suppress(ZeroDivisionError):
        g = guarded()
        next(g)
        g.throw(ZeroDivisionError())
    with contextlib.suppress(LookupError):
        g = delegating()
        next(g)
        g.throw(LookupError())
    a, b, c = numbers(3)
    dict(zip(numbers(2), range(2)))


def thrower(depth):
    if depth:
        thrower(depth - 1)
    raise ValueError(depth)


def cleaner(depth):
    try:
        thrower(depth)
    finally:
        add(depth)


def rethrower():
    try:
        cleaner(3)
    except ValueError as error:
        raise RuntimeError("again") from error


@contextlib.contextmanager
def managed():
    try:
        yield add(1)
    except RuntimeError:
        add(2)


class Manager:
    def __enter__(self):
        return add(1)

    def __exit__(self, kind, value, trace):
        return kind is not None


def bad_key(x):
    raise ArithmeticError(x)


def exceptions():
    with contextlib.suppress(RuntimeError):
        rethrower()
    with managed():
        rethrower()
    with Manager():
        thrower(2)
    for callback in (lambda: sorted([1], key=bad_key), lambda: list(map(bad_key, [1]))):
        try:
            callback()
        except ArithmeticError:
            add(1)
    try:
        add(1, c=[])
    except TypeError:
        add(2)


def callbacks():
    sorted([3, 1, 2], key=lambda x: add(x))
    list(map(add, [1, 2]))
    list(filter(lambda x: x, [0, 1]))
    functools.reduce(lambda a, b: add(a, b), [1, 2, 3])
    space = {"add": add}
    exec(compile("def inner():\n return add(1)\ninner()\ninner()", FILE, "exec"), space)
    eval(compile("add(2)", FILE, "eval"), space)


async def leaf(x):
    return add(x)


async def sleeper(x):
    await asyncio.sleep(0)
    return await leaf(x)


async def ticker(n):
    for i in range(n):
        yield add(i)
        await asyncio.sleep(0)


class AsyncManager:
    async def __aenter__(self):
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *what):
        await asyncio.sleep(0)
        return True


async def cancelled():
    try:
        await asyncio.sleep(60)
    finally:
        add(9)


async def coroutines():
    await leaf(1)
    await sleeper(2)
    async for i in ticker(2):
        add(i)
    [i async for i in ticker(2)]
    async with AsyncManager():
        thrower(1)
    await asyncio.gather(sleeper(1), sleeper(2))
    task = asyncio.ensure_future(cancelled())
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    agen = ticker(3)
    await agen.__anext__()
    with contextlib.suppress(LookupError):
        await agen.athrow(LookupError())


def asynchronous():
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(coroutines())
    finally:
        loop.close()


def everything(rounds):
    for _ in range(rounds):  # cold at first, later specialised
        calls()
        fib(7)
        objects()
        generators()
        exceptions()
        callbacks()
    asynchronous()


def in_thread(barrier, rounds):
    THREADS[proto.native_id()] = threading.current_thread().name
    everything(rounds)
    barrier.wait()


def work():
    # The barrier keeps all threads alive to the end, so that no tid is used twice.
    barrier = threading.Barrier(3)
    threads = [threading.Thread(target=in_thread, args=(barrier, 30), name=name)
               for name in ("first", "второй")]
    for thread in threads:
        thread.start()
    everything(60)
    barrier.wait()
    for thread in threads:
        thread.join()


proto.run_or_record(work, FILE, THREADS)
