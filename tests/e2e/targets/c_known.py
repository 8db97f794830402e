# SPDX-License-Identifier: GPL-2.0-only
"""A known number of C functions: `work N` makes a thread and `fork N` a child that call crc32(), fabs()
(with a Python function's call around it), sleep() and a function of a module object N times each, beside
this thread, which does as well; `exit` ends. Runs on CPython 3.11+."""

import binascii
import ctypes
import math
import os
import threading
import time
import types

import proto


class MethodDef(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int),
                ("doc", ctypes.c_char_p)]


ONE_OBJECT = 8  # METH_O
CALL = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object)


@CALL
def callback(self, arg):
    return arg


DEFINITION = MethodDef(b"of_no_str", ctypes.cast(callback, ctypes.c_void_p), ONE_OBJECT, None)


def function_of_a_module():
    """A built-in function whose module is no name but the module itself, as some extensions make them."""
    make = ctypes.pythonapi.PyCMethod_New
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.py_object, ctypes.c_void_p]
    return make(ctypes.addressof(DEFINITION), None, types.ModuleType("odd"), None)


of_no_str = function_of_a_module()


def key(x):
    return math.fabs(x)


def leaf():
    binascii.crc32(b"a")


def rounds(n):
    for _ in range(n):
        leaf()
        key(4)
        of_no_str(1)
        time.sleep(0.005)


def fork(n):
    pid = os.fork()
    if not pid:
        rounds(n)
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def main():
    child = None
    proto.say(pid=os.getpid(), tid=proto.native_id(), file=os.path.abspath(__file__))
    for word in iter(proto.hear, "exit"):
        n = int(word.split()[1])
        if word.startswith("fork"):
            child = fork(n)
        else:
            other = threading.Thread(target=rounds, args=(n,), name="other")
            other.start()
            rounds(n)
            other.join()
        proto.say(child=child)


main()
