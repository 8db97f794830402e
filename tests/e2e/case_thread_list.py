# SPDX-License-Identifier: GPL-2.0-only
"""`vtbpf threads`."""

import ast
import functools
import json
import os
import re
import signal
import subprocess

from case_errors import as_nobody
from harness import Skip, case, wait_until

WAITING = "waiting for the GIL"


def listed(context, pid, changing=False):
    """The threads that --json shows, by tid. While they begin and end, one may be just going: what is
    left of it in Python has no tid any more."""
    tracer = context.command("threads", "-p", pid, "--json").wait(0)
    answer = json.loads(tracer.stdout.text())
    assert answer["pid"] == pid and answer["python"] == context.python.version, answer
    assert answer["free_threaded"] == context.python.free_threaded, answer
    shown = [t for t in answer["threads"] if t["tid"] is not None or not changing]
    threads = {thread["tid"]: thread for thread in shown}
    assert len(threads) == len(shown) and None not in threads, answer
    return threads


def table(context, pid):
    return context.command("threads", "-p", pid).wait(0).stdout.text()


def named(thread, *beginnings):
    return str(thread["name"]).startswith(beginnings)


def check_against(truth, threads):
    """What Python knows of threads that do not run meanwhile."""
    for tid, fact in truth.items():
        got, frame = threads[int(tid)], threads[int(tid)]["frame"]
        assert (got["ident"], got["name"], got["native"]) == (fact["ident"], fact["name"], False), got
        assert got["daemon"] == fact["daemon"], got
        if fact["name"] == "MainThread" or named(fact, "spinner"):
            continue
        assert got["state"] == "sleeping" and not got["holds_gil"], got
        for key in ("function", "file", "line"):
            assert frame[key] == fact[key], (key, frame, fact)


@case(each=True)
def thread_list(context):
    """Names, idents, daemons, native threads, and the very line at which each thread sleeps."""
    target = context.target("threads.py", 0)
    truth = target.ask("go")["threads"]
    wait_until(lambda: all(t["state"] == "sleeping" for t in listed(context, target.pid).values()),
               "all threads sleep")
    truth = target.ask("where")["threads"]
    wait_until(lambda: listed(context, target.pid)[target.pid]["state"] == "sleeping", "sleep")
    threads = listed(context, target.pid)
    native = target.facts["native"]
    assert set(threads) == {int(tid) for tid in truth} | ({native} if native else set()), threads
    check_against(truth, threads)
    main = threads[target.pid]
    assert main["name"] == "MainThread" and main["frame"]["function"] == "hear", main
    assert main["frame"]["file"].endswith("proto.py") and main["cpu_ms"] > 0, main
    if native:
        assert threads[native]["native"] and threads[native]["comm"] == "nat\x1bive", threads
        assert not any(threads[native][k] for k in ("ident", "name", "daemon", "frame")), threads
    text = table(context, target.pid)
    for words in ("监控线程", r"esc\x1b[31m\u202e\x9b", "Dummy-", "napper (%s:" % target.facts["file"],
                  r"nat\x1bive" if native else ""):
        assert words in text, (words, text)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text), repr(text)
    assert len(text.splitlines()) == len(threads) + 1


@case(each=True)
def thread_list_gil(context):
    """Of threads that all want to run one has the GIL, the others wait for it; without one, all run.
    Who runs C code that has given the GIL away does not wait for it."""
    target = context.target("threads.py", 3)
    target.ask("go")
    seen, cruncher = [], []

    def spin():
        threads = listed(context, target.pid)
        return threads[target.pid]["state"] == "sleeping" and \
            [t["frame"]["function"] for t in threads.values() if named(t, "spinner")] == ["spin"] * 3
    wait_until(spin, "only these threads have something to do")
    for _ in range(10):
        threads = listed(context, target.pid).values()
        spinners = [t for t in threads if named(t, "spinner")]
        assert len(spinners) == 3, threads
        assert sum(t["holds_gil"] for t in threads) <= 1, threads
        others = [t for t in threads if not named(t, "spinner", "cruncher")]
        assert all(t["state"] == "sleeping" for t in others), others
        assert all(t["frame"]["function"] == "spin" for t in spinners), spinners
        seen += [t["state"] for t in spinners]
        cruncher += [t["state"] for t in threads if named(t, "cruncher")]
    assert set(seen + cruncher) <= {"running", WAITING}, (seen, cruncher)
    print("      %d of %d waited for the GIL, and %d of %d of the one that mostly runs C code" % (
        seen.count(WAITING), len(seen), cruncher.count(WAITING), len(cruncher)))
    if context.python.free_threaded:
        assert WAITING not in seen + cruncher, seen
    else:
        assert seen.count(WAITING) >= 15, seen  # of 20, had each thread a CPU whenever it wants one
        assert "running" in cruncher, cruncher


@functools.lru_cache(maxsize=None)
def functions_of(path):
    """(name, first line, last line) of the functions of a file."""
    with open(path, encoding="utf-8") as f:
        tree = ast.parse(f.read())
    return [(node.name, min([node.lineno] + [d.lineno for d in node.decorator_list]), node.end_lineno)
            for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def is_real(frame, pid):
    """Whether the file has such a function, and it such a line."""
    name = frame["function"].rsplit(".", 1)[-1]
    path = frame["file"]
    if name.startswith("<") or path.startswith("<"):
        return True
    if not os.path.exists(path):
        path = "/proc/%d/root%s" % (pid, path)
    line = frame["line"]
    return any(name == f[0] and (line is None or f[1] <= line <= f[2]) for f in functions_of(path))


@case(each="minor")
def thread_list_running(context):
    """Threads that run, begin and end while they are read: what is shown is something that was."""
    target = context.target("churn.py")
    shown = lines = 0
    for _ in range(30):
        for thread in listed(context, target.pid, changing=True).values():
            assert thread["native"] or thread["name"] in (None, "MainThread", "starter") or \
                re.fullmatch(r"churn-[0-3]", thread["name"]), thread
            frame = thread["frame"]
            if frame and frame["file"]:
                assert is_real(frame, target.pid), thread
                shown += 1
                lines += frame["line"] is not None
    print("      %d frames, %d of them with a line" % (shown, lines))
    assert shown > 120 and lines > shown * 0.9, (shown, lines)
    assert target.alive()


@case(each="minor")
def thread_list_subinterpreter(context):
    """A thread that runs code of another interpreter is shown there; up to 3.12, where it left."""
    target = context.target("sub.py")
    if not target.facts["works"]:
        raise Skip("no module for other interpreters")
    threads = listed(context, target.pid)
    outer = [t for t in threads.values() if t["name"] == "outer"]
    assert len(threads) == 2 and len(outer) == 1 and outer[0]["state"] == "sleeping", threads
    assert threads[target.pid]["frame"]["function"] == "hear", threads
    frame = outer[0]["frame"]
    if context.python.minor >= (3, 13):
        assert (frame["function"], frame["line"]) == ("nap", 4) and frame["file"][0] == "<", frame
    else:
        assert frame["function"] == "outer" and frame["file"].endswith("sub.py"), frame


@case()
def thread_list_stopped(context):
    """A stopped process can be looked at, and stays stopped."""
    target = context.target("threads.py", 2)
    target.ask("go")
    os.kill(target.pid, signal.SIGSTOP)
    wait_until(lambda: {t["state"] for t in listed(context, target.pid).values()} == {"stopped"},
               "all threads are stopped", 10)
    assert " stopped " in table(context, target.pid)
    os.kill(target.pid, signal.SIGCONT)
    target.ask("where")


@case()
def thread_list_refused(context):
    """Bad usage, no process, no Python, no privilege: told apart, with a message."""
    for argv in (["threads"], ["threads", "-p", "x"], ["-p", "1", "--json"],
                 ["threads", "-p", "1", "-o", "x"], ["threads", "-p", "1", "-p", "2"]):
        context.fails(2, *argv)
    target = context.target("threads.py", 0)
    for pid, words in ((2 ** 22 - 1, "no such process"), (target.ask("go") and max(
            int(t) for t in os.listdir("/proc/%d/task" % target.pid)), "thread of process")):
        text = context.fails(4, "threads", "-p", pid)
        assert words in text and str(pid) in text, text
    sleeper = subprocess.Popen(["/bin/sleep", "60"])
    try:
        assert "CPython" in context.fails(4, "threads", "-p", sleeper.pid)
    finally:
        sleeper.kill()
        sleeper.wait()
    refused = as_nobody(context, "threads", "-p", target.pid)
    assert refused.returncode == 3 and "permitted" in refused.stderr, refused
    text = context.command("threads", "--help").wait(0).stdout.text()
    assert "--json" in text and "--min-duration" not in text, text
    full = context.command("threads", "-p", target.pid, stdout=open("/dev/full", "w")).wait(1)
    assert "No space left" in full.text(), full.text()
