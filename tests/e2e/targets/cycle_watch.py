# SPDX-License-Identifier: GPL-2.0-only
"""Notes every gap in a program's own progress: when no thread of it came to tick() for a while.

The program's threads all tick, so a thread's wait for the GIL is no gap while another one works.
With each gap stands what the last thread before it and the first one after it waited for a CPU
meanwhile (schedstat's second figure), give or take REFRESH, and what the hypervisor took: if neither
of them gave up its CPU of its own accord, that is all the time in which they neither waited nor ran.
Reading all that must not release the GIL, which would hand it to another thread each time.
"""

import ctypes
import gc
import json
import os
import resource
import signal
import threading
import time

LIMIT = 300000  # ns; a shorter gap is not noted
REFRESH = 2000000  # ns between two readings when there is no gap
KEEP = 200000  # gaps

CLOCK = time.monotonic_ns


class Watch:
    def __init__(self, threads):
        gc.disable()  # its pauses are the program's own
        self.pread = ctypes.PyDLL(None).pread
        self.pread.argtypes = ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64
        self.lasts = [0] * threads
        self.used = [(0, 0)] * threads  # at the thread's last tick: see use()
        self.buffers = [ctypes.create_string_buffer(128) for _ in range(threads)]
        self.files = [None] * threads
        self.latest = 0, [(0, 0, 0)] * threads  # when, and each thread's schedstat by then
        self.gaps = []
        self.unkept = 0
        self.ends = False
        signal.signal(signal.SIGTERM, self.end)

    def end(self, _number, _frame):
        self.ends = True

    def join(self, number):
        """The calling thread is number `number` from now on."""
        path = "/proc/self/task/%d/schedstat" % threading.get_native_id()
        self.files[number] = os.open(path, os.O_RDONLY)
        self.used[number] = self.use()
        self.lasts[number] = CLOCK()

    def use(self):
        """How long the calling thread has run, and how often it gave up its CPU."""
        return time.thread_time_ns(), resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw

    def schedstat(self, file, buffer):
        """How long a thread ran (up to some tick) and waited for a CPU, and how often it got one."""
        if file is None or self.pread(file, buffer, 127, 0) <= 0:
            return 0, 0, 0
        return tuple(map(int, buffer.value.split()))

    def read(self, number):
        now = [self.schedstat(file, self.buffers[number]) for file in self.files]
        self.latest = CLOCK(), now
        return now

    def note(self, number, since, now, use):
        """Thread `number` comes after a gap."""
        first = self.lasts.index(since) if since in self.lasts else number
        before = self.latest[1]
        after = self.read(number)
        ends = {number, first}
        waited = sum(after[i][1] - before[i][1] for i in ends)
        ran = use[0] - self.used[number][0]
        if first == number:
            left = use[1] > self.used[number][1]
        else:  # of another thread only this is known
            left = any(after[i][2] > before[i][2] for i in ends)
        taken = 0 if left else max(0, now - since - waited - ran)
        if len(self.gaps) < KEEP:
            self.gaps.append((since, now, waited, taken))
        else:
            self.unkept += 1

    def tick(self, number):
        """Thread `number` makes progress."""
        now = CLOCK()
        use = self.use()
        since = max(self.lasts)  # may be later than now: this thread may have been switched away
        if now - since > LIMIT:
            self.note(number, since, now, use)
            now = CLOCK()
        elif now - self.latest[0] > REFRESH:
            self.read(number)
        self.lasts[number] = now
        self.used[number] = use

    def say(self, **facts):
        print(json.dumps(facts), flush=True)

    def report(self, rounds, errors):
        self.say(rounds=rounds, errors=errors, gaps=self.gaps, unkept=self.unkept)
