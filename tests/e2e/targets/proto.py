# SPDX-License-Identifier: GPL-2.0-only
"""What every target speaks with the harness: one JSON line out, one word in. Runs on CPython 3.8+."""

import json
import os
import threading


def say(**facts):
    print(json.dumps(facts), flush=True)


def native_id():
    return threading.get_native_id()


def hear():
    """The next word; the target dies with the harness."""
    word = os.read(0, 64)
    if not word:
        os._exit(0)
    return word.decode().strip()


def expect(word):
    got = hear()
    if got != word:
        say(error="expected %s, got %s" % (word, got))
        os._exit(9)


def ready(**facts):
    """Tells the harness that a tracer may attach, and waits for its go."""
    say(pid=os.getpid(), tid=native_id(), ident=threading.get_ident(), **facts)
    expect("go")


def done(**facts):
    """Reports the truth, and lives on until it may exit."""
    say(**facts)
    expect("exit")


def qualname(code):
    return getattr(code, "co_qualname", code.co_name)  # co_qualname: 3.11
