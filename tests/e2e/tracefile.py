# SPDX-License-Identifier: GPL-2.0-only
"""A Chrome trace as vtbpf writes it, read back and checked. Times are integers, in nanoseconds."""

import collections
import gzip
import json
import re

LARGEST_TID = 4194304  # the kernel's; a track's made-up tid lies above it

_NAME = re.compile(r"(.*) \((.*?):([0-9]+)\)", re.S)


def _to_ns(text):
    whole, _, fraction = text.partition(".")
    if len(fraction) == 3 and fraction.isdigit():
        return int(whole + fraction)
    return round(float(text) * 1000)


class Slice:
    __slots__ = ("name", "qualname", "file", "line", "pid", "tid", "start", "end", "args", "index")

    def __init__(self, event, index):
        self.name = event["name"]
        match = _NAME.fullmatch(self.name)
        self.qualname, self.file = (match[1], match[2]) if match else (self.name, None)
        self.line = int(match[3]) if match else None
        self.pid, self.tid = event["pid"], event["tid"]
        self.start = event["ts"]
        self.end = self.start + event["dur"]
        self.args = event.get("args", {})
        self.index = index

    @property
    def open(self):
        return self.args.get("open")

    def __repr__(self):
        return "%s[%d..%d]%s" % (self.name, self.start, self.end, self.args or "")


class Trace:
    def __init__(self, path):
        opener = gzip.open if str(path).endswith(".gz") else open
        with opener(path, "rt", encoding="utf-8") as f:
            self.raw = json.load(f, parse_float=_to_ns)
        self.events = self.raw["traceEvents"]
        self.slices = [Slice(e, i) for i, e in enumerate(self.events)
                       if e["ph"] == "X" and e["cat"] == "FEE"]
        marks = [e for e in self.events if e["ph"] == "X" and e["cat"] == "vtbpf"]
        self.gaps = [e for e in marks if re.fullmatch(r"lost \d+ calls", e["name"])]
        self.pauses = [(e["ts"], e["ts"] + e["dur"]) for e in marks if e["name"] == "paused"]
        self.thread_names = {e["tid"]: e["args"]["name"] for e in self.events
                             if e["ph"] == "M" and e["name"] == "thread_name"}
        self.process_names = {e["pid"]: e["args"]["name"] for e in self.events
                              if e["ph"] == "M" and e["name"] == "process_name"}

    @property
    def lost(self):
        return self.raw["vtbpf"]["losses"]["total"]

    def of_file(self, file):
        return [s for s in self.slices if s.file == file]

    def counts(self, file=None, finished=True):
        """{tid: {qualname: calls}}; finished leaves out what ran already when tracing began."""
        result = collections.defaultdict(collections.Counter)
        for s in self.slices:
            if file in (None, s.file) and not (finished and s.open):
                result[s.tid][s.qualname] += 1
        return result

    def tid_of(self, thread_name):
        tids = [tid for tid, name in self.thread_names.items() if name == thread_name]
        assert len(tids) == 1, "thread %r: tids %r of %r" % (thread_name, tids, self.thread_names)
        return tids[0]

    def tracks(self):
        """{(pid, tid): slices in order of their start, parents first}"""
        result = collections.defaultdict(list)
        for s in self.slices:
            result[s.pid, s.tid].append(s)
        for slices in result.values():
            # Of two slices with the same times the one written later is the parent.
            slices.sort(key=lambda s: (s.start, -s.end, -s.index))
        return result

    def check_nesting(self):
        for track, slices in self.tracks().items():
            stack = []
            for s in slices:
                while stack and stack[-1].end <= s.start:
                    stack.pop()
                assert s.end >= s.start, "negative duration: %r" % s
                assert not stack or s.end <= stack[-1].end, \
                    "track %r: %r overlaps %r" % (track, s, stack[-1])
                stack.append(s)

    def depth(self, tid, qualname):
        """The deepest nesting of qualname in itself on a thread."""
        deepest, ends = 0, []
        slices = [s for s in self.slices if s.tid == tid and s.qualname == qualname]
        for s in sorted(slices, key=lambda s: (s.start, -s.end, -s.index)):
            while ends and ends[-1] <= s.start:
                ends.pop()
            ends.append(s.end)
            deepest = max(deepest, len(ends))
        return deepest

    def sequence(self, tid, file):
        """[(call|return, qualname), ...] on one track, of a file's frames, as sys.setprofile tells it;
        frames that ran already when tracing began are left out."""
        slices = [s for s in self.slices if s.tid == tid and s.file == file and not s.open]
        slices.sort(key=lambda s: (s.start, -s.end, -s.index))
        result, stack = [], []
        for s in slices:
            while stack and stack[-1].end <= s.start:
                result.append(("return", stack.pop().qualname))
            result.append(("call", s.qualname))
            stack.append(s)
        result += [("return", s.qualname) for s in reversed(stack)]
        return result

    def check_shape(self, overflow=False, c_calls=False):
        """What every trace has, whatever was traced."""
        raw = self.raw
        assert isinstance(raw["viztracer_metadata"]["baseTimeNanoseconds"], int)
        assert raw["viztracer_metadata"]["overflow"] is overflow
        assert isinstance(raw["viztracer_metadata"]["version"], str)
        assert raw["displayTimeUnit"] == "us"
        losses = raw["vtbpf"]["losses"]
        assert losses["total"] == sum(losses["by_thread"].values()), losses
        for s in self.slices:
            assert c_calls or s.file is not None, "no file and line in %r" % s.name
            assert s.tid in self.thread_names, "no thread_name for tid %d" % s.tid
            assert s.pid in self.process_names, "no process_name for pid %d" % s.pid
        assert len(self.gaps) == 0 or losses["total"] > 0, "gap markers without losses"
        self.check_nesting()
