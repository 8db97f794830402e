# SPDX-License-Identifier: GPL-2.0-only
"""exceptions.py ROUNDS: raises and catches in every way, in several threads; says what is to be seen."""

import contextlib
import json
import os
import sys
import threading

import exceptions_plain
from exceptions_plain import EXPECTED, VALUE, caught, raise_value, raised


class Text(str):
    pass


def patient():
    while True:
        try:
            yield 1
        except ValueError:
            pass


def thrown():
    generator = PATIENT
    generator.throw(ValueError("thrown"))


EXPECTED[thrown] = [raised("ValueError", "thrown", patient, 3), caught("ValueError", patient, 0)]


def no_text():
    try:
        raise ValueError(5, "x")
    except ValueError:
        pass
    try:
        raise ValueError(Text("no plain str"))
    except ValueError:
        pass
    try:
        raise ValueError
    except ValueError:
        pass


EXPECTED[no_text] = [raised("ValueError", None, no_text, offset) for offset in (2, 6, 10)] + \
    [caught("ValueError", no_text, 0)] * 3


def no_match():
    try:
        try:
            raise_value("no match")
        except (KeyError, IndexError):
            pass
    except ValueError:
        pass


EXPECTED[no_match] = [raised("ValueError", "no match", *VALUE), caught("ValueError", no_match, 1)]


def leaves():
    while True:
        try:
            raise_value("leaves")
        except ValueError:
            break
    try:
        raise_value("\u00e4\u20ac\U0001f40d")
    except ValueError:
        return 1


EXPECTED[leaves] = [
    raised("ValueError", "leaves", *VALUE), caught("ValueError", leaves, 1),
    raised("ValueError", "\u00e4\u20ac\U0001f40d", *VALUE), caught("ValueError", leaves, 1)]


def long_text():
    try:
        raise_value("\u20ac" * 300)
    except ValueError:
        pass


EXPECTED[long_text] = [
    raised("ValueError", "\u20ac" * 256, *VALUE), caught("ValueError", long_text, 1)]


def recurse(depth):
    if depth:
        recurse(depth - 1)
    else:
        raise_value("deep")


def deep():
    try:
        recurse(500)
    except ValueError:
        pass


EXPECTED[deep] = [raised("ValueError", "deep", *VALUE), caught("ValueError", deep, 502)]


def by_name():
    try:
        try:
            raise_value("named")
        except ValueError as error:
            raise error
    except ValueError:
        pass


EXPECTED[by_name] = [raised("ValueError", "named", *VALUE), caught("ValueError", by_name, 1)]


def calls_back(_):
    raise_value("through C")


def through_c():
    try:
        sorted([1], key=calls_back)
    except ValueError:
        pass


EXPECTED[through_c] = [raised("ValueError", "through C", *VALUE), caught("ValueError", through_c, 2)]


def yields():
    yield 1
    raise_value("generated")


def from_generator():
    try:
        for _ in yields():
            pass
    except ValueError:
        pass
    generator = yields()
    next(generator)
    try:
        generator.throw(KeyError("not handled"))
    except KeyError:
        pass


EXPECTED[from_generator] = [
    raised("ValueError", "generated", *VALUE), caught("ValueError", from_generator, 2),
    raised("KeyError", "not handled", yields, 1), caught("KeyError", from_generator, 1)]


def delegates():
    try:
        yield from yields()
    except ValueError:
        yield 2


def delegated():
    list(delegates())


EXPECTED[delegated] = [raised("ValueError", "generated", *VALUE), caught("ValueError", delegates, 2)]


async def inner():
    raise_value("awaited")


async def outer():
    try:
        await inner()
    except ValueError:
        return 1


def awaited():
    try:
        outer().send(None)
    except StopIteration:
        pass


EXPECTED[awaited] = [
    raised("ValueError", "awaited", *VALUE), caught("ValueError", outer, 2),
    raised("StopIteration", None, awaited, 2), caught("StopIteration", awaited, 0)]


def nested():
    try:
        raise ValueError("1")
    except ValueError:
        try:
            raise KeyError("2")
        except KeyError:
            try:
                raise IndexError("3")
            except IndexError:
                pass


EXPECTED[nested] = [
    raised("ValueError", "1", nested, 2), raised("KeyError", "2", nested, 5),
    raised("IndexError", "3", nested, 8), caught("ValueError", nested, 0),
    caught("KeyError", nested, 0), caught("IndexError", nested, 0)]


def replaced():
    try:
        try:
            raise ValueError("1")
        except ValueError:
            try:
                raise KeyError("2")
            except KeyError:
                raise IndexError("3")
    except IndexError:
        pass


EXPECTED[replaced] = [
    raised("ValueError", "1", replaced, 3), raised("KeyError", "2", replaced, 6),
    raised("IndexError", "3", replaced, 8), caught("ValueError", replaced, 0),
    caught("KeyError", replaced, 0), caught("IndexError", replaced, 0)]


def first_again():
    try:
        try:
            raise ValueError("1")
        except ValueError as error:
            try:
                raise KeyError("2")
            except KeyError:
                raise error
    except ValueError:
        pass


EXPECTED[first_again] = [
    raised("ValueError", "1", first_again, 3), raised("KeyError", "2", first_again, 6),
    caught("KeyError", first_again, 0), caught("ValueError", first_again, 0)]


def without_traceback():
    try:
        raise_value("again")
    except ValueError as error:
        kept = error
    try:
        raise kept.with_traceback(None)
    except ValueError:
        pass


EXPECTED[without_traceback] = [
    raised("ValueError", "again", *VALUE), caught("ValueError", without_traceback, 1),
    raised("ValueError", "again", without_traceback, 6), caught("ValueError", without_traceback, 0)]


class Manager:
    def __init__(self, swallows):
        self.swallows = swallows

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return self.swallows


def managed():
    try:
        with Manager(False):
            raise_value("managed")
    except ValueError:
        pass


EXPECTED[managed] = [raised("ValueError", "managed", *VALUE), caught("ValueError", managed, 1)]


def loops():
    for n in range(3):
        try:
            raise_value("loops")
        except ValueError:
            if n == 1:
                continue
        finally:
            try:
                n += 1
            finally:
                n -= 1


EXPECTED[loops] = [raised("ValueError", "loops", *VALUE), caught("ValueError", loops, 1)] * 3


def asserts():
    try:
        assert not EXPECTED, "asserted"
    except AssertionError:
        pass


EXPECTED[asserts] = [raised("AssertionError", "asserted", asserts, 2), caught("AssertionError", asserts, 0)]


class Dying:
    def __del__(self):
        raise_value("unraisable")


def dies():
    Dying()


EXPECTED[dies] = [raised("ValueError", "unraisable", *VALUE)]

GROUPS = """
def group():
    try:
        raise ExceptionGroup("all of it", [ValueError(1), KeyError(2)])
    except* ValueError:
        pass
    except* KeyError:
        pass

def group_in_part():
    try:
        try:
            raise ExceptionGroup("in part", [ValueError(1), KeyError(2)])
        except* ValueError:
            pass
    except ExceptionGroup:
        pass

def group_not_at_all():
    try:
        try:
            raise ExceptionGroup("not at all", [KeyError(2)])
        except* ValueError:
            pass
    except* KeyError:
        pass
"""
if sys.version_info >= (3, 11):
    exec(compile(GROUPS, sys.argv[0], "exec"))
    for function, message, offset in ((group, "all of it", 2), (group_in_part, "in part", 3),
                                      (group_not_at_all, "not at all", 3)):
        EXPECTED[function] = [raised("ExceptionGroup", message, function, offset),
                              caught("ExceptionGroup", function, 0)]


def suppressed():
    with contextlib.suppress(ValueError):
        raise_value("suppressed")


def returns_finally():
    try:
        raise_value("returned")
    finally:
        return 1


EXPECTED[suppressed] = [
    raised("ValueError", "suppressed", *VALUE), caught("ValueError", suppressed, 1)]
EXPECTED[returns_finally] = [
    raised("ValueError", "returned", *VALUE), caught("ValueError", returns_finally, 1)]
if sys.version_info < (3, 9):  # there the end of these two is not to be seen
    for function in suppressed, returns_finally:
        EXPECTED[function].pop()


def run(rounds):
    for _ in range(rounds):
        for function in EXPECTED:
            if function is not thrown:
                function()


sys.unraisablehook = lambda _: None
PATIENT = patient()
next(PATIENT)
rounds = int(sys.argv[1])
threads = [threading.Thread(target=run, args=(rounds,), name="raiser-%d" % n) for n in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for _ in range(rounds):
    thrown()
threading.excepthook = sys.unraisablehook  # says nothing
thread = threading.Thread(target=raise_value, args=("leaves the thread",), name="leaver")
thread.start()
thread.join()
PATIENT.close()
print(json.dumps({"files": [sys.argv[0], os.path.abspath(exceptions_plain.__file__)],
                  "rounds": rounds, "threads": len(threads),
                  "by_threads": sum((seen for f, seen in EXPECTED.items() if f is not thrown), []),
                  "by_main": EXPECTED[thrown],
                  "by_leaver": [raised("ValueError", "leaves the thread", *VALUE)]}))
