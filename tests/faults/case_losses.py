# SPDX-License-Identifier: GPL-2.0-only
"""More events than vtbpf can take: each that is lost is counted, and what is there nests."""

import collections
import json
import os
import re
import signal
import time

import faults
from harness import case

EVENT = re.compile(r'.*?"tid":(\d+),"ts":(\d+)\.(\d{3}),"dur":(\d+)\.(\d{3}),"name":"(\w+) \(')
PIECE = 5000  # rounds of a thread, of which calls.py makes 21 calls


class Reader:
    """A Chrome trace of any size, line by line. Children stand before their parents."""

    def __init__(self, path):
        self.calls = collections.Counter()  # by thread and name
        self.marked = 0
        self.before = collections.defaultdict(list)  # of each thread: slices that have no parent yet
        with open(path, encoding="utf-8") as f:
            for line in f:
                self.read(line)
        self.losses = json.loads("{" + line[line.index('"losses"'):line.index(',"removed"')] + "}")
        self.losses = self.losses["losses"]

    def read(self, line):
        found = EVENT.match(line)
        if '"cat":"FEE"' in line[:40] and found:
            tid, us, ns, dur_us, dur_ns, name = found.groups()
            start = int(us) * 1000 + int(ns)
            self.nest(int(tid), start, start + int(dur_us) * 1000 + int(dur_ns))
            if '"open"' not in line:
                self.calls[int(tid), name] += 1
        elif '"name":"lost ' in line:
            self.marked += int(re.search(r'"name":"lost (\d+) calls"', line).group(1))

    def nest(self, tid, start, end):
        before = self.before[tid]
        while before and before[-1][0] >= start:
            child = before.pop()
            assert child[1] <= end, "thread %d: %r ends after its parent %r" % (tid, child, (start, end))
        assert not before or before[-1][1] <= start, "thread %d: %r overlaps %r" % (
            tid, before[-1], (start, end))
        before.append((start, end))


def check(tracer, truth):
    """captured + lost = made, for each thread that calls nothing else."""
    reader = Reader(tracer.out)
    for thread in truth["threads"][:3]:
        tid = thread["tid"]
        captured = reader.calls[tid, "middle"] + reader.calls[tid, "leaf"]
        lost = reader.losses["by_thread"].get(str(tid), 0)
        assert captured + lost == 3 * thread["rounds"], (thread, captured, lost)
    assert reader.losses["total"] > 0, "nothing was lost: this shows nothing"
    assert reader.marked == reader.losses["total"], (reader.marked, reader.losses)
    assert "%d lost" % reader.losses["total"] in tracer.text(), tracer.text()
    made = 21 * truth["threads"][0]["rounds"]
    print("%d calls made, %d captured, %d lost" % (
        made, sum(reader.calls.values()), reader.losses["total"]))


def end_quietly(context, tracer):
    """Ends the trace; the target waits meanwhile, and makes no call."""
    tracer.send(signal.SIGINT)
    tracer.wait(0, seconds=1800)


@case()
def ring_overflow(context):
    """A ring of 1 MB and a consumer that is stopped at random: 10^7 events, each accounted for."""
    chance = faults.chance("overflow")
    target = context.target("calls.py", faults.rounds(2, 50) * PIECE)
    tracer = context.attach(target, "--buffer-size", "1M", "--no-progress")
    tracer.send(signal.SIGSTOP)
    target.tell("go")
    time.sleep(0.5)
    while not target.lines.queue.qsize() and target.alive():
        tracer.send(signal.SIGCONT)
        time.sleep(chance.uniform(0, 0.2))
        tracer.send(signal.SIGSTOP)
        time.sleep(chance.uniform(0, 0.2))
    tracer.send(signal.SIGCONT)
    truth = target.hear()
    end_quietly(context, tracer)
    check(tracer, truth)


@case()
def stopped_consumer(context):
    """vtbpf stands still for ten seconds, its helpers too: what it misses is counted, then it goes on."""
    target = context.target("calls.py", faults.rounds(2, 30) * PIECE)
    tracer = context.attach(target, "--buffer-size", "1M", "--no-progress")
    pids = [tracer.process.pid, *faults.children(tracer.process.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    target.tell("go")
    time.sleep(1 if faults.SETTINGS.short else 10)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    truth = json.loads(target.lines.next("the target's end", 600))
    end_quietly(context, tracer)
    check(tracer, truth)


@case()
def threads_end_at_once(context):
    """Two hundred threads that end at the same moment: all their calls, all their names."""
    number, calls = 200, 100
    for _ in range(faults.rounds(1, 20)):
        target = context.target("crowd.py", number, calls)
        tracer = context.attach(target)
        tids = target.ask("go")["tids"]
        trace = tracer.stop()
        counts = trace.counts(target.facts["file"])
        assert trace.lost == 0
        assert len(set(tids)) == number and all(counts[tid]["leaf"] == calls for tid in tids)
        shown = {trace.thread_names[tid] for tid in tids}
        assert shown == {"crowd-%d" % i for i in range(number)}, shown
        target.close()
