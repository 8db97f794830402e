# SPDX-License-Identifier: GPL-2.0-only
"""An asyncio server and its clients, in tasks with known names that make known calls; told is the truth.
Runs on the standard library's loop, or on uvloop's."""

import asyncio
import os
import sys
import threading
import time

import proto

CLIENTS = int(sys.argv[1])
ROUNDS = 3


def leaf():
    return 1


async def deeper(n):
    for _ in range(n):
        leaf()
    return n


async def serve(reader, writer):
    line = await reader.readline()
    while line:
        writer.write(line)
        line = await reader.readline()
    writer.close()


async def client(i, port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(ROUNDS):
        await deeper(i % 7)
        writer.write(b"x\n")
        await reader.readline()
    writer.close()


def named(coroutine, name):
    task = asyncio.ensure_future(coroutine)
    task.set_name(name)
    return task


async def serve_clients():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=CLIENTS)
    port = server.sockets[0].getsockname()[1]
    await asyncio.gather(*[named(client(i, port), "client %d" % i) for i in range(CLIENTS)])
    server.close()


async def napper():
    await asyncio.sleep(0.2)
    leaf()


async def waiter(task):
    await task


async def fails():
    await asyncio.sleep(0)
    raise ValueError("as told")


async def numbers():
    for i in range(3):
        leaf()
        yield i
        await asyncio.sleep(0)


async def counts():
    async for _ in numbers():
        leaf()


async def renamed():
    asyncio.current_task().set_name("named at last")


async def goes_on_after(task):
    try:
        await task
    except ValueError:
        leaf()
        await named(fails(), "fails again")


async def numbers_after(task):
    try:
        await goes_on_after(task)
        yield 1
    finally:
        leaf()


async def thrown():
    await thrown_within()


async def thrown_within():
    """What a task waits for fails, and it is cancelled: what goes on is not its outermost coroutine."""
    try:
        async for _ in numbers_after(named(fails(), "fails first")):
            pass
    except ValueError:
        await cleaned_up(2)


async def cleaned_up(deep):
    try:
        if deep:
            await cleaned_up(deep - 1)
        else:
            await asyncio.sleep(1000)
    finally:
        leaf()
        await asyncio.sleep(0)
        leaf()


def blocks():
    leaf()
    time.sleep(0.01)


async def others():
    """Tasks that wait for tasks, are cancelled, fail, and call what is no coroutine."""
    nap = named(napper(), "nap")
    await asyncio.gather(*[named(waiter(nap), "waiter %d" % i) for i in range(2)])
    stuck = named(asyncio.sleep(1000), "stuck")
    thrown_into = named(thrown(), "thrown into")
    await asyncio.sleep(0.01)
    stuck.cancel()
    thrown_into.cancel()
    await asyncio.gather(stuck, thrown_into, named(fails(), "fails"), named(counts(), "counts"),
                         named(renamed(), "not yet"), return_exceptions=True)
    await asyncio.get_running_loop().run_in_executor(None, blocks)
    time.sleep(0.05)  # the loop is late
    await asyncio.sleep(0)


async def default_named():
    task = asyncio.ensure_future(deeper(5))
    await task
    return task.get_name()


def run_in_thread():
    asyncio.new_event_loop().run_until_complete(named_in_thread())


async def named_in_thread():
    await named(deeper(4), "in a thread")


async def main():
    await serve_clients()
    await others()
    name = await default_named()
    thread = threading.Thread(target=run_in_thread)
    thread.start()
    thread.join()
    return name


if "uvloop" in sys.argv:
    import uvloop
    uvloop.install()
proto.ready(file=os.path.abspath(__file__))
NAME = asyncio.run(main())
proto.done(default_name=NAME, clients=CLIENTS, rounds=ROUNDS)
