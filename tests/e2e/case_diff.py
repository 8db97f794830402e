# SPDX-License-Identifier: GPL-2.0-only
"""vtbpf diff: finds the one function that takes 10 % longer, and accuses nobody else."""

import json
import os
import subprocess

from harness import case


TIMED = {"parse", "render", "store", "check", "load"}


def diff(context, *args, status=0):
    done = subprocess.run([context.vtbpf, "diff"] + list(args), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    assert done.returncode == status, done.stderr.decode()
    return done.stdout.decode()


def record(context, name, *args, script=None, options=()):
    context.launch([context.python.path, script or context.script("regress.py")] + list(args),
                   *options, out=name)
    return context.path(name)


def verdicts(said, *kinds):
    return {f["name"]: f["verdict"] for f in said["functions"] if f["verdict"] in kinds}


def moved(context):
    """The same script elsewhere, its functions some lines down."""
    os.mkdir(context.path("next"))
    path = os.path.join(context.path("next"), "regress.py")
    with open(context.script("regress.py"), encoding="utf-8") as source, \
            open(path, "w", encoding="utf-8") as copy:
        copy.write("# moved\n\n\n" + source.read())
    return path


@case(each="minor")
def diff_planted(context):
    """10 % in one function, in a checkout of its own: that one is slower, its caller is not."""
    script = moved(context)
    for _ in range(5):  # on a machine that is busy meanwhile, less can be told
        before = record(context, "before.vtb", "none", "1")
        after = record(context, "after.vtb", "store", "1.1", script=script)
        said = json.loads(diff(context, before, after, "--json"))
        if "store" in verdicts(said, "slower"):
            break
    found = verdicts(said, "slower", "faster")
    assert found.get("store") == "slower" and found.keys() & TIMED == {"store"}, said["functions"]
    entry = next(f for f in said["functions"] if f["name"] == "store")
    assert 7 < entry["change_percent"] < 13 and entry["confidence"] > 0.99, entry
    assert entry["before"]["calls"] == entry["after"]["calls"] == 400
    assert 600e3 <= entry["before"]["self_p50_ns"] < 660e3 <= entry["after"]["self_p50_ns"], entry
    assert verdicts(said, "new", "gone") == {"appears": "new", "vanishes": "gone"}
    assert next(f for f in said["functions"] if f["name"] == "appears")["before"] is None
    text = diff(context, before, after)
    assert " slower, " in text.splitlines()[0] and "1 new, 1 gone (" in text.splitlines()[0], text
    assert "next/regress.py" in text.split("store (")[1], text
    back = json.loads(diff(context, after, before, "--json"))
    assert verdicts(back, "slower", "faster").get("store") == "faster", back["functions"]


@case(each="minor")
def diff_noise(context):
    """The same program twice, and one call of two where there was one."""
    before = record(context, "before.vtb", "none", "1")
    again = record(context, "again.vtb", "none", "1")
    said = json.loads(diff(context, before, again, "--json"))
    # What takes a certain time is not accused; the rest is as unsteady as the machine.
    assert not verdicts(said, "slower", "faster").keys() & TIMED, said["functions"]
    assert diff(context, before, before).startswith("no function changed ("), said["functions"]
    often = record(context, "often.vtb", "often", "1")
    said = json.loads(diff(context, before, often, "--json"))
    assert not verdicts(said, "slower", "faster").keys() & TIMED, said["functions"]
    changed = {f["name"] for f in said["functions"] + said["unchanged"] if f.get("calls_changed")}
    assert changed == {"check"}, changed
    text = diff(context, before, often)
    assert "400 -> 800" in text.split("CALLED MORE OR LESS OFTEN")[1], text


@case()
def diff_forms(context):
    """Several runs, JSON for captures, folded stacks, files that are not to be had."""
    paths = {}
    for name, function in (("b1", "none"), ("b2", "none"), ("a1", "parse"), ("a2", "parse")):
        paths[name] = record(context, name + ".vtb", function, "2")
        context.command("convert", paths[name], "-o", context.path(name + ".json.gz")).wait(0)
    several = ["--", paths["a1"], context.path("a2.json.gz"), "--json"]
    said = json.loads(diff(context, paths["b1"], paths["b2"], *several))
    assert verdicts(said, "slower").get("parse") == "slower", said["functions"]
    assert [os.path.basename(p) for p in said["after"]] == ["a1.vtb", "a2.json.gz"]
    folded = context.path("change.folded")
    diff(context, paths["b1"], paths["a1"], "-o", folded)
    sums = {}
    with open(folded, encoding="utf-8") as f:
        for line in f:
            stack, before, after = line.rstrip("\n").rsplit(" ", 2)
            leaf = stack.split(";")[-1].split(" (")[0]
            sums[leaf] = [x + int(y) for x, y in zip(sums.get(leaf, (0, 0)), (before, after))]
    values = {f["name"]: f for f in said["functions"] + said["unchanged"]}
    assert values["parse"]["before"]["calls"] == 400
    one = json.loads(diff(context, paths["b1"], paths["a1"], "--json"))
    for f in one["functions"] + one["unchanged"]:
        if f["name"] in ("parse", "store", "appears", "vanishes"):
            wanted = [f[side]["self_ns"] if f[side] else 0 for side in ("before", "after")]
            assert sums[f["name"]] == wanted, (f, sums[f["name"]])
    diff(context, paths["b1"], status=2)
    diff(context, paths["b1"], paths["a1"], "-o", context.path("x.pftrace"), status=2)
    diff(context, paths["b1"], context.path("nothing.vtb"), status=1)
    diff(context, paths["b1"], paths["a1"], "--ignore-function", "parse", "-o",
         context.path("less.json"))
    with open(context.path("less.json"), encoding="utf-8") as f:
        # What is left out is its caller's.
        assert verdicts(json.load(f), "slower").keys() & {"handle", "parse"} == {"handle"}


@case()
def diff_hostile(context):
    """What names do to a terminal, to a line, to JSON."""
    name = "\x1b[31mevil\n\u202e;x \"\\"
    for side, duration in (("before", 100), ("after", 200)):
        events = [{"ph": "X", "cat": "FEE", "pid": 1, "tid": 1, "ts": 1000 * i, "dur": duration,
                   "name": "%s (/a.py:1)" % name} for i in range(100)]
        with open(context.path(side + ".json"), "w", encoding="utf-8") as f:
            json.dump({"traceEvents": events}, f)
    inputs = [context.path("before.json"), context.path("after.json")]
    text = diff(context, *inputs)
    assert "\x1b" not in text and "\u202e" not in text and "\\x1b[31mevil\\x0a" in text, text
    said = json.loads(diff(context, *inputs, "--json"))
    assert [(f["name"], f["verdict"]) for f in said["functions"]] == [(name, "slower")], said
    diff(context, *inputs, "-o", context.path("x.folded"))
    with open(context.path("x.folded"), encoding="utf-8") as f:
        lines = f.read().splitlines()
    assert len(lines) == 1 and lines[0].count(";") == 1 and lines[0].endswith(" 10000000 20000000")
