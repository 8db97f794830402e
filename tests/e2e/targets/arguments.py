# SPDX-License-Identifier: GPL-2.0-only
"""Functions that say themselves what they were called with."""

import asyncio
import os
import threading

import proto

TOLD = []
BIG = 256


def shown(value):
    """The text that is promised."""
    kind = type(value)
    if value is None or kind in (int, float, bool):
        return repr(value)
    if kind is str:
        return repr(value[:BIG]) + "…" * (len(value) > BIG)
    if kind in (bytes, list, tuple, dict, set):
        return "<%s len %d>" % (kind.__name__, len(value))
    return "<%s>" % kind.__name__


def told(name, **values):
    TOLD.append([name, {key: shown(value) for key, value in values.items()}])


class Derived(int):
    pass


class Text(str):
    pass


class Thing:
    def method(self, value):
        told("Thing.method", self=self, value=value)

    @classmethod
    def of_class(cls, value):
        told("Thing.of_class", cls=cls, value=value)


VALUES = [
    0, 1, -1, 2 ** 30 - 1, 2 ** 30, -2 ** 30, 2 ** 31, 2 ** 63, -2 ** 63, 2 ** 64 + 7, 10 ** 40, -10 ** 200,
    7 ** 1000, True, False, None,
    0.0, -0.0, 1.0, -2.5, 0.1, 1 / 3, 1e16, 1e15, 123456789012345680.0, 1e-4, 1e-5, 5e-324, 1e22, 1e23,
    1.7976931348623157e308, 2.0 ** -44, 9007199254740993.0, float("inf"), float("-inf"), float("nan"),
    "", "plain", "it's", 'say "no"', "both ' and \"", "tab\tnew\nline\r\\ \x00 \x1b \x7f",
    "gr\u00fc\u00df \xa0 \xad", "\u76d1\u63a7", "\U0001f40d snake", "\ud800 lone",
    "\u200b\u2028\ufeff\ue000\U000e0001", "x" * 256, "y" * 257, "\U0001f40d" * 300, "\u76d1" * 10000,
    "</script><b>&amp;\"'",
    b"", b"abc", [], [1, 2, 3], (), (1,), {}, {1: 2}, set(), {1, 2, 3}, frozenset({1}), bytearray(b"ab"),
    Thing(), Thing, len, Derived(7), Text("no str"), 1j, range(3), Ellipsis, threading, lambda: 0,
]


def one(value):
    told("one", value=value)


def many(a, b=2, *args, c, d=4.5, **others):
    told("many", a=a, b=b, args=args, c=c, d=d, others=others)


def in_cells(a, b, *args, c=3, **others):
    def inner():
        return a, c, others
    told("in_cells", a=a, b=b, args=args, c=c, others=others)
    return inner


def changed(a, b):
    told("changed", a=a, b=b)
    a = b = None
    return a, b


def without():
    told("without")


def generated(n, text):
    told("generated", n=n, text=text)
    for n in range(n):
        text = yield lambda: (n, text)


async def awaited(n, text):
    told("awaited", n=n, text=text)
    for _ in range(n):
        await asyncio.sleep(0)
    text = None
    return text


def deep(n, text):
    told("deep", n=n, text=text)
    return n and deep(n - 1, text)


def unasked(value):
    return value


def in_thread(number):
    told("in_thread", number=number)


def wide(p00, p01, p02, p03, p04, p05, p06, p07, p08, p09, p10, p11, p12, p13, p14, p15, p16, p17, p18,
         p19):
    told("wide", **locals())


def main():
    proto.ready(file=os.path.abspath(__file__))
    for value in VALUES:
        one(value)
    many(1, c=3)
    many(1, 2, 3, 4, c="c", d=None, e=5, f=6)
    in_cells(1, 2)
    in_cells("cell", [], 7, c={}, e=None)()
    changed(1, "one")
    without()
    Thing().method(5)
    Thing.of_class("class")
    list(generated(3, "gen"))
    asyncio.new_event_loop().run_until_complete(awaited(3, "coroutine"))
    deep(40, "deep")
    unasked(1)
    wide(*range(20))
    for number in range(4):
        thread = threading.Thread(target=in_thread, args=(number,))
        thread.start()
        thread.join()
    proto.done(told=TOLD)


main()
