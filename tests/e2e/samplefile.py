# SPDX-License-Identifier: GPL-2.0-only
"""The samples of a capture, as bpf/vtbpf.h lays them out."""

import collections
import struct

STR, SAMPLE, STACK, SLEEP, SAMPLING, SAMPLE_COUNTERS = 4, 9, 10, 11, 140, 141
LIBRARY = "~"  # before the names of functions that are not the target's own
WAITS = ("[off-cpu]", "[lock]", "[io]", "[gil]", "[sleep]")
ENCODINGS = {1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}


class Samples:
    """stacks: how many samples by (tid, frames, outermost first); sleeps: ns asleep by (tid, frames
    with the wait as the last)."""

    def __init__(self, path):
        self.names, self.files, self.frames = {}, {}, {0: ()}
        self.stacks, self.sleeps = collections.Counter(), collections.Counter()
        self.taken = self.lost = self.unreadable = self.ignored = 0
        self.truncated = set()
        self.seconds = 0
        self._moments = []
        self._pieces = collections.defaultdict(dict)
        with open(path, "rb") as f:
            self._read(f.read())
        for (code, which), pieces in self._pieces.items():
            data = b"".join(pieces[at][0] for at in sorted(pieces))
            text = data.decode(ENCODINGS[pieces[0][1]])
            (self.names if which else self.files)[code] = text
        for code, name in self.names.items():
            if not self.files.get(code, "").endswith(("/sampled.py", "/waiting.py")):
                self.names[code] = LIBRARY + name
        self.stacks = self._named(self.stacks)
        self.sleeps = self._named(self.sleeps)

    def _named(self, counter):
        named = collections.Counter()
        for (tid, stack, last), n in counter.items():
            frames = tuple(self.names.get(code, "?") for code in reversed(self.frames[stack]))
            named[tid, frames + last] += n
        return named

    def _read(self, data):
        at, = struct.unpack_from("<H", data, 12)
        while at + 8 <= len(data):
            length, kind, flags, tid = struct.unpack_from("<HBBI", data, at)
            self._record(kind, flags, tid, data[at + 8:at + length])
            at += length

    def _record(self, kind, flags, tid, body):
        if kind == STR:
            code, which, width, size, offset, _ = struct.unpack_from("<IBBHII", body)
            if width:
                self._pieces[code, which][offset] = (body[16:16 + size], width)
        elif kind == STACK:
            stack, n = struct.unpack_from("<II", body)
            self.frames[stack] = struct.unpack_from("<%dI" % n, body, 8)
            if flags:
                self.truncated.add(stack)
        elif kind == SAMPLE:
            ts, stack, weight = struct.unpack_from("<QII", body)
            if not flags:
                self.stacks[tid, stack, ()] += weight
                self._moments.append((ts, weight))
        elif kind == SLEEP:
            start, end, stack, wait = struct.unpack_from("<QQII", body)
            self.sleeps[tid, stack, (WAITS[wait],)] += end - start
        elif kind == SAMPLING:
            ts, period = struct.unpack_from("<QQ", body)
            self.seconds += (-ts if period else ts) / 1e9
        elif kind == SAMPLE_COUNTERS:
            self.taken, self.lost, self.unreadable, self.ignored = struct.unpack_from("<4Q", body)

    def between(self, begin, end):
        """How many were taken then; CLOCK_MONOTONIC ns."""
        return sum(weight for ts, weight in self._moments if begin <= ts <= end)

    def total(self):
        return sum(self.stacks.values())

    def of(self, tid):
        return sum(n for (who, _), n in self.stacks.items() if who == tid)

    def pairs(self):
        found = collections.Counter()
        for (_, frames), n in self.stacks.items():
            for pair in zip(frames, frames[1:]):
                found[pair] += n
        return found

    def depths(self):
        return [len(frames) for (_, frames) in self.stacks]
