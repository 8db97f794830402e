# SPDX-License-Identifier: GPL-2.0-only
"""What is no call, on the same timeline."""

from collections import Counter

from harness import case


def of_category(trace, category):
    return [e for e in trace.events if e.get("cat") == category]


def as_counted(events):
    return [(e["tid"], e["args"]["generation"], e["args"]["collected"]) for e in events]


@case(each=True, exact=True)
def collections(context):
    """Each one that the interpreter counts, on its thread, with what gc.collect() returns."""
    target = context.target("collect.py")
    tracer = context.attach(target, "--gc")
    truth = target.ask("go")
    trace = tracer.stop()
    seen = as_counted(of_category(trace, "gc"))
    told = [tuple(one) for one in truth["callbacks"]]
    assert Counter(seen) == Counter(told), (seen, told)
    counts = Counter(generation for _, generation, _ in seen)
    assert [counts[g] for g in range(3)] == truth["counts"], (counts, truth["counts"])
    assert len({tid for tid, _, _ in seen}) > 1 or context.python.free_threaded, seen
    asked = [list(one[1:]) for one in seen if one[0] == target.pid][-len(truth["returned"]):]
    assert asked == truth["returned"], (asked, truth["returned"])
    trace.check_nesting()


@case(each="minor", exact=True)
def collections_from_the_start(context):
    """Of a program that is started, those before its first line too: gc.get_stats() in all."""
    code = ("import gc, sys; [gc.collect(g) for g in (2, 0, 1)]; gc.disable(); "
            "print(*[s['collections'] for s in gc.get_stats()])")
    tracer = context.launch([context.python.path, "-c", code], "--gc", "-q",
                            out="start.json")
    counts = [int(word) for word in tracer.stdout.text().split()]
    seen = Counter(e["args"]["generation"] for e in of_category(tracer.trace(), "gc"))
    # Those when the interpreter ends are of the oldest generation.
    assert [seen[0], seen[1]] == counts[:2] and seen[2] >= counts[2], (seen, counts)


@case(each="minor", exact=True)
def no_collections_unasked(context):
    target = context.target("collect.py")
    tracer = context.attach(target)
    target.ask("go")
    assert not of_category(tracer.stop(), "gc")


@case(each=True, exact=True)
def marks(context):
    """sys.audit("vtbpf.mark", NAME): an instant of the thread, whatever the name is made of."""
    target = context.target("marks.py")
    tracer = context.attach(target)
    target.ask("go")
    trace = tracer.stop()
    seen = of_category(trace, "mark")
    names = [e["name"] for e in seen]
    assert names[:5] == ["plain", "", "grüß", "监控" * 700, "\U0001f40d"], names[:5]
    assert names[5] == "\ufffdlone" and names[6] == 'quote" \\ \n\x00\x1b', names[5:7]
    assert names[7] == "x" * 60000
    assert names[8:28] == ["step %d" % i for i in range(20)], names[8:28]
    assert names[28:] == ["derived", "step 99"], names[28:]
    assert all(e["ph"] == "i" and e["s"] == "t" for e in seen)
    assert {e["tid"] for e in seen[:29]} == {target.pid} and seen[29]["tid"] != target.pid
    steps = sorted((s for s in trace.slices if s.qualname == "step"), key=lambda s: s.start)
    for mark, call in zip(seen[8:28], steps):
        assert call.start <= mark["ts"] <= call.end, (mark, call)


@case(exact=True)
def marks_of_ignored_threads(context):
    target = context.target("marks.py")
    tracer = context.attach(target, "--ignore-thread", "MainThread")
    target.ask("go")
    assert [e["name"] for e in of_category(tracer.stop(), "mark")] == ["step 99"]


@case()
def gc_is_refused_where_it_cannot_be(context):
    text = context.fails(2, "--gc", "--hz", "100", "-p", "1")
    assert "--gc" in text
