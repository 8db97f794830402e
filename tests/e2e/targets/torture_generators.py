# SPDX-License-Identifier: GPL-2.0-only
"""Generators: used up or not, sent to, thrown at, closed, delegating, as context managers.

A generator that is suspended outside try is neither closed nor dropped: whether its frame runs once
more then depends on whether a profiler is at work (3.12 and later).
"""

import contextlib
import itertools
import os

import truth

FILE = os.path.abspath(__file__)


def touch(x=0):
    return x


def numbers(n):
    for i in range(n):
        got = yield touch(i)
        if got:
            touch(got)
    return touch("end")


def delegating(n):
    result = yield from numbers(n)
    yield result
    yield from [1, 2]
    return (yield from numbers(1))


def nested(depth):
    if depth:
        yield from nested(depth - 1)
    yield touch(depth)


def guarded():
    try:
        yield 1
        yield 2
    except ValueError:
        yield touch(3)
    finally:
        touch(4)


def stubborn():
    while True:
        try:
            yield touch(1)
        except ValueError:
            touch(2)
        except GeneratorExit:
            return touch(3)


def shielded(inner):
    try:
        return (yield from inner)
    except LookupError:
        yield touch("caught")
    finally:
        touch("shielded")


def failing(at):
    for i in range(at):
        yield i
    raise KeyError(at)


def tree(n):
    if n:
        yield from tree(n // 2)
        yield n
        yield from tree(n // 3)


def fibonacci():
    try:
        a, b = 0, 1
        while True:
            yield a
            a, b = b, touch(a + b)
    finally:
        touch()


class Tree:
    def __init__(self, left, value, right):
        self.left, self.value, self.right = left, value, right

    def __iter__(self):
        if self.left:
            yield from self.left
        yield self.value
        if self.right:
            yield from self.right


class Delegate:
    """Not a generator, but has what yield from asks for."""

    def __init__(self):
        self.n = 0

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value):
        self.n += 1
        if self.n > 3:
            raise StopIteration(touch(value))
        return touch(self.n)

    def throw(self, kind, value=None, trace=None):
        touch(kind)
        raise kind if value is None else value

    def close(self):
        touch("close")


def consume():
    list(numbers(3)), tuple(delegating(2)), sum(tree(9)), list(nested(12))
    g = numbers(3)
    next(g), g.send(5), list(g)
    for x in numbers(3):
        touch(x)
    a, b, *c = nested(3)
    max(numbers(3), default=0), dict(zip(numbers(2), range(2))), "".join(str(i) for i in numbers(2))
    list(itertools.chain.from_iterable(numbers(i) for i in range(3)))
    list(Tree(Tree(None, 1, None), 2, Tree(Tree(None, 3, None), 4, None)))
    all(x < 2 for x in numbers(2)), list(map(touch, numbers(2))), touch(*numbers(1))
    sorted(x for y in nested(2) for x in numbers(y))
    pipeline = numbers(6)
    for step in (lambda x: x + 1, touch, lambda x: -x):
        pipeline = (step(x) for x in pipeline)
    list(pipeline)


def partly():
    """Left suspended inside try, then dropped: the finally clause runs."""
    g = fibonacci()
    [next(g) for _ in range(4)]
    del g
    list(itertools.islice(fibonacci(), 5))
    for x in guarded():
        if x == 1:
            break
    shield = shielded(guarded())
    next(shield)
    del shield
    numbers(2)  # never started


def throwing():
    g = guarded()
    next(g), g.throw(ValueError("thrown")), list(g)
    for kind in (ZeroDivisionError, LookupError, ValueError):
        for make in (guarded, lambda: shielded(guarded()), lambda: numbers(2),
                     lambda: delegating(2), lambda: shielded(numbers(2)),
                     lambda: shielded(shielded(failing(2))), lambda: shielded(Delegate())):
            g = make()
            with contextlib.suppress(LookupError, ZeroDivisionError, ValueError):
                next(g)
                g.throw(kind())
                list(g)
    g = numbers(2)
    with contextlib.suppress(ValueError):
        g.throw(ValueError("before its start"))
    s = stubborn()
    next(s), s.throw(ValueError()), s.throw(ValueError()), s.close()
    with contextlib.suppress(KeyError):
        list(failing(2))
    with contextlib.suppress(RuntimeError):
        list(stopping())
    with contextlib.suppress(ValueError):
        next(reentrant())


def stopping():
    yield 1
    raise StopIteration  # becomes a RuntimeError


def reentrant():
    holder = []

    def run():
        yield next(holder[0])
    holder.append(run())
    return holder[0]


def closing():
    for make in (guarded, stubborn, lambda: shielded(guarded()), lambda: shielded(stubborn()),
                 lambda: shielded(Delegate())):
        g = make()
        next(g)
        g.close()
        g.close()
    unstarted = numbers(3)
    unstarted.close()
    done = numbers(0)
    list(done)
    done.close()


@contextlib.contextmanager
def managed(swallow):
    touch("enter")
    try:
        yield touch(1)
    except RuntimeError:
        touch("swallowed")
        if not swallow:
            raise
    finally:
        touch("exit")


def managers():
    with managed(True) as x, managed(False):
        touch(x)
    with managed(True), managed(False):
        raise RuntimeError
    with contextlib.suppress(KeyError), managed(True):
        raise KeyError
    with contextlib.ExitStack() as stack:
        for swallow in (True, False, True):
            stack.enter_context(managed(swallow))
        stack.callback(touch, 5)
        stack.push(lambda *what: touch(False))
        raise RuntimeError
    with contextlib.closing(guarded()) as g:
        next(g)

    @managed(True)
    def decorated():
        raise RuntimeError
    decorated()


def hot():
    for i in range(150):
        for x in numbers(3):
            touch(x)
        g = guarded()
        next(g)
        g.close()
        list(delegating(1))
        with managed(True):
            touch(i)
    g = fibonacci()
    for i in range(300):
        next(g)
    g.close()
    s = stubborn()
    next(s)
    for i in range(150):
        s.throw(ValueError)
    s.close()
    for make in (numbers, nested, range, numbers, tree) * 30:
        for x in make(3):
            touch(x)


def work():
    for _ in range(10):
        consume()
        partly()
        throwing()
        closing()
        managers()
    hot()
    throwing()
    closing()


if __name__ == "__main__":
    truth.run(work, FILE)
