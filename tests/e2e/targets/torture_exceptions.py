# SPDX-License-Identifier: GPL-2.0-only
"""Exceptions: through many frames and C; finally, nested handlers, groups; at the limit."""

import contextlib
import os
import sys

import truth

FILE = os.path.abspath(__file__)


def touch(x=0):
    return x


def thrower(depth):
    if depth:
        thrower(depth - 1)
    raise ValueError(depth)


def through(depth):
    return touch(through(depth - 1) if depth else 1 / 0)


def cleaner(depth):
    try:
        thrower(depth)
    finally:
        touch(depth)


def rethrower():
    try:
        cleaner(3)
    except ValueError as error:
        raise RuntimeError("again") from error


def reraise():
    try:
        rethrower()
    except RuntimeError:
        touch()
        raise


def in_handler():
    try:
        try:
            thrower(1)
        except ValueError:
            thrower(2)  # another one, while one is handled
        finally:
            with contextlib.suppress(ZeroDivisionError):
                through(2)
    except ValueError as error:
        touch(error.__context__)
    else:
        touch("never")


def swallowing():
    for _ in range(2):
        try:
            thrower(1)
        finally:
            break
    return touch()


def returning():
    try:
        return touch(1)
    finally:
        touch(2)


def overriding():
    try:
        thrower(1)
    finally:
        return touch(3)


class Strange(Exception):
    def __init__(self, *args):
        touch(args)
        super().__init__(*args)

    def __str__(self):
        return touch("strange")

    @property
    def text(self):
        return str(self)


class Meta(type):
    def __instancecheck__(cls, other):
        return touch(True)

    def __subclasscheck__(cls, other):
        return touch(True)


class Odd(Exception, metaclass=Meta):
    pass


def classes():
    try:
        raise Strange(1)
    except (KeyError, Strange) as error:
        error.text
    try:
        raise Strange  # made by the interpreter
    except Exception as error:
        touch(error)
    try:
        raise Strange(2) from Strange(3)
    except Strange as error:
        str(error.__cause__)
    with contextlib.suppress(TypeError):
        raise touch  # not an exception
    with contextlib.suppress(Odd, KeyError):
        thrower(0) if isinstance(1, Odd) else touch()


class Exits:
    def __init__(self, how):
        self.how = how

    def __enter__(self):
        if self.how == "enter":
            thrower(0)
        return touch(self)

    def __exit__(self, kind, value, trace):
        touch(kind)
        if self.how == "exit":
            raise KeyError
        return self.how == "swallow"


def withs():
    for how in ("enter", "exit", "swallow", "pass"):
        try:
            with Exits("pass"), Exits(how):
                thrower(1)
        except (ValueError, KeyError):
            touch(how)


class Unhelpful:
    def __getattr__(self, name):
        raise AttributeError(name)

    def __getitem__(self, i):
        raise IndexError(i)

    def __len__(self):
        return -1

    def __hash__(self):
        return thrower(1)

    def __eq__(self, other):
        raise ArithmeticError

    def __iter__(self):
        return thrower(0)

    def __bool__(self):
        raise ValueError

    def __del__(self):
        touch("deleted")


def bad_key(x):
    raise ArithmeticError(x)


def from_c():
    u = Unhelpful()
    for action in (lambda: u.name, lambda: u[0], lambda: len(u), lambda: {u: 1}, lambda: u == 1,
                   lambda: list(u), lambda: bool(u), lambda: sorted([1], key=bad_key),
                   lambda: list(map(bad_key, [1])), lambda: max([1, 2], key=bad_key),
                   lambda: [bad_key(x) for x in (1,)], lambda: list(bad_key(x) for x in (1,)),
                   lambda: sum(thrower(1) for _ in (1, 2)), lambda: int("x"), lambda: {}["a"],
                   lambda: touch(1, 2), lambda: touch(y=1), lambda: "".join(map(bad_key, "ab"))):
        try:
            action()
        except Exception:
            touch()
    getattr(u, "name", 1), hasattr(u, "name")


# Recursion up to the limit: where the limit strikes must not depend on what ran before.
def dive():
    dive()


def dive_and_clean():
    try:
        dive_and_clean()
    finally:
        len("no call of Python's here")


def dive_by_map():
    list(map(lambda _: dive_by_map(), [1]))


class Endless:
    @property
    def deeper(self):
        return self.deeper

    def __getattr__(self, name):
        return self.other


def depth():
    frame, n = sys._getframe(), 0
    while frame:
        frame, n = frame.f_back, n + 1
    return n


def limit():
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(depth() + 150)
    try:
        for deep in (dive, dive_and_clean, dive_by_map, lambda: Endless().deeper,
                     lambda: Endless().other, dive):
            try:
                deep()
            except RecursionError:
                pass
    finally:
        sys.setrecursionlimit(old)


GROUPS = '''
def raiser():
    raise ExceptionGroup("both", [ValueError(1), ExceptionGroup("in", [KeyError(touch(2))])])

def groups():
    try:
        raiser()
    except* ValueError as error:
        touch(error)
    except* KeyError:
        touch(3)
    try:
        try:
            raiser()
        except* KeyError:
            thrower(1)
    except BaseExceptionGroup as group:
        touch(group.split(lambda e: touch(isinstance(e, KeyError))))
    try:
        thrower(1)
    except* ValueError:
        touch(4)
'''


def work():
    space = {"touch": touch, "thrower": thrower, "groups": touch}
    if sys.version_info >= (3, 11):
        exec(compile(GROUPS, FILE, "exec"), space)
    for i in range(40):
        for action in (rethrower, reraise, lambda: cleaner(i), lambda: through(30)):
            try:
                action()
            except (RuntimeError, ValueError, ZeroDivisionError):
                touch(i)
        in_handler(), swallowing(), returning(), overriding()
        classes()
        withs()
        from_c()
        space["groups"]()
        if i % 20 == 0:
            limit()


if __name__ == "__main__":
    truth.run(work, FILE)
