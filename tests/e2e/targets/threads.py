# SPDX-License-Identifier: GPL-2.0-only
"""threads.py N: threads of every kind for `vtbpf threads`; asked "where", it says of each what Python
knows. N of them run Python code without end; if more than one, another one runs C without the GIL."""

import _thread
import os
import sys
import threading
import time
import zlib

import proto

FILE = os.path.abspath(__file__)
GO = threading.Event()
RAW = {}  # ident -> (native_id, name of the _DummyThread or None)


def napper():
    time.sleep(100000)


class Waiter:
    def wait(self, lock):
        lock.acquire()


def spin():
    GO.wait()
    while True:
        pass


def crunch():
    data = bytes(64 << 20)
    GO.wait()
    while True:
        zlib.crc32(data)


def raw(with_object):
    name = threading.current_thread().name if with_object else None
    RAW[_thread.get_ident()] = proto.native_id(), name
    napper()


def start(target, *args, **kw):
    thread = threading.Thread(target=target, args=args, **kw)
    thread.start()
    return thread


def native():
    """A thread that Python knows nothing of; its tid, or None where there is no ctypes."""
    try:
        import ctypes
    except ImportError:
        return None
    before = set(os.listdir("/proc/self/task"))
    libc = ctypes.CDLL(None)
    thread = ctypes.c_ulong()
    if libc.pthread_create(ctypes.byref(thread), None, ctypes.cast(libc.pause, ctypes.c_void_p), None):
        return None
    libc.pthread_setname_np(thread, b"nat\x1bive")
    return int(min(set(os.listdir("/proc/self/task")) - before))


def where():
    frames = sys._current_frames()
    shown = {}
    for thread in threading.enumerate():
        shown[thread.ident] = [thread.native_id, thread.name, thread.daemon]
    for ident, (tid, name) in RAW.items():
        if name is None:
            shown[ident] = [tid, None, None]
    answer = {}
    for ident, (tid, name, daemon) in shown.items():
        frame = frames[ident]
        answer[tid] = {"ident": ident, "name": name, "daemon": daemon, "line": frame.f_lineno,
                       "function": proto.qualname(frame.f_code), "file": frame.f_code.co_filename}
    return answer


def main():
    lock = threading.Lock()
    lock.acquire()
    start(napper, name="监控线程", daemon=True)
    start(napper, name="esc\x1b[31m\u202e\x9b", daemon=False)
    start(Waiter().wait, lock, name="waiter")
    for with_object in (True, False):
        _thread.start_new_thread(raw, (with_object,))
    spinners = int(sys.argv[1])
    for i in range(spinners):
        start(spin, name="spinner-%d" % i, daemon=True)
    if spinners > 1:
        start(crunch, name="cruncher", daemon=True)
    while len(RAW) < 2:
        time.sleep(0.01)
    proto.ready(native=native(), file=FILE)
    while True:
        proto.say(threads=where())
        GO.set()
        proto.expect("where")


main()
