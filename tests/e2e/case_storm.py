# SPDX-License-Identifier: GPL-2.0-only
"""Storms of short threads: each is known by its name from its first call on."""

import collections

from harness import case

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
