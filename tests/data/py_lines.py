# SPDX-License-Identifier: GPL-2.0-only
"""Target of tests/unit/test_py_lines.c: line tables, and what Python itself makes of them.

Prints for each code object "first form-of-table-in-hex start:end:line,..." (line 0: it has none), then
"ready", and waits until standard input closes.
"""
import dis
import os
import sys
import types

MODULES = ["argparse", "threading", "dis", "textwrap", "json.decoder", "typing", "inspect", "difflib"]

ODD = """
def long_gap():
    a = [
        1,
%s
        2]
    return a; b = 3
def backwards():
    return max(
        1, 2,
        key=lambda x: -x) + \\
        min(3,
            4)
async def cleanup(x):
    async with x as y, \\
            y:
        try:
            await y
        finally:
            for i in range(3): yield i
class C:
    a = lambda self: (
        self)
%s
    def late(self): pass
""" % ("\n" * 700, "\n" * 200)


def codes(code):
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from codes(const)


def ranges(code):
    if sys.version_info >= (3, 10):
        return [(a, b, line or 0) for a, b, line in code.co_lines() if a < b]
    starts = list(dis.findlinestarts(code))
    ends = [start for start, _ in starts[1:]] + [len(code.co_code)]
    return [(start, end, line) for (start, line), end in zip(starts, ends)]


def table(code):
    return code.co_linetable if sys.version_info >= (3, 10) else code.co_lnotab


def show(source, name):
    for code in codes(compile(source, name, "exec")):
        print(code.co_firstlineno, table(code).hex() or "-",
              ",".join("%d:%d:%d" % r for r in ranges(code)), flush=True)


show(ODD, "odd")
for module in MODULES:
    path = os.path.join(os.path.dirname(os.__file__), module.replace(".", "/") + ".py")
    with open(path, encoding="utf-8") as f:
        show(f.read(), path)
print("ready", flush=True)
sys.stdin.readline()
