# SPDX-License-Identifier: GPL-2.0-only
"""monitoring.py PERIOD [WAKES] [decorated] [late]: a service with one noisy thread.

A pool of workers, started before anyone traces, serves requests. A monitoring thread, which begins at
"go", wakes every PERIOD seconds, WAKES times if that is given, and walks the service's state: many
small calls. "serve N" makes N requests; the answer says how many calls they were, by thread and
function, and how often the monitor has recorded so far. "state" only says the latter. "quit" ends the
program. With `decorated` the monitor's function carries VizTracer's @ignore_function; with `late` the
monitor's thread starts at "go" too, when tracing has begun."""

import collections
import concurrent.futures
import os
import sys
import threading
import time

import proto

FILE = os.path.abspath(__file__)
WORKERS = 3
FANOUT, DEPTH = 3, 5
NODES = (FANOUT ** (DEPTH + 1) - 1) // (FANOUT - 1)
CALLS_PER_WAKE = 1 + 2 * NODES  # record_state, and walk and describe for each node
COMM = "watchdog"
GO, STOP = threading.Event(), threading.Event()


def grow(depth):
    return {"depth": depth, "parts": [grow(depth - 1) for _ in range(FANOUT)] if depth else []}


STATE = grow(DEPTH)


# What the monitor does.

def describe(node):
    return "%d: %d" % (node["depth"], len(node["parts"]))


def walk(node, found):
    found.append(describe(node))
    for part in node["parts"]:
        walk(part, found)


def record_state():
    found = []
    walk(STATE, found)
    with open(os.devnull, "a") as log:  # gives the GIL away, as whoever records something does
        log.write("\n".join(found))


class Monitor:
    def __init__(self, period, most, record):
        self.period = period
        self.most = most
        self.record = record
        self.wakes = 0

    def run(self):
        GO.wait()
        while not STOP.is_set() and self.wakes != self.most:
            time.sleep(self.period)
            self.record()
            self.wakes += 1


# What the workers do. DONE: by tid, how many calls there were of what; each worker writes its own.

DONE = {}


def authorize(number):
    return number % 7


def query(number):
    time.sleep(0.001)
    return number


def render(depth):
    return [render(depth - 1)] if depth else []


def handle(number):
    authorize(number)
    for i in range(1 + number % 3):
        query(i)
    render(number % 5)
    describe(STATE)
    DONE[threading.get_native_id()].update(
        {"handle": 1, "authorize": 1, "query": 1 + number % 3, "render": 1 + number % 5, "describe": 1})


def introduce(together):
    """A worker's first task, which ends when all have begun theirs."""
    me = threading.current_thread()
    DONE[me.native_id] = collections.Counter()
    together.wait()
    return me.name, [me.native_id, me.ident]


def start_workers():
    pool = concurrent.futures.ThreadPoolExecutor(WORKERS, thread_name_prefix="worker")
    together = threading.Barrier(WORKERS)
    tasks = [pool.submit(introduce, together) for _ in range(WORKERS)]
    return pool, dict(task.result() for task in tasks)


def start_monitor(period, most, decorated):
    record = record_state
    if decorated:
        import viztracer
        record = viztracer.ignore_function(record_state)
    monitor = Monitor(period, most, record)
    thread = threading.Thread(target=monitor.run, name="state-monitor")
    thread.start()
    with open("/proc/self/task/%d/comm" % thread.native_id, "w") as f:
        f.write(COMM)
    return monitor, thread


def serve(pool, count):
    for done in DONE.values():
        done.clear()
    for task in [pool.submit(handle, number) for number in range(count)]:
        task.result()
    return {tid: dict(done) for tid, done in DONE.items()}


def obey(pool, monitor):
    while True:
        word, _, number = proto.hear().partition(" ")
        if word == "quit":
            return
        calls = serve(pool, int(number)) if word == "serve" else {}
        proto.say(calls=calls, wakes=monitor.wakes)


def main():
    period, most = float(sys.argv[1]), int((sys.argv[2:] + ["-1"])[0])
    pool, threads = start_workers()

    def start():
        monitor, thread = start_monitor(period, most, "decorated" in sys.argv)
        threads[thread.name] = [thread.native_id, thread.ident]
        return monitor, thread

    late = "late" in sys.argv
    monitor, thread = (None, None) if late else start()
    proto.ready(file=FILE, threads=threads, comm=COMM, calls_per_wake=CALLS_PER_WAKE)
    if late:
        monitor, thread = start()
    GO.set()
    proto.say(threads=threads)
    obey(pool, monitor)
    STOP.set()
    thread.join()
    pool.shutdown()


main()
