# SPDX-License-Identifier: GPL-2.0-only
"""--follow: the processes that a target starts, or has started."""

import json
import os
import re
import signal
import time

import interpreters
from harness import Skip, case, text_differences, wait_until


def followed(context, *how, status=0):
    """Runs followed.py under --follow; returns what it said, and the trace."""
    script = context.script("followed.py")
    tracer = context.launch([context.python.path, script] + list(how), "--follow", status=status)
    return json.loads(tracer.stdout.text().splitlines()[-1]), tracer.trace(), tracer


def leaves(trace):
    """{pid: calls of leaf()}"""
    counts = {}
    for s in trace.slices:
        if s.qualname == "leaf":
            counts[s.pid] = counts.get(s.pid, 0) + 1
    return counts


def said(counts):
    return {int(pid): n for pid, n in counts.items() if n}


def assert_exact(trace, counts):
    trace.check_shape()
    assert trace.lost == 0
    assert leaves(trace) == said(counts), (leaves(trace), counts)
    assert set(said(counts)) <= set(trace.process_names), trace.process_names
    assert not trace.raw["vtbpf"].get("missed"), trace.raw["vtbpf"]["missed"]


def assert_children_begin(trace, pids):
    """Nothing of a forked child lies before its fork, and what the parent ran then is open in it."""
    for pid in pids:
        mine = [s for s in trace.slices if s.pid == pid]
        open_at_fork = [s for s in mine if s.open in ("start", "both")]
        assert open_at_fork and all(s.qualname != "leaf" for s in open_at_fork), (pid, open_at_fork)
        fork = min(s.start for s in open_at_fork)
        assert fork == min(s.start for s in mine), pid
        parents = [s for s in trace.slices if s.pid != pid and s.qualname == "<module>" and
                   s.file.endswith("followed.py") and s.start < fork < s.end and not s.open]
        assert len(parents) == 1, (pid, parents)


@case(each="minor", exact=True)
def follow_fork_pool(context):
    """multiprocessing, fork: all calls of each worker from the fork on, under its name."""
    facts, trace, _ = followed(context, "pool", "fork")
    assert_exact(trace, facts["counts"])
    assert_children_begin(trace, said(facts["counts"]))
    names = {trace.process_names[pid] for pid in said(facts["counts"])}
    assert all(re.fullmatch(r"ForkPoolWorker-\d", name) for name in names), names


@case(each="minor", exact=True)
def follow_spawn_pool(context):
    """multiprocessing, spawn: workers that execute the interpreter anew, from their first call on."""
    facts, trace, _ = followed(context, "pool", "spawn")
    assert_exact(trace, facts["counts"])
    for pid in said(facts["counts"]):
        assert not [s for s in trace.slices if s.pid == pid and s.open], pid


@case(each="minor", exact=True)
def follow_forkserver_pool(context):
    """multiprocessing, forkserver: a new interpreter, and its children."""
    facts, trace, _ = followed(context, "pool", "forkserver")
    assert_exact(trace, facts["counts"])


@case(exact=True)
def follow_futures(context):
    """concurrent.futures, by fork and by spawn."""
    for method in "fork", "spawn":
        facts, trace, _ = followed(context, "futures", method)
        assert_exact(trace, facts["counts"])


@case(each="minor", exact=True)
def follow_programs(context):
    """subprocess, a shell, posix_spawn, and exec after fork, of the same interpreter."""
    facts, trace, _ = followed(context, "programs")
    assert_exact(trace, facts["counts"])
    assert {trace.process_names[pid] for pid in said(facts["counts"])} == {facts["file"]}


@case(each="ends", exact=True)
def follow_shortest(context):
    """Children that have ended before vtbpf hears of them: their calls are theirs all the same."""
    facts, trace, _ = followed(context, "shortest")
    assert_exact(trace, facts["counts"])
    assert_children_begin(trace, said(facts["counts"]))
    assert all(s.tid == s.pid for s in trace.slices)


@case(each="minor", exact=True)
def follow_prefork_server(context):
    """-p of a server: workers that are there and one that comes, with threads; and it goes on until the
    last one has ended."""
    target = context.target("followed.py", "master")
    tracer = context.attach(target, "--follow")
    target.ask("more")
    counts = [target.ask("go") for _ in range(2)]
    total = {pid: sum(c[pid] for c in counts) for pid in counts[0]}
    target.tell("exit")
    target.wait()
    tracer.wait(0)
    trace = tracer.trace()
    assert_exact(trace, total)
    helpers = [name for name in trace.thread_names.values() if name.startswith("helper-")]
    assert len(helpers) == 4 * 2 * 2, trace.thread_names


@case()
def follow_not(context):
    """-p without --follow: none of the children is in the trace, and their code is untouched."""
    target = context.target("followed.py", "master")
    tracer = context.attach(target)
    target.ask("more")
    assert not any(text_differences(pid) for pid in target.facts["pids"])
    target.ask("go")
    trace = tracer.stop()
    assert {s.pid for s in trace.slices} == {target.pid}


@case()
def follow_says_whom_it_slows(context):
    """Another process of the same interpreter is slowed down, and the user told; not with --no-follow."""
    script = context.script("followed.py")
    other = context.target("control.py")
    said = re.compile(r"vtbpf: .*\b[1-9]\d* other process.* runs? \S+: while children are followed")
    tracer = context.launch([context.python.path, script, "pool", "fork"])
    assert said.search(tracer.text()), tracer.text()
    assert other.pid not in {s.pid for s in tracer.trace().slices}
    tracer = context.launch([context.python.path, script, "pool", "fork"], "--no-follow")
    assert not said.search(tracer.text()), tracer.text()
    assert other.alive() and not text_differences(other.pid)


@case()
def follow_leaves_no_trace(context):
    """After a trace that followed, nobody's code differs from its file."""
    target = context.target("followed.py", "master")
    tracer = context.attach(target, "--follow")
    more = target.ask("more")["pid"]
    target.ask("go")
    tracer.stop()
    for pid in target.facts["pids"] + [more, target.pid]:
        assert not text_differences(pid), pid
    assert target.ask("go")


def another(context):
    """An interpreter that a program of this one can start."""
    for python in context.everything:
        if python.minor in interpreters.SUPPORTED and python.minor != context.python.minor and \
                not python.place.root and not context.python.place.root:
            return python
    raise Skip("no other interpreter in the same root")


def follows_too(tracer, pid):
    wait_until(lambda: "traces %d, too" % pid in tracer.text_so_far(), "the trace of %d" % pid)


@case(each="ends")
def follow_another_interpreter(context):
    """Children that run another interpreter: one that is there, and one that comes once the probes are
    in its file, are exact; so is one that is not there long."""
    other = another(context)
    target = context.target("followed.py", "others")
    first = target.ask("start " + other.path)["pid"]
    tracer = context.attach(target, "--follow")
    follows_too(tracer, first)
    counts = target.ask("go")
    quick = target.ask("now " + other.path)
    target.ask("start " + other.path)
    for pid, n in list(target.ask("go").items()) + [quick]:
        counts[str(pid)] = counts.get(str(pid), 0) + n
    target.tell("exit")
    target.wait()
    tracer.wait(0)
    trace = tracer.trace()
    assert_exact(trace, counts)
    assert not [s for s in trace.slices if s.pid == quick[0] and s.open]
    assert [s for s in trace.slices if s.pid == first and s.qualname == "serve"][0].open
    assert len(trace.raw["vtbpf"]["targets"]) == 2, trace.raw["vtbpf"]["targets"]
    names = {trace.process_names[int(pid)] for pid in counts}
    assert names == {context.script("followed.py")}, names


@case()
def follow_another_interpreter_at_once(context):
    """The first child of another interpreter, which is gone before the probes are in or not: it is
    traced from some moment on, or named as missed."""
    other = another(context)
    tracer = context.launch([context.python.path, context.script("followed.py"), "run", other.path])
    trace = tracer.trace()
    trace.check_shape()
    missed = trace.raw["vtbpf"].get("missed", [])
    traced = {s.pid for s in trace.slices}
    assert len(traced | {child["pid"] for child in missed}) == 2, (traced, missed)
    assert len(missed) == 1 and missed[0]["ppid"] in traced, (traced, missed)
    for child in missed:
        assert child["comm"].startswith("python"), missed
        if child["pid"] in traced:
            late = re.fullmatch(r"its first (\d+) ms are missing: .*", child["reason"])
            assert late and "process %d runs an interpreter that none ran before: it is traced from " \
                "%s ms after" % (child["pid"], late[1]) in tracer.text(), (missed, tracer.text())
            continue
        assert "process %d (%s) is not traced" % (child["pid"], child["comm"]) in tracer.text()


@case()
def follow_another_interpreter_to_a_capture(context):
    """The capture that is the output has all of them."""
    other = another(context)
    target = context.target("followed.py", "others")
    first = target.ask("start " + other.path)["pid"]
    tracer = context.attach(target, "--follow", out="out.vtb")
    follows_too(tracer, first)
    counts = target.ask("go")
    tracer.send(signal.SIGINT)
    tracer.wait(0)
    out = context.path("out.json")
    converted = context.command("convert", context.path("out.vtb"), "-o", out, out=out).wait(0)
    assert_exact(converted.trace(), counts)
    assert sorted(os.listdir(context.tmp)) == ["out.json", "out.vtb"], os.listdir(context.tmp)


@case()
def follow_what_cannot_be_traced(context):
    """A child whose interpreter is not known: named, with the reason, and so is the next one."""
    old = [python for python in context.everything
           if python.minor < interpreters.SUPPORTED[0] and not python.place.root]
    if not old or context.python.place.root:
        raise Skip("no unsupported interpreter in the same root")
    code = "import subprocess, sys\nfor _ in range(2):\n    subprocess.check_call(sys.argv[1:])"
    tracer = context.launch([context.python.path, "-c", code, old[0].path, "-c",
                             "import time; time.sleep(1)"])
    missed = tracer.trace().raw["vtbpf"].get("missed", [])
    assert len({child["pid"] for child in missed}) == len(missed) == 2, missed
    for child in missed:
        line = "process %d (%s) is not traced: %s" % (child["pid"], child["comm"], child["reason"])
        assert line in tracer.text(), (line, tracer.text())
    reason = missed[1]["reason"]  # the first may have ended before it was known
    assert re.search(r"cannot be traced: it is CPython \d.*3\.8|ended before", reason), missed


@case()
def follow_events(context):
    """Collections and marks of children, also of another interpreter."""
    other = another(context)
    target = context.target("followed.py", "others")
    first = target.ask("start " + other.path)["pid"]
    tracer = context.attach(target, "--follow", "--gc")
    follows_too(tracer, first)
    pids = [first] + [target.ask("start " + path)["pid"] for path in (context.python.path, other.path)]
    target.ask("mark")
    counts = target.ask("go")
    trace = tracer.stop()
    assert_exact(trace, counts)
    events = trace.events
    marks = sorted((e["pid"], e["tid"], e["name"]) for e in events if e.get("cat") == "mark")
    assert marks == sorted((pid, pid, "of %d" % pid) for pid in pids), marks
    for pid in pids:
        collections = [e for e in events if e.get("cat") == "gc" and e["pid"] == pid]
        assert 2 in [e["args"]["generation"] for e in collections], (pid, collections)


@case(each="ends")
def follow_several(context):
    """Several -p, one of them a child of another: each is traced once, with its descendants."""
    targets = [context.target("followed.py", "master") for _ in range(2)]
    worker = targets[1].facts["pids"][0]
    out = context.path("out.json")
    tracer = context.command("-p", targets[0].pid, "-p", worker, "-p", targets[1].pid, "--follow",
                             "-o", out, out=out)
    for pid in targets[0].pid, worker, targets[1].pid:
        tracer.wait_tracing(pid)
    counts = {}
    for target in targets:
        target.ask("more")
        counts.update(target.ask("go"))
        target.tell("exit")
        target.wait()
    tracer.wait(0)
    assert_exact(tracer.trace(), counts)


@case()
def follow_several_interpreters(context):
    """-p of two processes that run different interpreters."""
    other = another(context)
    targets = [context.target("followed.py", "master", python=python)
               for python in (context.python, other)]
    out = context.path("out.json")
    tracer = context.command("-p", targets[0].pid, "-p", targets[1].pid, "--follow", "-o", out,
                             out=out)
    for target in targets:
        tracer.wait_tracing(target.pid)
    counts = {}
    for target in targets:
        target.ask("more")
        counts.update(target.ask("go"))
    assert_exact(tracer.stop(), counts)


@case()
def follow_matching(context):
    """--match: servers that are there and one that comes; their children fit as well."""
    name = "a-server-to-match"
    servers = [context.target("followed.py", "master", name) for _ in range(2)]
    out = context.path("out.json")
    tracer = context.command("--match", "*%s*" % name, "--follow", "-o", out, out=out)
    for _ in range(2):
        tracer.wait_tracing_any()
    servers.append(context.target("followed.py", "master", name))
    tracer.wait_tracing(servers[2].pid)
    counts = {}
    for server in servers:
        server.ask("more")
        counts.update(server.ask("go"))
    assert_exact(tracer.stop(), counts)


@case()
def follow_exec(context):
    """The target becomes another Python program: the trace goes on to its end."""
    target = context.target("followed.py", "master")
    tracer = context.attach(target, "--follow")
    target.tell("exec")
    target.wait()
    tracer.wait(0)
    trace = tracer.trace()
    trace.check_shape()
    assert leaves(trace)[target.pid] == 70, leaves(trace)


@case()
def follow_leaves_one_behind(context):
    """-- PROGRAM ends though its child goes on: the child is named, its calls are there, the status is
    the program's."""
    facts, trace, tracer = followed(context, "leave", status=7)
    try:
        assert "process %d goes on" % facts["pid"] in tracer.text(), tracer.text()
        assert leaves(trace)[facts["pid"]] >= 5, leaves(trace)
        wait_until(lambda: not text_differences(facts["pid"]), "the probes' end")
    finally:
        os.kill(facts["pid"], signal.SIGKILL)


@case()
def follow_ignores_threads(context):
    """--ignore-thread means threads of the children, too."""
    target = context.target("followed.py", "master")
    tracer = context.attach(target, "--follow", "--ignore-thread", "helper-*")
    counts = target.ask("go")
    trace = tracer.stop()
    assert_exact(trace, {pid: n // 3 for pid, n in counts.items()})


@case()
def follow_after_ctrl_c(context):
    """Ctrl-C ends it for all of them."""
    target = context.target("followed.py", "master")
    tracer = context.attach(target, "--follow")
    counts = target.ask("go")
    time.sleep(0.1)
    assert_exact(tracer.stop(), counts)


@case()
def follow_of_what(context):
    """With what it does not go."""
    for options in ["--hz", "100"], ["--sample-rate", "0.5"], ["--tracer-entries", "9"], \
            ["--rotate", "5"]:
        context.fails(2, "-p", "1", "--follow", *options)
