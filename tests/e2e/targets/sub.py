# SPDX-License-Identifier: GPL-2.0-only
"""A thread that sleeps in another interpreter of the process."""

import sys
import threading
import time

import proto

CODE = """
import time
def nap():
    time.sleep(100000)
nap()
"""


def interpreters():
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            return __import__(name)
        except ImportError:
            pass
    return None


def outer(module, sub):
    module.run_string(sub, CODE)


def main():
    module = interpreters()
    if module:
        # isolated ones refuse what the others allow until 3.12
        flags = {"isolated": False} if (3, 9) <= sys.version_info < (3, 12) else {}
        sub = module.create(**flags)
        threading.Thread(target=outer, args=(module, sub), name="outer", daemon=True).start()
        time.sleep(0.5)
    proto.ready(works=bool(module))
    proto.done()


main()
