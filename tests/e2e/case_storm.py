# SPDX-License-Identifier: GPL-2.0-only
"""Storms of short threads: each is known by its name from its first call on."""

import collections

from harness import Skip, case

MAKERS = 4
CUT = 1000  # characters of a name that are compared


def storm(context, count, *options):
    target = context.target("storm.py", count, MAKERS)
    tracer = context.attach(target, *options)
    truth = target.ask("go")["threads"]
    assert len(truth) == count + 34
    trace = tracer.stop()
    assert trace.lost == 0, trace.lost
    return target.facts["file"], truth, trace


def check(file, truth, trace):
    """No event of noise, all of work, each with the name, tid and ident that threading knows. Ids come
    round again in such a storm: then several threads share one."""
    wanted, jobs = collections.Counter(), collections.Counter()
    for tid, ident, name, _ in truth:
        if not name.startswith("noise"):
            jobs[tid] += 1
            wanted[tid, ident, name[:CUT]] += 1
    counts = trace.counts(file)
    assert {tid: c["job"] for tid, c in counts.items() if c["job"]} == jobs
    assert {tid: c["leaf"] for tid, c in counts.items() if c["leaf"]} == \
        {tid: 3 * n for tid, n in jobs.items()}
    shown = trace.raw["vtbpf"]["threads"]
    noise = [t for t in shown if t.get("name", "").startswith("noise")]
    assert not [t for t in noise if t["calls"]], "ignored threads with events"
    assert not [n for n in trace.thread_names.values() if n.startswith("noise")]
    got = {(t["tid"], int(t.get("ident", "0"), 16), t.get("name", "")[:CUT]) for t in shown
           if t["calls"]}
    missing = sorted(set(wanted) - got)
    assert not missing, "%d threads misnamed: %r, of which there is %r" % (
        len(missing), missing[:3], [t for t in shown if t["tid"] in {m[0] for m in missing[:3]}])


@case(each="minor")
def ignored_storm(context):
    """10,000 short threads, half of them ignored by name: not one event of these, all of the others."""
    check(*storm(context, 10000, "--ignore-thread", "noise*"))


@case(each="minor")
def only_storm(context):
    """The same with --only-thread."""
    check(*storm(context, 2000, "--only-thread", "work*"))


@case(each="minor")
def storm_beyond_the_buffer(context):
    """In a buffer that is far too small calls are lost, but none of an ignored thread gets through."""
    target = context.target("storm.py", 2000, MAKERS)
    tracer = context.attach(target, "--ignore-thread", "noise*", "--buffer-size", "16k")
    truth = target.ask("go")["threads"]
    trace = tracer.stop()
    names = {}
    for tid, _, name, _ in truth:
        names.setdefault(tid, set()).add(name[:5])
    only_noise = {tid for tid, kinds in names.items() if kinds == {"noise"}}
    made = sum(not name.startswith("noise") for _, _, name, _ in truth)
    got = trace.counts(target.facts["file"])
    leaked = [tid for tid in only_noise if got[tid]["job"] + got[tid]["leaf"]]
    assert not leaked, "%d ignored threads have events: %r" % (len(leaked), [
        t for t in trace.raw["vtbpf"]["threads"] if t["tid"] in leaked[:2]])
    jobs = sum(c["job"] for c in got.values())
    assert jobs <= made and jobs + trace.lost >= made, (jobs, trace.lost, made)
    print("      %d of %d jobs seen, %d calls lost" % (jobs, made, trace.lost))


@case(each="minor")
def renamed_threads(context):
    """A thread that gets an ignored name late is ignored wholly, however short it is; and so is one that
    had such a name once."""
    target = context.target("rename.py")
    tracer = context.attach(target, "--ignore-thread", "noise-*")
    tids = target.ask("go")["threads"]
    trace = tracer.stop()
    jobs = {tid: c["job"] for tid, c in trace.counts(target.facts["file"]).items() if c["job"]}
    assert sorted(jobs) == sorted([tids["work"], tids["steady"]]), (jobs, tids)
    assert jobs[tids["work"]] == 6
    assert trace.thread_names[tids["work"]] == "work-on", trace.thread_names
    assert target.facts["tid"] not in {s.tid for s in trace.slices}


@case()
def reused_thread_ids(context):
    """A thread with the kernel id of an ignored one before it is not taken for that one."""
    target = context.target("reuse.py")
    tracer = context.attach(target, "--ignore-thread", "noise-*")
    truth = target.ask("go")
    if not truth["reused"]:
        raise Skip("thread ids cannot be set by way of ns_last_pid here")
    trace = tracer.stop()
    assert trace.lost == 0
    wanted, shown = collections.Counter(), collections.Counter()
    for tid, ident, name, calls in truth["threads"]:
        if not name.startswith("noise"):
            wanted[tid, ident, name] += calls
    for t in trace.raw["vtbpf"]["threads"]:
        if t["calls"] and (t["tid"], int(t["ident"], 16), t["name"]) in wanted:
            shown[t["tid"], int(t["ident"], 16), t["name"]] += t["calls"]
    assert set(shown) == set(wanted), (wanted, trace.raw["vtbpf"]["threads"])
    assert trace.counts(target.facts["file"])[truth["tid"]]["job"] >= 40 + 60 + 7
    jobs = sum(calls for _, _, name, calls in truth["threads"] if not name.startswith("noise"))
    assert sum(c["job"] for c in trace.counts(target.facts["file"]).values()) == jobs
