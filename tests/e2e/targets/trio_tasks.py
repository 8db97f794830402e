# SPDX-License-Identifier: GPL-2.0-only
"""Tasks of trio's, with known numbers of calls each."""

import sys

import trio

import proto

TASKS = int(sys.argv[1])


def leaf():
    pass


async def inner(n):
    for _ in range(n):
        leaf()
        await trio.sleep(0)


async def some(n):
    await inner(n)


async def cancelled():
    try:
        await inner(3)
        await trio.sleep(1000)
    finally:
        leaf()


async def main():
    async with trio.open_nursery() as nursery:
        for n in range(1, TASKS + 1):
            nursery.start_soon(some, n)
        with trio.move_on_after(0.05):
            async with trio.open_nursery() as inner_one:
                inner_one.start_soon(cancelled)


proto.ready()
trio.run(main)
proto.done()
