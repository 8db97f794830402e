# SPDX-License-Identifier: GPL-2.0-only
"""asyncio: tasks, gather, queues, timeouts, cancellation, locks; in the loop's order,
which is fixed as no two timers run at a time."""

import asyncio
import contextlib
import contextvars
import os
import sys

import truth

FILE = os.path.abspath(__file__)
VAR = contextvars.ContextVar("var", default=0)


def touch(x=0):
    return x


async def leaf(x):
    return touch(x)


async def sleepy(x):
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return await leaf(x)


async def failing():
    await asyncio.sleep(0)
    raise KeyError(touch("failing"))


async def forever():
    try:
        await asyncio.Event().wait()
    finally:
        touch("cancelled")


async def stubborn():
    for _ in range(2):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        touch("not yet")
    return touch("now")


async def gathering():
    await asyncio.gather(sleepy(1), sleepy(2), leaf(3))
    await asyncio.gather(failing(), sleepy(1), failing(), return_exceptions=True)
    tasks = [asyncio.ensure_future(c) for c in (sleepy(1), failing())]
    done, _ = await asyncio.wait(tasks)
    touch(len([task.exception() for task in done if not task.cancelled()]))
    for finished in asyncio.as_completed([sleepy(1)]):
        touch(await finished)


async def cancelling():
    for make in (forever, stubborn):
        task = asyncio.ensure_future(make())
        await asyncio.sleep(0)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        with contextlib.suppress(asyncio.CancelledError):
            await task
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(forever(), 0.01)
    touch(await asyncio.wait_for(sleepy(1), 30))
    shielded = asyncio.ensure_future(sleepy(5))
    with contextlib.suppress(asyncio.CancelledError):
        outer = asyncio.ensure_future(asyncio.shield(shielded))
        await asyncio.sleep(0)
        outer.cancel()
        await outer
    await shielded


async def producer(queue, n):
    for i in range(n):
        await queue.put(touch(i))
    await queue.put(None)


async def consumer(queue):
    while (await queue.get()) is not None:
        touch("got")


async def queues():
    queue = asyncio.Queue(maxsize=2)
    await asyncio.gather(producer(queue, 7), consumer(queue))
    lock, semaphore, event = asyncio.Lock(), asyncio.Semaphore(2), asyncio.Event()

    async def critical(i):
        async with lock:
            await asyncio.sleep(0)
        async with semaphore:
            await sleepy(i)
        if i == 3:
            event.set()
        await event.wait()

    await asyncio.gather(*[critical(i) for i in range(4)])


async def callbacks():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.add_done_callback(lambda f: touch(f))
    loop.call_soon(future.set_result, 1)
    loop.call_soon(touch, 2)
    touch(await future)
    later = loop.create_future()
    loop.call_later(0.002, later.set_result, 3)
    touch(await later)
    VAR.set(1)
    context = contextvars.copy_context()
    context.run(lambda: touch(VAR.get()))
    try:
        await failing()
    except KeyError:
        touch()


async def numbers(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield touch(i)


async def streams():
    async for x in numbers(3):
        touch(x)
    unfinished = numbers(3)
    async for x in unfinished:
        break
    await unfinished.aclose()
    if sys.version_info >= (3, 11):
        with contextlib.suppress(Exception):
            async with asyncio.timeout(30), asyncio.TaskGroup() as group:
                group.create_task(sleepy(1))
                group.create_task(failing())
                group.create_task(forever())


async def everything():
    for step in (gathering, cancelling, queues, callbacks, streams):
        await step()


def work():
    for _ in range(6):
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(everything())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()
    asyncio.run(everything())


if __name__ == "__main__":
    truth.run(work, FILE)
