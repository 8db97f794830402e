# SPDX-License-Identifier: GPL-2.0-only
"""Calls of every kind: arguments, closures, recursion, callbacks out of C; cold and hot."""

import collections
import functools
import itertools
import json
import operator
import os
import re

import truth

FILE = os.path.abspath(__file__)


def nothing():
    pass


def add(a, b=1, *rest, c=2, **more):
    return a + b + c + len(rest) + len(more)


def positional(a, b, /, c=3):
    return nothing() or a + b + c


def outer(n):
    kept = n

    def inner(m):
        nonlocal kept
        kept += m
        return nothing() or kept

    def innermost():
        return inner(1) + inner(2)

    return innermost


def counted(function):
    @functools.wraps(function)
    def wrapper(*args, **kw):
        return function(*args, **kw)
    return wrapper


def repeated(times):
    def decorate(function):
        def wrapper(*args):
            return [function(*args) for _ in range(times)]
        return wrapper
    return decorate


@counted
@repeated(2)
@counted
def decorated(x):
    return add(x)


def arguments():
    nothing()
    add(1)
    add(1, 2, 3, c=4, d=5)
    add(*(1, 2), **{"c": 3, "e": 4})
    add(b=1, a=2)
    positional(1, 2)
    positional(1, 2, c=5)
    outer(3)()
    decorated(4)
    (lambda x, *, y=2: add(x, y))(3)
    for wrong in (lambda: nothing(1), lambda: add(c=1), lambda: positional(a=1, b=2)):
        try:
            wrong()
        except TypeError:
            nothing()


def defaults(a=add(1), b=add(2)):
    return a + b


def make_function():
    def fresh(x=add(3), *, y=add(4)) -> add(5):
        return x + y
    return fresh


def comprehensions():
    [add(i) for i in range(3)]
    {add(i) for i in range(3)}
    {i: add(i) for i in range(3)}
    sum(add(i) for i in range(3))
    [[add(i, j) for j in range(2) if nothing() is None] for i in range(2)]
    [lambda: add(i) for i in range(2)][0]()
    any(add(i) > 99 for i in range(5))
    [k for k in (add(i) for i in range(3))]
    if (n := add(1)) > 1:
        add(n)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def down(n):
    return n and down(n - 1) + 1


def fall(n):
    if n == 0:
        raise KeyError(n)
    fall(n - 1)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def through_c(n):
    return n and sum(map(through_c, [n - 1])) + 1


def hanoi(n, a, b, c):
    if n:
        hanoi(n - 1, a, c, b)
        nothing()
        hanoi(n - 1, c, b, a)


def recursion():
    fib(8)
    down(50)
    down(500)
    down(850)  # more than vtbpf keeps in a thread's array
    try:
        fall(800)
    except KeyError:
        nothing()
    even(41)
    through_c(30)
    hanoi(4, *"abc")
    functools.lru_cache(None)(fib)(3)


@functools.lru_cache(maxsize=8)
def cached(n):
    return add(n)


@functools.singledispatch
def dispatched(x):
    return add(1)


@dispatched.register(str)
def dispatched_str(x):
    return add(2)


def by_cmp(a, b):
    return add(a) - add(b)


def replaced(match):
    return str(add(len(match.group())))


def from_json(pairs):
    return dict(pairs, n=add(len(pairs)))


def not_json(x):
    return [add(x.imag)]


def callbacks():
    sorted([3, 1, 2], key=lambda x: add(x))
    sorted([3, 1, 2], key=functools.cmp_to_key(by_cmp))
    min([2, 1], key=add), max([2, 1], key=add)
    list(map(add, [1, 2], [3, 4]))
    list(filter(lambda x: x, [0, 1]))
    functools.reduce(lambda a, b: add(a, b), [1, 2, 3])
    functools.partial(functools.partial(add, 5), c=2)()
    [cached(i % 3) for i in range(12)]
    dispatched(1), dispatched("a"), dispatched(1.5)
    re.sub("a+", replaced, "aabaaa")
    json.loads('[{"a": 1}, {}]', object_pairs_hook=from_json)
    json.dumps([1j, {"a": 2j}], default=not_json)
    list(itertools.takewhile(add, itertools.count(-4)))
    list(itertools.starmap(add, [(1, 2), (3,)]))
    [len(list(g)) for _, g in itertools.groupby([1, 1, 2], add)]
    list(itertools.accumulate([1, 2, 3], add))
    operator.methodcaller("join", "ab")(collections.UserString("-"))
    list(iter(iter([1, 2, 0]).__next__, 0))
    d = collections.defaultdict(lambda: add(1))
    d[1], d[2], d[1]
    max(map(functools.partial(add, 2), range(3)), default=0)


def hot():
    """Loops whose calls are specialised in the middle of them, and then meet other callees."""
    for i in range(300):
        add(i)
        nothing()
    for function in (nothing, lambda: 1, outer(1), make_function()) * 40:
        function()
    for i in range(150):
        add(i, c=i) if i % 3 else add(*[i])


def work():
    for _ in range(3):
        arguments()
        defaults()
        make_function()()
        comprehensions()
        recursion()
        callbacks()
    hot()
    for _ in range(20):
        arguments()
        comprehensions()
        callbacks()


if __name__ == "__main__":
    truth.run(work, FILE)
