# SPDX-License-Identifier: GPL-2.0-only
"""Functions, files and threads with awkward names. Prints for each what a trace must call it."""

import os
import threading

import proto

FILE = os.path.abspath(__file__)
THREAD_NAMES = ["监控线程", "emoji 🐍 thread", 'quote " back\\slash', "tab\tnew\nline", "ÿ",
                "x" * 300]


def 函数():
    return 1


def ñandú():
    return 2


def decorate(function):
    return function


@decorate
@decorate
def decorated():
    return 3


class Übung:
    def метод(self):
        def 内部():
            return 4
        return 内部

    unnamed = lambda self: 5


def renamed(name, file=None):
    """A function whose code object bears any name and file."""
    def template():
        return 6
    changes = {"co_name": name}
    if hasattr(template.__code__, "co_qualname"):
        changes["co_qualname"] = name
    if file:
        changes["co_filename"] = file
    template.__code__ = template.__code__.replace(**changes)
    return template


FUNCTIONS = [函数, ñandú, decorated, Übung().метод, Übung().метод(), Übung().unnamed,
             renamed("long_" + "n" * 70000), renamed("surrogate_\udc80_\ud800x"),
             renamed("ctrl_\x01_\x7f_\"quoted\"\\"), renamed("astral_𝔘𝔫𝔦"), renamed("latin_éÿ"),
             renamed("rtl_\u202eשלום_مرحبا\u202c"), renamed("newline_\n_\r\n_<script>&amp;--%s%n"),
             renamed("odd_file", '/tmp/we"ird\\pa\tth\n<é监>.py')]


def expected(function):
    """[qualname, file, line], as a JSON reader must get them: no lone surrogates."""
    code = function.__code__
    name = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in proto.qualname(code))
    return [name, code.co_filename, code.co_firstlineno]


def in_thread(go, finished):
    go.wait()
    函数()
    finished.wait()


def main():
    go, finished = threading.Event(), threading.Event()
    threads = [threading.Thread(target=in_thread, args=(go, finished), name=name)
               for name in THREAD_NAMES]
    for thread in threads:
        thread.start()
    proto.ready(file=FILE)
    for function in FUNCTIONS:
        function()
    exec(compile("def made_by_exec():\n    pass\n\nmade_by_exec()", "<string>", "exec"), {})
    go.set()
    proto.say(functions=[expected(function) for function in FUNCTIONS],
              threads={str(thread.native_id): thread.name for thread in threads})
    proto.expect("finish")
    finished.set()
    for thread in threads:
        thread.join()
    proto.done()


main()
