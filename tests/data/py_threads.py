# SPDX-License-Identifier: GPL-2.0-only
"""Target of tests/unit/test_py_threads.c: threads of every kind, and what Python says of them.

Prints one line a thread, "T ident native_id daemon name-in-hex", "-" for a thread without a name;
then "ready", and waits until standard input closes.
"""
import os
import sys

MODE = sys.argv[1]


def wait_for_end():
    print("ready", flush=True)
    sys.stdin.readline()
    os._exit(0)


def show(name):
    if name is None:
        return "-"
    # what UTF-8 cannot say, and what would end a C string, is shown as U+FFFD
    odd = lambda c: 0xD800 <= ord(c) < 0xE000 or c == "\0"
    return "".join("\ufffd" if odd(c) else c for c in name).encode().hex()


def row(ident, native, daemon, name):
    print("T", ident, native, int(daemon), show(name), flush=True)


if MODE == "bare":
    assert "threading" not in sys.modules
    wait_for_end()

import threading
import _thread

HAS_NATIVE = sys.version_info >= (3, 11)
stop = threading.Event()


class Text(str):
    pass


class Plain(threading.Thread):
    def __init__(self, **kw):
        self.before = 1
        super().__init__(**kw)
        self.after = 2


class Crowded(threading.Thread):
    """More attributes than a shared key table holds."""

    def __init__(self, **kw):
        for i in range(40):
            setattr(self, "attribute_%d" % i, i)
        super().__init__(**kw)


class Slotted(threading.Thread):
    __slots__ = ("a", "b")


class Failing(Exception, threading.Thread):
    """Its dict lies where an exception keeps it."""

    def __init__(self, **kw):
        threading.Thread.__init__(self, **kw)


class Handler:
    """Has a _name but is no Thread, as logging.Handler."""

    def __init__(self):
        self._name = "no thread"


def deep_c(_):
    stop.wait()


def deep_b(_):
    return deep_c(_)


def deep_a():
    list(map(deep_b, [1]))


def start(cls=threading.Thread, target=stop.wait, change=None, **kw):
    thread = cls(target=target, **kw)
    if change:
        change(thread)
    thread.start()
    return thread


def start_dummy(results, with_object):
    def run():
        native = threading.get_native_id()
        name = threading.current_thread().name if with_object else None
        results.append((_thread.get_ident(), native, with_object, name))
        stop.wait()

    _thread.start_new_thread(run, ())


def copy_dict(thread):
    thread.__dict__ = dict(thread.__dict__)


def delete_and_add(thread):
    thread.extra = 1
    del thread.extra
    for i in range(10):
        thread.__dict__["more %d" % i] = i
    del thread.__dict__["more 3"]


def start_all():
    start(name="worker", daemon=True)
    start()
    for name in ["监控线程-1", "emoji-😀", "lone-\ud800-x", "é", "z", "nul-\0-end", "Ωmega",
                 "x" * 100000, "长" * 30000, "😀" * 5000]:
        start(name=name)
    start(Plain, name="plain")
    start(Crowded, name="crowded")
    start(Slotted, name="slotted")
    start(Failing, name="failing")
    start(name="touched", change=vars)
    start(name="extended", change=lambda t: t.__dict__.update(extra=1))
    start(name="general", change=lambda t: t.__dict__.update({(1, 2): 3}))
    start(name="copied", change=copy_dict)
    start(name="shuffled", change=delete_and_add)
    start(name="subclass of str", change=lambda t: setattr(t, "_name", Text("abgeleitet-ü")))
    start(name="subclass of str", change=lambda t: setattr(t, "_name", Text("derived")))
    start(name="an int instead", change=lambda t: setattr(t, "_name", 17))
    start(name="deep", target=deep_a)
    late = start(name="early")
    late.name = "set late"
    for i in range(100):
        start(name="one-of-many-%d" % i, daemon=bool(i % 2))


def print_all(raw):
    for thread in threading.enumerate():
        name = thread._name if isinstance(thread._name, str) else None
        row(thread.ident, thread.native_id, thread.daemon, name)
    for ident, native, with_object, name in raw:
        if not with_object:
            row(ident, native if HAS_NATIVE else 0, False, None)


def be_hostile(some):
    threading._active[12345] = "no thread"
    threading._active[-1] = object()
    threading._active["x"] = some
    threading._active[(1, 2)] = None
    threading._active[67890] = some
    threading._active[1 << 200] = some
    del threading._active[67890]


def threads():
    raw = []
    start_all()
    start_dummy(raw, True)
    start_dummy(raw, False)
    # A thread is in _active a little after start() came back (Lib/threading.py, _bootstrap_inner).
    while len(raw) < 2 or threading._limbo:
        stop.wait(0.01)
    print_all(raw)
    handler = Handler()
    print("H", id(handler), flush=True)
    be_hostile(threading.main_thread())
    wait_for_end()


def churn():
    """Threads that come and go; a name that was read in two halves has a wrong check number."""
    def loop(base):
        i = base
        while not stop.is_set():
            i += 4
            name = "churn-%d-%d" % (i, i * 7919 % 9973)
            thread = threading.Thread(target=len, args=("",), name=name)
            thread.start()
            thread.join()

    for base in range(4):
        start(target=loop, args=(base,), name="churn-%d-%d" % (base, base * 7919 % 9973),
              daemon=True)
    wait_for_end()


SUB = """
import os, threading
def run():
    me = threading.current_thread()
    name = me.name.encode().hex()
    os.write(1, ("T %d %d %d %s\\n" % (me.ident, me.native_id, me.daemon, name)).encode())
    os.write(WFD, b"x")
    os.read(FD, 1)
thread = threading.Thread(target=run, name="in-子解释器")
thread.start()
thread.join()
"""


def subinterpreter():
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    read_end, write_end = os.pipe()
    started, starting = os.pipe()
    code = SUB.replace("WFD", str(starting)).replace("FD", str(read_end))
    # isolated ones refuse threads until 3.12
    flags = {"isolated": False} if (3, 9) <= sys.version_info < (3, 12) else {}
    sub = interpreters.create(**flags)
    thread = start(target=lambda: interpreters.run_string(sub, code), name="outer")
    os.read(started, 1)
    for t in (threading.main_thread(), thread):
        row(t.ident, t.native_id, t.daemon, t.name)
    print("ready", flush=True)
    sys.stdin.readline()
    os._exit(0)


def forked():
    start(name="stays with the parent", daemon=True)
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        os._exit(0)
    print("P", os.getpid(), flush=True)
    start(name="in the child", daemon=True)
    for thread in threading.enumerate():
        # Python goes on to call the main thread by its parent's id
        main = thread is threading.main_thread()
        native = os.getpid() if main else thread.native_id
        row(thread.ident, native, thread.daemon, thread.name)
    wait_for_end()


{"threads": threads, "churn": churn, "subinterpreter": subinterpreter, "forked": forked}[MODE]()
