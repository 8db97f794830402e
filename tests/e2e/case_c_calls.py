# SPDX-License-Identifier: GPL-2.0-only
"""--c-calls: C functions that Python code calls."""

from collections import Counter

from harness import case

ROUNDS = 40


def unseen(python):
    """Builds that are refused; where tests/unit/test_c_sites.c says so, too."""
    if python.minor < (3, 11):
        return "its handlers are not known"
    if "clang" in python.flavour or python.place.name == "trixie-3.13-embedded":
        return "its code does not show where C functions are called"
    return None


def seen(python):
    return None if unseen(python) else "not refused"


def by_caller(trace, text):
    """(who, what): how often, of C functions that functions of that text call."""
    result = Counter()
    for slices in trace.tracks().values():
        stack = []
        for s in slices:
            while stack and stack[-1].end <= s.start and not (
                    s.start == s.end == stack[-1].end and s.index < stack[-1].index):
                stack.pop()
            if s.file is None and stack and stack[-1].file == text:
                result[stack[-1].qualname, s.name] += 1
            stack.append(s)
    return result


@case(each=True, needs=unseen, exact=True)
def c_calls(context):
    """As many as sys.setprofile() tells of, each beneath the function that calls it."""
    target = context.target("c_calls.py", ROUNDS)
    tracer = context.attach(target, "--c-calls")
    truth = target.ask("go")
    trace = tracer.stop()
    assert not trace.lost, trace.lost
    want = Counter({(who, what): n for who, what, n in truth["calls"]})
    seen = by_caller(trace, truth["text"])
    assert seen == want, "missing %r\nmore %r" % (want - seen, seen - want)
    trace.check_nesting()


@case(each="ends", needs=unseen, exact=True)
def c_calls_by_name(context):
    """A GLOB keeps those that it fits, and all of them."""
    target = context.target("c_calls.py", 2)
    tracer = context.attach(target, "--c-calls=builtins.*", "--c-calls=list.a*")
    truth = target.ask("go")
    trace = tracer.stop()
    want = Counter({(who, what): n for who, what, n in truth["calls"]
                    if what.startswith(("builtins.", "list.a"))})
    got = by_caller(trace, truth["text"])
    assert got == want, "missing %r\nmore %r" % (want - got, got - want)


@case(each="ends", needs=seen)
def c_calls_refused(context):
    """An interpreter in which they are not seen: exit 4, before anything is traced."""
    target = context.target("spin.py")
    text = context.fails(4, "-p", target.pid, "--c-calls", "-o", context.path("out.json"))
    assert "--c-calls cannot see" in text and context.python.version in text, text
