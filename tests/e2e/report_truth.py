# SPDX-License-Identifier: GPL-2.0-only
"""What `vtbpf convert` ought to leave of a Chrome trace, computed the plain way, all in memory."""

import collections
import fnmatch
import gzip
import json
import re

from tracefile import _to_ns

_FUNCTION = re.compile(r"(.*?) \((.*):([0-9]+)\)", re.S)


def load(path):
    """The trace with its numbers as they stand: times are compared to the digit."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as f:
        return json.load(f, parse_float=str)


def calls_of(trace):
    return [e for e in trace["traceEvents"] if e["ph"] == "X" and e.get("cat") != "vtbpf"]


class Filter:
    """The options of convert that concern functions, as keyword arguments."""

    def __init__(self, ignore=(), only=(), include=(), exclude=(), cut=False, depth=None, duration=0):
        self.ignore, self.only, self.include, self.exclude = ignore, only, include, exclude
        self.cut, self.depth, self.duration = cut, depth, duration

    def options(self):
        result = []
        for option, values in (("--ignore-function", self.ignore), ("--only-function", self.only),
                               ("--include-files", self.include), ("--exclude-files", self.exclude)):
            for value in values:
                result += [option, value]
        if self.cut:
            result.append("--cut")
        if self.depth is not None:
            result += ["--max-stack-depth", str(self.depth)]
        if self.duration:
            result += ["--min-duration", "%dns" % self.duration]
        return result

    def _bad_file(self, file):
        def fits(patterns):
            return any(fnmatch.fnmatchcase(file, p) if set(p) & set("*?[") else file.startswith(p)
                       for p in patterns)
        return bool(self.include and not fits(self.include)) or fits(self.exclude)

    def _judge(self, name, caller_bad):
        """(hidden, cuts, bad file) of a call, whatever lies above it but for its caller's file."""
        match = _FUNCTION.fullmatch(name)
        name, file = (match[1], match[2]) if match else (name, None)

        def fits(globs):
            return any(fnmatch.fnmatchcase(name, g) or
                       fnmatch.fnmatchcase("%s:%s" % (file or "", name), g) for g in globs)

        ignored = fits(self.ignore)
        bad = self._bad_file(file) if file is not None else bool(self.include) and caller_bad
        hidden = ignored or bad or bool(self.only and not fits(self.only))
        return hidden, ignored or (bad and self.cut and file is not None), bad

    def calls(self, trace):
        """The calls that stay, in their order."""
        tracks = collections.defaultdict(list)
        kept = set()
        events = calls_of(trace)
        for index, e in enumerate(events):
            start, length = _to_ns(str(e["ts"])), _to_ns(str(e["dur"]))
            tracks[e["pid"], e["tid"]].append((start, -(start + length), -index))
        for track in tracks.values():
            stack = []  # (start, end, cut, bad file)
            for start, end, index in sorted(track):
                end, index = -end, -index
                while stack and not (end <= stack[-1][1] and
                                     (start < stack[-1][1] or start == stack[-1][0])):
                    stack.pop()
                cut, bad = stack[-1][2:] if stack else (False, False)
                hidden, cuts, bad = self._judge(events[index]["name"], bad)
                if not cut and not hidden and end - start >= self.duration and \
                        (self.depth is None or len(stack) < self.depth):
                    kept.add(index)
                stack.append((start, end, cut or cuts, bad))
        return [e for index, e in enumerate(events) if index in kept]
