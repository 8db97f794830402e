# SPDX-License-Identifier: GPL-2.0-only
"""C functions called in every way: with the truth by sys.setprofile(), of a run of the same text
before. Told is how often each function of this text calls which one. Runs on CPython 3.11+."""

import collections
import os
import sys
import threading

import proto

TEXT = '''
import collections, functools, operator, threading, time

class Values(list):
    __slots__ = ("kept",)

class Sized:
    def __len__(self):
        return len("four")

class Kind(type):
    def __instancecheck__(cls, other):
        return hasattr(other, "upper")

class Upper(metaclass=Kind):
    pass

class Entered:
    def __init__(self):
        self.lock = threading.Lock()
    def __enter__(self):
        self.lock.acquire()
    def __exit__(self, *unused):
        self.lock.release()

def negative(x):
    return abs(x) * -1

def specialised(n):
    values, kept, table = [], Values(), {}
    for i in range(n):
        values.append(i)
        kept.append(i)
        len(values)
        isinstance(i, int)
        abs(i)
        "a,b".split(",")
        "ab".upper()
        table.get(i)
        table.setdefault(i, values)
        "-".join(("a", "b"))
        max(i, 1)
        getattr(kept, "append")(i)
        divmod(i, 3)
        values.index(i)
        kept.pop()
    values.sort(key=negative)
    return sum(values)

def python_or_c(x):
    return x

def polymorphic(n):
    functions = [abs, python_or_c, hash, negative, repr, Sized, int, id, python_or_c, abs]
    for function in functions * n:
        if function is not Sized:
            function(5)
        else:
            len(function())

def callbacks(n):
    for i in range(n):
        sorted((3, 1, 2), key=negative)
        list(map(negative, (1, 2)))
        functools.reduce(lambda a, b: operator.add(a, b), (1, 2, 3))
        min((2, 1), key=negative)
        len(Sized())
        isinstance("x", Upper)
        isinstance(i, Upper)

def raising(n):
    caught = 0
    for i in range(n):
        for function, args in ((len, (i,)), (int.from_bytes, (i,)), ("x".index, ("y",)),
                               ([].pop, ()), (getattr, (i, "nothing")), (next, (iter(()),))):
            try:
                function(*args)
            except (TypeError, ValueError, IndexError, AttributeError, StopIteration):
                caught += 1
        try:
            [].pop()
        except IndexError:
            caught += 1
        try:
            len(i)
        except TypeError:
            caught += 1
        try:
            sorted((1, 2), key=boom)
        except KeyError:
            caught += 1
    return caught

def boom(x):
    raise KeyError(repr(x))

def in_many_ways(n):
    pairs = {"key": negative}
    for i in range(n):
        print(end="")
        print(*(), **{"end": ""})
        sorted((2, 1), **pairs)
        max(*(1, 2))
        max(*iterated(2))
        str.upper("a")
        list.append([], 1)
        dict.fromkeys("ab")
        "{}".format(i)
        functools.partial(abs, i)()
        collections.deque().append(i)
        collections.OrderedDict().move_to_end
        time.sleep(0)
        operator.itemgetter(0)((i,))
        with Entered():
            pass

def iterated(n):
    for i in range(n):
        yield abs(i)

def generators(n):
    total = sum(iterated(n))
    one = iterated(n)
    next(one)
    one.send(None)
    try:
        one.throw(ValueError)
    except ValueError:
        hash(total)
    one.close()
    return [abs(x) for x in iterated(n)] + list(abs(x) for x in iterated(n))

def deep(n):
    return list(map(deep, (n - 1,))) if n else [len("")]

def flat(n):
    return len("x") + (flat(n - 1) if n else 0)

def everything(n):
    specialised(n)
    polymorphic(n)
    callbacks(n)
    raising(n)
    in_many_ways(n)
    generators(n)
    deep(30)
    flat(700)

def work(n):
    thread = threading.Thread(target=everything, args=(n,))
    everything(n)
    thread.start()
    thread.join()
'''
NAME = "/c-calls/text.py"


def names_of_types():
    return {"deque": "collections.deque", "itemgetter": "operator.itemgetter",
            "lock": "_thread.lock"}


def called(function):
    """As VizTracer names it."""
    module = function.__module__
    if module:
        return module + "." + function.__name__
    if function.__self__ is None:
        return function.__name__
    name = type(function.__self__).__name__
    return names_of_types().get(name, name) + "." + function.__name__


def load():
    space = {"__name__": "text"}
    exec(compile(TEXT, NAME, "exec"), space)  # code that has never run
    return space["work"]


def truth(rounds):
    seen = collections.Counter()

    def note(frame, event, arg):
        if event == "c_call" and frame.f_code.co_filename == NAME:
            seen[proto.qualname(frame.f_code), called(arg)] += 1

    work = load()
    threading.setprofile(note)
    sys.setprofile(note)
    work(rounds)
    sys.setprofile(None)
    threading.setprofile(None)
    return [list(key) + [n] for key, n in seen.items()]


def main():
    rounds = int(sys.argv[1])
    sys.setrecursionlimit(3000)
    calls = truth(rounds)
    work = load()
    proto.ready(file=os.path.abspath(__file__))
    work(rounds)
    proto.done(calls=calls, text=NAME)


main()
