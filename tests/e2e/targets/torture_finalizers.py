# SPDX-License-Identifier: GPL-2.0-only
"""Code that runs in between: finalizers, weak references, the collector, signals, fork, audit."""

import gc
import os
import signal
import sys
import weakref

import truth

FILE = os.path.abspath(__file__)


def touch(x=0):
    return x


class Mortal:
    def __init__(self, other=None):
        self.other = other

    def __del__(self):
        touch("dies")


class Loud:
    def __del__(self):
        raise ValueError  # reported by sys.unraisablehook


class Phoenix:
    kept = []

    def __del__(self):
        if touch(len(self.kept)) < 1:
            self.kept.append(self)


def finalizers():
    Mortal()
    x = Mortal(Mortal(Mortal()))
    x = touch(x)
    x = None
    [Mortal() for _ in range(3)]
    {"a": Mortal()}.clear()
    for x in (Mortal() for _ in range(2)):
        touch(x)
    Phoenix()
    Phoenix.kept.clear()
    Loud()

    def holds():
        kept = Mortal()
        raise KeyError(touch(kept))
    try:
        holds()
    except KeyError:
        touch()


def weak():
    x = Mortal()
    reference = weakref.ref(x, lambda r: touch(r))
    weakref.finalize(x, touch, 1)
    touch(reference)
    del x
    values = weakref.WeakValueDictionary()
    values["a"] = y = Mortal()
    del y
    touch(len(values))


def on_collection(phase, info):
    touch(phase)


def collected():
    a, b = Mortal(), Mortal()
    a.other, b.other = b, a
    del a, b
    gc.callbacks.append(on_collection)
    gc.collect()
    gc.callbacks.remove(on_collection)


def suspended():
    """Generators that die with their finally clause pending."""
    def guarded():
        kept = Mortal()
        try:
            yield touch(kept)
        finally:
            touch(1)
    next(guarded())
    g = guarded()
    next(g)
    cycle = [g]
    cycle.append(cycle)
    del g, cycle
    gc.collect()


def handler(number, frame):
    touch(number)


def failing_handler(number, frame):
    raise InterruptedError(touch(number))


def signals():
    signal.signal(signal.SIGUSR1, handler)
    signal.raise_signal(signal.SIGUSR1)
    touch()
    os.kill(os.getpid(), signal.SIGUSR1)
    touch()
    signal.signal(signal.SIGUSR2, failing_handler)
    try:
        signal.raise_signal(signal.SIGUSR2)
        touch()
    except InterruptedError:
        touch("interrupted")


def busy(n):
    for i in range(n):
        touch(i)


def forked():
    """The child runs the same functions at the same addresses; it is not traced."""
    child = os.fork()
    if child == 0:
        busy(300)
        os._exit(0)
    busy(20)
    os.waitpid(child, 0)
    busy(20)


def audited(event, _arguments):
    if event == "torture":
        touch(event)


audited.__cantrace__ = True  # else hooks are hidden from profile functions


def unraisable(what):
    touch(what.exc_type)


def work():
    sys.unraisablehook = unraisable
    sys.addaudithook(audited)
    for i in range(40):
        finalizers()
        weak()
        signals()
        sys.audit("torture")
        if i % 10 == 0:
            collected()
            suspended()
            forked()
    touch("end")


if __name__ == "__main__":
    truth.run(work, FILE)
