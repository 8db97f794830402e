# SPDX-License-Identifier: GPL-2.0-only
"""--args: what functions are called with."""

import signal

import formats
import tracefile
from harness import case, clean_env

ASKED = ("one", "many", "in_cells", "changed", "without", "Thing.*", "generated", "awaited", "deep", "wide",
         "in_thread")
OPTIONS = [word for glob in ASKED for word in ("--args", "*/arguments.py:" + glob)]


def plain(qualname):
    """Up to 3.10 a code object has no qualified name."""
    return qualname.rpartition(".")[2]


def shown(trace, file):
    """What each call shows, in order of their begins, by thread."""
    calls = [s for s in trace.slices if s.file == file and "func_args" in s.args]
    calls.sort(key=lambda s: s.start)
    return [[plain(s.qualname), s.args["func_args"]] for s in calls]


def expected(truth, names):
    """Of what was told; a function without parameters shows none."""
    return [[plain(name), values] for name, values in truth if values and plain(name) in names]


NAMES = [plain(glob) for glob in ASKED if "*" not in glob] + ["method", "of_class"]


def options_of(context):
    old = context.python.minor < (3, 11)
    more = ["--args", "*/arguments.py:method", "--args", "*/arguments.py:of_class"]
    return OPTIONS + more * old


@case(each=True, exact=True)
def arguments(context):
    """Each call that was asked for, from the first on, says what the function itself was given."""
    target = context.target("arguments.py")
    tracer = context.attach(target, *options_of(context))
    truth = target.ask("go")["told"]
    trace = tracer.stop()
    seen, told = shown(trace, target.facts["file"]), expected(truth, NAMES)
    for mine, yours in zip(seen, told):
        assert mine == yours, (mine, yours)
    assert len(seen) == len(told), (len(seen), len(told))
    others = [s for s in trace.slices if "func_args" in s.args and s.file != target.facts["file"]]
    assert not others, others[:3]
    trace.check_nesting()


@case(each="ends", exact=True)
def arguments_by_older_ways_to_attach(context):
    target = context.target("arguments.py")
    tracer = context.attach(target, *options_of(context), env=clean_env(VTBPF_ATTACH="cookies"))
    truth = target.ask("go")["told"]
    assert shown(tracer.stop(), target.facts["file"]) == expected(truth, NAMES)


@case(each="ends", exact=True)
def arguments_of_what_the_filters_leave(context):
    """Neither a call that is left out nor what it leaves behind shows up elsewhere."""
    target = context.target("arguments.py")
    tracer = context.attach(target, *options_of(context), "--ignore-function", "one",
                            "--ignore-function", "*in_thread", "--max-stack-depth", "6")
    truth = target.ask("go")["told"]
    trace = tracer.stop()
    seen = shown(trace, target.facts["file"])
    names = [name for name in NAMES if name not in ("one", "in_thread", "deep", "awaited")]
    assert [s for s in seen if s[0] != "deep"] == expected(truth, names)
    deep = [s for s in seen if s[0] == "deep"]
    assert 0 < len(deep) < 6 and deep == expected(truth, ["deep"])[:len(deep)], deep


IN_PERFETTO = ("select s.name, a.key, a.string_value from slice s join args a using (arg_set_id) "
               "where a.key like 'debug.func_args.%' order by s.ts, a.id")
ERRORS = "select name, value from stats where severity in ('error', 'data_loss') and value > 0"


@case(exact=True)
def arguments_in_other_formats(context):
    """Perfetto shows the same of a capture as its JSON, on the same calls."""
    target = context.target("arguments.py")
    tracer = context.attach(target, *options_of(context), out="out.vtb")
    target.ask("go")
    tracer.send(signal.SIGINT)
    tracer.wait()
    for name in "all.json", "all.pftrace":
        context.command("convert", context.path("out.vtb"), "-o", context.path(name)).wait()
    trace = tracefile.Trace(context.path("all.json"))
    calls = sorted((s for s in trace.slices if "func_args" in s.args), key=lambda s: s.start)
    wanted = [[s.name, "debug.func_args." + key, text]
              for s in calls for key, text in s.args["func_args"].items()]
    rows, errors = formats.perfetto(context, context.path("all.pftrace"), IN_PERFETTO, ERRORS)
    assert not errors, errors
    rows = [list(row) for row in rows]
    assert wanted and rows == wanted, [pair for pair in zip(rows, wanted) if pair[0] != pair[1]][:3]


@case()
def arguments_are_refused_where_they_cannot_be(context):
    assert "--args" in context.fails(2, "--args", "f", "--hz", "100", "-p", "1")
    assert "--args" in context.fails(2, "convert", "x.vtb", "-o", "y.json", "--args", "f")
    assert "--args" in context.fails(2, "--args", "", "-p", "1")
