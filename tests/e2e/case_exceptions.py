# SPDX-License-Identifier: GPL-2.0-only
"""--exceptions: each one where it is raised and where it is caught."""

import collections
import json
import re

import packages
import tracefile
from harness import case, clean_env

NAME = re.compile(r"(.*) \((.*):(\d+)\)$")
NO_TABLE = "no computed gotos"


def exceptions_of(trace):
    return [e for e in trace.events if e.get("cat") == "exception"]


def check_form(event):
    kind, type_name = event["name"].split(" - ", 1)
    assert event["ph"] == "i" and event["s"] == "t", event
    assert event["args"]["type"] == type_name, event
    allowed = {"Exception": {"type", "message", "in", "line"}, "caught": {"type", "in", "unwound"}}
    assert set(event["args"]) - {"tid"} <= allowed[kind], event
    assert set(event["args"]) >= allowed[kind] - {"message"}, event


def told(event):
    """The event as the target tells it: its function without the class or function around it."""
    args = event["args"]
    name = NAME.match(args["in"]).group(1)
    if event["name"].startswith("caught"):
        return ("caught", args["type"], None, name, args["unwound"])
    return ("raised", args["type"], args.get("message"), name, args["line"])


def shows_no_ends(python):
    return "refused there" if NO_TABLE in python.flavour else None


def launched(context, rounds, *options):
    """Runs the program; what it says, and the trace."""
    output = context.path("said.json")
    with open(output, "w") as out:
        tracer = context.launch([context.python.path, context.script("exceptions.py"), str(rounds)],
                                *options, stdout=out)
    with open(output) as said:
        facts = json.loads(said.read().splitlines()[-1])
    trace = tracefile.Trace(tracer.out)
    trace.check_shape()
    return facts, trace


def of_files(trace, *files):
    return [e for e in exceptions_of(trace) if NAME.match(e["args"]["in"]).group(2) in files]


def count_by_thread(trace, files):
    found = collections.defaultdict(collections.Counter)
    for event in of_files(trace, *files):
        check_form(event)
        found[trace.thread_names[event["tid"]]][told(event)] += 1
    return found


def as_counted(events, rounds=1):
    return collections.Counter(tuple(event) for event in events * rounds)


def compare(found, expected, what):
    missing, extra = expected - found, found - expected
    assert not missing and not extra, "%s: missing %s, extra %s" % (what, missing, extra)


@case(each=True, needs=shows_no_ends, exact=True)
def exceptions(context):
    """Every exception that a program raises and catches: type, message, function, line, frames left."""
    rounds = 20
    facts, trace = launched(context, rounds, "--exceptions")
    found = count_by_thread(trace, facts["files"])
    for thread in range(facts["threads"]):
        name = "raiser-%d" % thread
        compare(found.pop(name), as_counted(facts["by_threads"], rounds), name)
    compare(found.pop("leaver"), as_counted(facts["by_leaver"]), "leaver")
    main = found.pop("MainThread")
    for key in [k for k in main if k[1] == "GeneratorExit"]:
        del main[key]  # by close()
    compare(main, as_counted(facts["by_main"], rounds), "main")
    assert not found, found


@case(each="minor", exact=True)
def exceptions_are_refused(context):
    """Where they could not be told of rightly, by name, and with what to do."""
    if shows_no_ends(context.python):
        text = context.fails(4, "--exceptions", "-o", context.path("o.json"), "--",
                             context.python.path, "-c", "pass")
        assert "leave out --exceptions" in text and context.python.version in text, text


@case(each="ends", needs=shows_no_ends, exact=True)
def exceptions_in_their_calls(context):
    """The instants lie in the calls that they name. What threads and functions that are ignored raise,
    is not there; what is not asked for, neither."""
    facts, trace = launched(context, 3, "--exceptions", "--ignore-thread", "raiser-1",
                            "--ignore-function", "nested")
    spans = collections.defaultdict(list)
    for s in trace.slices:
        spans[s.tid, s.qualname].append((s.start, s.end))
    events = of_files(trace, *facts["files"])
    for event in events:
        name = NAME.match(event["args"]["in"]).group(1)
        at = event["ts"]
        assert any(a <= at <= b for a, b in spans[event["tid"], name]), event
    for name in ("raiser-0", "raiser-2"):
        want = [e for e in facts["by_threads"] if e[3] != "nested"]
        compare(count_by_thread(trace, facts["files"])[name], as_counted(want, 3), name)
    assert "raiser-1" not in {trace.thread_names.get(e["tid"]) for e in exceptions_of(trace)}
    _, trace = launched(context, 1)
    assert not exceptions_of(trace)


@case(each="ends", needs=shows_no_ends, exact=True)
def exceptions_of_children(context):
    """Those of a forked and of an executed child, whose interpreter lies elsewhere, are their own."""
    code = ("import os, subprocess, sys, time\n"
            "def fails(text):\n"
            "    try:\n"
            "        raise LookupError(text)\n"
            "    except LookupError:\n"
            "        pass\n"
            "if len(sys.argv) > 1:\n"
            "    fails(sys.argv[1])\n"
            "    time.sleep(1)\n"
            "    sys.exit()\n"
            "fails('parent')\n"
            "child = os.fork()\n"
            "if not child:\n"
            "    fails('forked')\n"
            "    time.sleep(1)\n"
            "    os._exit(0)\n"
            "os.waitpid(child, 0)\n"
            "subprocess.check_call([sys.executable, __file__, 'executed'])\n")
    script = context.path("family.py")
    with open(script, "w") as f:
        f.write(code)
    trace = context.launch([context.python.path, script], "--exceptions").trace()
    by_pid = collections.defaultdict(list)
    for event in exceptions_of(trace):
        if event["args"]["type"] == "LookupError":
            by_pid[event["pid"]].append(event["args"].get("message"))
    assert sorted(by_pid.values(), key=str) == \
        [["executed", None], ["forked", None], ["parent", None]], by_pid


@case(each="ends", needs=shows_no_ends, exact=True)
def exceptions_of_greenlets(context):
    """What a greenlet raises lies on its track; who catches it is another one."""
    env = clean_env(PYTHONPATH=packages.site(context, "greenlet"))
    target = context.target("green.py", env=env)
    tracer = context.attach(target, "--exceptions")
    target.ask("go")
    trace = tracer.stop()
    file, tid = target.facts["file"], target.facts["tid"]
    tracks = {s.tid for s in trace.of_file(file) if s.qualname == "raising"}
    events = of_files(trace, file)
    raised = [e for e in events if e["name"] == "Exception - ValueError"]
    caught = [e for e in events if e["name"] == "caught - ValueError"]
    assert len(raised) == len(caught) == 20, (len(raised), len(caught))
    for event in raised:
        assert event["tid"] in tracks and event["args"].get("tid", tid) == tid, (event, tracks)
        assert event["args"]["message"] == "out of a greenlet", event
    assert {e["tid"] for e in caught} == {tid} and tid not in tracks, (caught[0], tracks)
    assert {e["args"]["unwound"] for e in caught} == {1}, caught
