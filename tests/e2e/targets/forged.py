# SPDX-License-Identifier: GPL-2.0-only
"""A program that forges what a tracer reads of it, with ctypes. It puts everything right again before
the interpreter itself looks. `names`: what functions are called lies about its length, its kind or
where it is, or changes all the time; each function is called CALLS times. `cycle`: the caller of a
frame is the frame itself, as long as the harness likes."""

import ctypes
import gc
import os
import sys
import threading
import time

import proto

CALLS = 50
NEW = sys.version_info >= (3, 11)


def word(addr, value=None, size=8):
    """Reads the word at addr, or writes it; what it was."""
    kind = ctypes.c_uint64 if size == 8 else ctypes.c_uint32
    place = kind.from_address(addr)
    was = place.value
    if value is not None:
        place.value = value & (1 << 8 * size) - 1
    return was


def plain(value):
    return value


def new_function(line, name):
    """A function of its own code object, name and first line."""
    source = "\n" * (line - 1) + "def forged(value): return value\n"
    scope = {}
    exec(compile(source, "/srv/forged.py", "exec"), scope)
    parts = {"co_firstlineno": line, "co_name": name}
    if NEW:
        parts["co_qualname"] = name
    function = scope["forged"]
    function.__code__ = function.__code__.replace(**parts)
    return function


def name_of(function):
    code = function.__code__
    return code.co_qualname if NEW else code.co_name


def place_of_name(function):
    """Where the code object points to its name."""
    code = function.__code__
    name = id(name_of(function))
    return [at for at in range(id(code) + 16, id(code) + 240, 8) if word(at) == name][-1]


def with_word(addr, value, call, size=8):
    was = word(addr, value, size)
    try:
        call()
    finally:
        word(addr, was, size)


def many(function):
    def call():
        for i in range(CALLS):
            function(i)
    return call


def forge_strings():
    """{first line: calls} of functions whose names lie."""
    lies = [(16, 1 << 62, 8), (16, -1, 8), (16, 1 << 31, 8), (16, (1 << 20) + 1, 8), (16, 0, 8),
            (32, 0xffffffff, 4), (32, 0, 4)]
    lines = {}
    for number, (offset, value, size) in enumerate(lies):
        line = 100 + number
        function = new_function(line, "lie_%d_%d" % (number, os.getpid()))
        with_word(id(name_of(function)) + offset, value, many(function), size)
        lines[line] = CALLS
        plain(1)
    return lines


def forge_pointers():
    lines = {}
    for number, value in enumerate([0, 1, 0xdead0000beef, 0xffff888000000000, 1 << 63, -8]):
        line = 200 + number
        function = new_function(line, "pointer_%d_%d" % (number, os.getpid()))
        with_word(place_of_name(function), value, many(function))
        lines[line] = CALLS
        plain(1)
    return lines


def forge_argument():
    """An argument whose length is a lie: for --args."""
    function = new_function(300, "argument_%d" % os.getpid())
    text = "x%d" % os.getpid()
    with_word(id(text) + 16, 1 << 61, lambda: [function(text) for _ in range(CALLS)] and None)
    number = 1 << 70
    with_word(id(number) + 16, 1 << 60, lambda: [function(number) for _ in range(CALLS)] and None)
    return {300: 2 * CALLS}


def forge_changes():
    """Names that another thread writes all the time, characters and lengths."""
    name = "\u0101" * 3000 + str(os.getpid())
    functions = [new_function(400 + i, name + str(i)) for i in range(20)]
    places = [id(name_of(f)) for f in functions]
    stop = threading.Event()

    def scribble():
        while not stop.is_set():
            for at in places:
                ctypes.memset(at + 72, 0xd8, 4000)
                word(at + 16, 1 << 40)
                ctypes.memset(at + 72, 0x41, 4000)
                word(at + 16, len(name) + 1)

    lengths = [word(at + 16) for at in places]
    kept = [ctypes.string_at(at, 4096) for at in places]
    thread = threading.Thread(target=scribble)
    thread.start()
    end = time.monotonic() + 0.3
    calls = 0
    while time.monotonic() < end or not calls:
        for function in functions:
            function(1)
        calls += 1
        time.sleep(0.002)
    stop.set()
    thread.join()
    for at, length, data in zip(places, lengths, kept):
        word(at + 16, length)
        ctypes.memmove(at + 72, data[72:], 4096 - 72)
    return {400 + i: calls for i in range(20)}


def names():
    proto.ready()
    lines = {}
    for forge in (forge_strings, forge_pointers, forge_argument, forge_changes):
        lines.update(forge())
    proto.done(lines=lines, plain=13)


def frame_of(depth):
    """The interpreter's own frame, and where in it the caller's is."""
    frame = sys._getframe(depth + 1)
    if not NEW:
        return id(frame), 24  # PyFrameObject.f_back
    return word(id(frame) + 24), 48 if sys.version_info < (3, 12) else 8


def inner():
    me, _ = frame_of(0)
    caller, at = frame_of(1)
    gc.disable()
    was = word(caller + at, me)
    proto.ready()
    for i in range(CALLS):
        plain(i)
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    word(caller + at, was)
    gc.enable()


def outer():
    inner()


def cycle():
    outer()
    for i in range(CALLS):
        plain(i)
    proto.done(plain=2 * CALLS)


{"names": names, "cycle": cycle}[sys.argv[1]]()
