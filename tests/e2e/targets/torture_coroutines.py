# SPDX-License-Identifier: GPL-2.0-only
"""Coroutines and asynchronous generators driven by hand: nothing depends on an event loop."""

import contextlib
import os
import types

import truth

FILE = os.path.abspath(__file__)


def touch(x=0):
    return x


@types.coroutine
def pause(x):
    """What a loop's future does: gives x to the driver, returns what is sent."""
    got = yield touch(x)
    return got


class Awaitable:
    def __init__(self, n):
        self.n = n

    def __await__(self):
        for i in range(self.n):
            try:
                yield touch(i)
            finally:
                touch("awaited")
        return touch(self.n)


async def leaf(x):
    return touch(x)


async def chain(depth, n):
    if depth == 0:
        for i in range(n):
            await pause(i)
        return await leaf(n)
    return await chain(depth - 1, n)


async def protected(inner):
    try:
        return await inner
    except LookupError:
        touch("caught")
        return await leaf(1)
    finally:
        await pause("cleanup")


async def ticker(n):
    try:
        for i in range(n):
            got = yield touch(i)
            await pause(got)
    finally:
        touch("ticker ends")


async def relayed(source):
    async for x in source:
        if x % 2 == 0:
            yield touch(x)


class Connection:
    def __init__(self, swallow):
        self.swallow = swallow

    async def __aenter__(self):
        await pause("enter")
        return self

    async def __aexit__(self, kind, value, trace):
        await pause("exit")
        return self.swallow


class Stream:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        return touch(self)

    async def __anext__(self):
        await pause(self.n)
        if self.n == 0:
            raise StopAsyncIteration
        self.n -= 1
        return self.n


@contextlib.asynccontextmanager
async def managed():
    await pause("in")
    try:
        yield touch(1)
    except KeyError:
        touch("swallowed")
    finally:
        await pause("out")


def drive(coroutine):
    """Runs a coroutine to its end, as an event loop would without anything to wait for."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        return end.value


def drive_until(coroutine, steps, error):
    """The same, but throws error at it after some steps."""
    try:
        for _ in range(steps):
            coroutine.send(None)
        coroutine.throw(error)
        drive(coroutine)
    except (StopIteration, ZeroDivisionError, LookupError):
        touch("ended")


async def statements():
    async with Connection(False) as connection, Connection(True):
        touch(connection)
        raise ArithmeticError
    async for x in Stream(3):
        touch(x)
    else:
        await leaf("else")
    async for x in relayed(relayed(ticker(5))):
        touch(x)
    [x async for x in ticker(2)]
    {x: await leaf(x) async for x in ticker(2) if x}
    [await leaf(x) for x in range(2)]
    g = (await leaf(x) for x in range(2))
    [x async for x in g]
    async with managed():
        raise KeyError
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(managed())
        await stack.enter_async_context(Connection(True))
        raise KeyError
    await Awaitable(2)


async def generators():
    agen = ticker(3)
    await agen.__anext__()
    await agen.asend(5)
    with contextlib.suppress(LookupError):
        await agen.athrow(LookupError())
    agen = ticker(3)
    await agen.__anext__()
    await agen.aclose()
    await agen.aclose()
    agen = ticker(0)
    with contextlib.suppress(StopAsyncIteration):
        await agen.__anext__()
    agen = relayed(ticker(3))
    await agen.__anext__()
    with contextlib.suppress(ZeroDivisionError):
        await agen.athrow(ZeroDivisionError())
    unstarted = ticker(1)
    await unstarted.aclose()


def interrupted():
    for error in (ZeroDivisionError, LookupError):
        for steps in (1, 2, 3):
            drive_until(protected(chain(3, 4)), steps, error())
            drive_until(protected(protected(Awaitable(3))), steps, error())
            drive_until(chain(2, 4), steps, error())
    started = protected(Awaitable(2))
    started.send(None)
    with contextlib.suppress(RuntimeError):
        started.close()  # awaits while it is closed
    never = leaf(1)
    never.close()
    done = leaf(2)
    drive(done)
    with contextlib.suppress(RuntimeError):
        done.send(None)


def interleaved():
    """Several coroutines in turns, as tasks of a loop."""
    tasks = [chain(i, 3) for i in range(4)] + [statements(), generators(), protected(chain(1, 2))]
    while tasks:
        for task in list(tasks):
            try:
                task.send(None)
            except StopIteration:
                tasks.remove(task)


def work():
    for _ in range(10):
        drive(statements())
        drive(generators())
        drive(chain(20, 3))
        drive(protected(chain(2, 2)))
        interrupted()
        interleaved()
    for _ in range(100):
        drive(chain(2, 2))
        drive(leaf(1))


if __name__ == "__main__":
    truth.run(work, FILE)
