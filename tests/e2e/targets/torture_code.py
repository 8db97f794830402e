# SPDX-License-Identifier: GPL-2.0-only
"""Code that comes and goes: exec, eval, compile, imports, class bodies, new syntax; code
objects whose addresses are used again by others."""

import importlib
import os
import shutil
import sys
import tempfile
import types

import truth

FILE = os.path.abspath(__file__)

MODULE = '''
import os
value = [i for i in range(3)]

def function(x):
    return x

class Class:
    def method(self):
        return function(self)

Class().method()
'''

NEW_SYNTAX = (
    ((3, 10), """
class Point:
    __match_args__ = ("x", "y")
    def __init__(self, x, y):
        self.x, self.y = x, y
    @property
    def z(self):
        return self.x
def match(thing):
    match thing:
        case Point(1, y, z=1) if touch(y):
            return touch(1)
        case [a, *b] | {"k": a, **b}:
            return touch(2)
        case _:
            return touch(3)
[match(x) for x in (Point(1, 2), Point(3, 4), [1, 2], {"k": 1}, None)]
"""),
    ((3, 12), """
type Alias[T] = list[touch(T)]
Alias.__value__
def generic[T: touch(int), *Ts](x: T) -> T:
    return touch(x)
generic(1)
generic.__type_params__[0].__bound__
class Box[T]:
    def get(self) -> T:
        return f"{touch(f'{touch(1)}')}"
Box[int]().get()
"""),
    ((3, 14), """
def annotated(x: touch(1), y: touch(2) = touch(3)):
    z: touch(4) = touch(5)
    return t"{touch(x)} {touch(y)}"
annotated(1)
annotated.__annotations__
class Annotated:
    a: touch(int)
    b: touch(int) = touch(1)
Annotated.__annotations__
"""),
)


def touch(x=0):
    return x


def short_lived(n):
    """Each code object dies before the next one is made: their addresses are the same few."""
    for i in range(n):
        space = {"touch": touch}
        exec(compile("def f%d():\n return touch(%d)\nf%d()" % (i, i, i), FILE, "exec"), space)
        space.clear()


def same_names(n):
    """The same name, file and line at the same address, or not: told apart by nothing but order."""
    for i in range(n):
        exec("def f():\n return touch(%d)\nf()" % i, {"touch": touch})
        eval("(lambda: touch(%d))()" % i, {"touch": touch})
        exec(compile("def f():\n return touch()\nf()", "<file %d>" % i, "exec"), {"touch": touch})


def recycled(n):
    for i in range(n):
        for name in ("first", "second", "a_much_longer_name_of_a_function", "четвёртая", "第五"):
            exec(compile("%sdef %s(x=1):\n return touch(x)\n%s()" % ("\n" * (i % 7), name, name),
                         "<%s>" % name, "exec"), {"touch": touch})


def bodies(n):
    for i in range(n):
        class Body:
            x = touch(i)

            class Inner:
                y = touch(i)

            def method(self):
                return [touch(j) for j in range(2)]
        Body().method()
        types.FunctionType(Body.method.__code__, dict(globals()))(None)
        made = touch.__code__.replace(co_name="renamed", co_firstlineno=100 + i)
        types.FunctionType(made, {}, "f", (1,))()


def swapped(n):
    """A function is given another one's code, while it is hot and while it runs."""
    def one(x):
        return touch(x)

    def other(x):
        one.__code__ = first if one.__code__ is second else second
        return x
    first, second = one.__code__, (lambda x: touch(touch(x))).__code__
    for i in range(n):
        one(i)
        if i % 60 == 59:
            other(i)


def syntax():
    for version, text in NEW_SYNTAX:
        if sys.version_info >= version:
            exec(compile(text, FILE, "exec"), {"touch": touch, "__name__": "syntax"})


def imports():
    where = tempfile.mkdtemp()
    sys.dont_write_bytecode = True  # whether a cached file is taken depends on the clock
    try:
        with open(os.path.join(where, "torture_module.py"), "w") as f:
            f.write(MODULE)
        sys.path.insert(0, where)
        importlib.invalidate_caches()
        module = importlib.import_module("torture_module")
        module.function(1)
        importlib.reload(module).Class().method()
        del sys.modules["torture_module"]
        from torture_module import function
        function(2)
        try:
            import torture_missing
        except ImportError:
            touch(torture_missing if 0 else 1)
    finally:
        sys.path.remove(where)
        sys.modules.pop("torture_module", None)
        shutil.rmtree(where)


def work():
    for _ in range(3):
        syntax()
        imports()
        bodies(20)
    short_lived(400)
    same_names(300)
    recycled(60)
    swapped(400)
    compile("touch(1)", FILE, "eval")
    eval(compile("[touch(i) for i in range(3)]", FILE, "eval"))


if __name__ == "__main__":
    truth.run(work, FILE)
