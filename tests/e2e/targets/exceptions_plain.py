# SPDX-License-Identifier: GPL-2.0-only
"""What exceptions.py raises and catches: the plain ways, and what is to be seen of each."""

import threading

EXPECTED = {}  # function that is called -> what is to be seen each time


class Mine(Exception):
    pass


def line(function, offset):
    return function.__code__.co_firstlineno + offset


def raised(kind, message, function, offset):
    """offset: from the function's first line."""
    return ["raised", kind, message, function.__qualname__, line(function, offset)]


def caught(kind, function, unwound):
    return ["caught", kind, None, function.__qualname__, unwound]


def raise_value(text):
    raise ValueError(text)


VALUE = (raise_value, 1)


def same_frame():
    try:
        raise KeyError("here")
    except KeyError:
        pass


EXPECTED[same_frame] = [raised("KeyError", "here", same_frame, 2), caught("KeyError", same_frame, 0)]


def by_c():
    try:
        {}["missing"]
    except KeyError:
        pass
    try:
        int("x")
    except ValueError as error:
        str(error)
    try:
        open("/nonexistent/file")
    except OSError:
        pass
    try:
        next(iter(()))
    except StopIteration:
        pass
    try:
        [][5]
    except LookupError:
        pass


EXPECTED[by_c] = [
    raised("KeyError", "missing", by_c, 2), caught("KeyError", by_c, 0),
    raised("ValueError", "invalid literal for int() with base 10: 'x'", by_c, 6),
    caught("ValueError", by_c, 0),
    raised("FileNotFoundError", None, by_c, 10), caught("FileNotFoundError", by_c, 0),
    raised("StopIteration", None, by_c, 14), caught("StopIteration", by_c, 0),
    raised("IndexError", "list index out of range", by_c, 18), caught("IndexError", by_c, 0)]


def generate():
    yield 1


def swallowed_by_c():
    hasattr(EXPECTED, "nope")
    getattr(EXPECTED, "nope", None)
    for _ in [1, 2]:
        pass
    list(generate())
    {}.get("nope")


EXPECTED[swallowed_by_c] = []


def bare():
    try:
        try:
            raise_value("bare")
        except ValueError:
            raise
    except ValueError:
        pass


EXPECTED[bare] = [raised("ValueError", "bare", *VALUE), caught("ValueError", bare, 1)]


def with_finally():
    try:
        try:
            raise_value("finally")
        finally:
            try:
                raise IndexError("inner")
            except IndexError:
                pass
    except ValueError:
        pass


EXPECTED[with_finally] = [
    raised("ValueError", "finally", *VALUE), raised("IndexError", "inner", with_finally, 6),
    caught("IndexError", with_finally, 0), caught("ValueError", with_finally, 1)]


def in_with():
    try:
        with threading.Lock():
            raise_value("with")
    except ValueError:
        pass


EXPECTED[in_with] = [raised("ValueError", "with", *VALUE), caught("ValueError", in_with, 1)]


def chained():
    try:
        try:
            raise Mine("first")
        except Mine as error:
            raise RuntimeError("second") from error
    except RuntimeError:
        pass


EXPECTED[chained] = [
    raised("Mine", "first", chained, 3), caught("Mine", chained, 0),
    raised("RuntimeError", "second", chained, 5), caught("RuntimeError", chained, 0)]
