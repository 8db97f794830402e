# SPDX-License-Identifier: GPL-2.0-only
"""Runs a theme of torture_*.py in one of three ways:

    torture_X.py                 traced from outside, as the harness tells it
    torture_X.py tool NAME       the same with a debugger, profiler or coverage at work in it
    torture_X.py reference       by itself under recorder.c; prints every call and return

The harness gives the recorder in VTBPF_RECORDER, base64: a target may have a root of its own.
"""

import base64
import ctypes
import gc
import inspect  # 3.15's contextlib would import it in the middle of a theme
import os
import sys
import threading

import proto
import tools

NAMES = {}  # kernel tid: name of the thread, for all that called here()
FACTS = {}  # what a theme has to say itself


def here():
    """Says that this thread is one whose calls are compared, and how it is called."""
    NAMES[proto.native_id()] = threading.current_thread().name


def code_key(code):
    return [proto.qualname(code), code.co_filename, code.co_firstlineno]


class Recorder:
    """recorder.c, switched on in each thread as it starts."""

    def __init__(self):
        fd = os.memfd_create("recorder")
        with os.fdopen(os.dup(fd), "wb") as f:
            f.write(base64.b64decode(os.environ["VTBPF_RECORDER"]))
        self.library = ctypes.PyDLL("/proc/self/fd/%d" % fd)
        self.library.recorder_note.argtypes = [ctypes.py_object]
        self.library.recorder_events.restype = ctypes.py_object
        self.start = self.library.recorder_start
        self.stop = self.library.recorder_stop

    def hook(self, frame, event, _arg):
        """sys.setprofile's callback for the first event of a thread."""
        if event == "call":
            self.library.recorder_note(frame.f_code)
        self.start()

    def result(self):
        """codes: [[qualname, file, line]]; threads: {name: [2 * code's index + (is a return)]}"""
        codes, threads = {}, {}
        for tid, kind, code in self.library.recorder_events():
            if tid in NAMES:
                index = codes.setdefault(tuple(code_key(code)), len(codes))
                threads.setdefault(NAMES[tid], []).append(2 * index + kind)
        return {"codes": list(codes), "threads": threads}


def reference(work):
    recorder = Recorder()
    threading.setprofile(recorder.hook)
    recorder.start()
    try:
        work()
    finally:
        recorder.stop()
        threading.setprofile(None)
    return recorder.result()


def run(work, file):
    """work() is a theme's, and the first of its file to be called. file: the theme's."""
    gc.disable()  # when the collector runs is not for comparison
    here()
    if sys.argv[1:2] == ["reference"]:
        proto.say(**reference(work))
        return
    proto.ready(file=file, python=sys.version)
    if sys.argv[1:2] == ["tool"]:
        with tools.TOOLS[sys.argv[2]](file):
            work()
    else:
        work()
    proto.done(names={str(tid): name for tid, name in NAMES.items()}, **FACTS)
