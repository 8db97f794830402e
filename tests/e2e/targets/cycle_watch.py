# SPDX-License-Identifier: GPL-2.0-only
"""Notes every gap in a program's own progress: when no thread of it came to tick() for a while.

The program's threads all tick, so a thread's wait for the GIL is no gap while another one works.
With each gap stands what the last thread before it and the first one after it waited for a CPU
meanwhile (schedstat's second figure), give or take REFRESH. Reading that must not release the GIL,
which would hand it to another thread each time.
"""

import ctypes
import gc
import json
import os
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
        self.buffers = [ctypes.create_string_buffer(128) for _ in range(threads)]
        self.files = [None] * threads
        self.latest = 0, [0] * threads  # when, and what each thread had waited by then
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
        self.lasts[number] = CLOCK()

    def waited(self, file, buffer):
        if file is None or self.pread(file, buffer, 127, 0) <= 0:
            return 0
        return int(buffer.value.split()[1])

    def read(self, number):
        waits = [self.waited(file, self.buffers[number]) for file in self.files]
        self.latest = CLOCK(), waits
        return waits

    def note(self, number, since, now):
        """Thread `number` comes after a gap."""
        ends = {number, self.lasts.index(since) if since in self.lasts else number}
        before = self.latest[1]
        after = self.read(number)
        if len(self.gaps) < KEEP:
            self.gaps.append((since, now, sum(after[i] - before[i] for i in ends)))
        else:
            self.unkept += 1

    def tick(self, number):
        """Thread `number` makes progress."""
        now = CLOCK()
        since = max(self.lasts)  # may be later than now: this thread may have been switched away
        if now - since > LIMIT:
            self.note(number, since, now)
            now = CLOCK()
        elif now - self.latest[0] > REFRESH:
            self.read(number)
        self.lasts[number] = now

    def say(self, **facts):
        print(json.dumps(facts), flush=True)

    def report(self, rounds, errors):
        self.say(rounds=rounds, errors=errors, gaps=self.gaps, unkept=self.unkept)
