# SPDX-License-Identifier: GPL-2.0-only
"""Objects: special methods, descriptors, metaclasses, class bodies, dataclasses, enum, pickle."""

import abc
import collections
import copy
import dataclasses
import enum
import functools
import os
import pickle
import types
import typing

import truth

FILE = os.path.abspath(__file__)


def touch(x=0):
    return x


class Number:
    def __new__(cls, *args):
        touch()
        return super().__new__(cls)

    def __init__(self, x=0):
        self.x = touch(x)

    def __add__(self, other):
        return NotImplemented if other is None else Number(self.x + getattr(other, "x", 0))

    def __radd__(self, other):
        return touch(self)

    def __iadd__(self, other):
        self.x += 1
        return self

    def __mul__(self, other):
        return touch(1)

    __sub__ = __truediv__ = __mod__ = __matmul__ = __and__ = __rshift__ = __pow__ = __mul__

    def __neg__(self):
        return touch(self)

    def __lt__(self, other):
        return self.x < other.x

    def __eq__(self, other):
        return self.x == touch(other.x)

    def __hash__(self):
        return hash(touch(self.x))

    def __bool__(self):
        return touch(True)

    def __int__(self):
        return touch(3)

    __index__ = __int__

    def __float__(self):
        return touch(1.5)

    def __repr__(self):
        return "Number(%r)" % touch(self.x)

    def __format__(self, spec):
        return repr(self) + spec

    def __call__(self, *args, **kw):
        return touch(args)


class Sequence:
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return touch(self.n)

    def __getitem__(self, i):
        if i >= self.n:
            raise IndexError(i)
        return touch(i)

    def __setitem__(self, i, value):
        touch(i)

    def __delitem__(self, i):
        touch(i)

    def __contains__(self, x):
        return touch(x) == 1

    def __reversed__(self):
        return iter([touch(1)])

    def __length_hint__(self):
        return touch(2)


class Counter:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        touch()
        return self

    def __next__(self):
        self.n -= 1
        if self.n < 0:
            raise StopIteration
        return touch(self.n)


class Manager:
    def __enter__(self):
        return touch(self)

    def __exit__(self, kind, value, trace):
        return touch(kind is not None)


class Lazy:
    def __getattr__(self, name):
        if name == "absent":
            raise AttributeError(name)
        return touch(len(name))


class Watched:
    def __getattribute__(self, name):
        return touch(len(name))

    def __setattr__(self, name, value):
        touch(value)

    def __delattr__(self, name):
        touch(name)

    def __dir__(self):
        return [touch("a")]


class Field:
    def __set_name__(self, owner, name):
        self.name = touch(name)

    def __get__(self, instance, owner):
        return touch(instance and instance.__dict__.get(self.name))

    def __set__(self, instance, value):
        instance.__dict__[self.name] = touch(value)

    def __delete__(self, instance):
        touch(instance)


class Reader:
    def __get__(self, instance, owner):
        return touch


class Shape:
    __slots__ = ("a", "b", "__dict__")
    field = Field()
    reader = Reader()

    def __init__(self, a, b=2):
        self.a, self.b = a, b

    @property
    def area(self):
        return touch(self.a) * self.b

    @area.setter
    def area(self, value):
        self.a = touch(value)

    @area.deleter
    def area(self):
        touch()

    @functools.cached_property
    def slow(self):
        return touch(9)

    @staticmethod
    def fixed(x):
        return touch(x)

    @classmethod
    def made(cls, *args):
        return cls(*args)

    def __init_subclass__(cls, **kw):
        touch(kw)

    def __class_getitem__(cls, item):
        return touch(item)

    def method(self, x=1):
        return self.fixed(x)


class Square(Shape, note="square"):
    def __init__(self, a):
        super().__init__(a, a)

    def method(self, x=2):
        return super().method(x) + super(Square, self).method()


class Meta(type):
    @classmethod
    def __prepare__(mcs, name, bases, **kw):
        return touch({})

    def __new__(mcs, name, bases, space, **kw):
        return super().__new__(mcs, name, bases, space)

    def __init__(cls, name, bases, space, **kw):
        touch(name)

    def __call__(cls, *args):
        return touch(super().__call__(*args))

    def __instancecheck__(cls, other):
        return touch(False)

    def __subclasscheck__(cls, other):
        return touch(True)

    def __getitem__(cls, i):
        return touch(i)

    @property
    def kind(cls):
        return touch("meta")


def operators():
    p, q = Number(1), Number(2)
    p + q, p - q, p / q, p % q, p @ q, p & q, p >> q, p ** q, -p
    1 + p
    p += q
    sorted([q, p]), max(p, q), p < q, p == q, p != q, hash(p)
    int(p), float(p), bin(p), [0, 1, 2, 3, 4][p], range(p)
    str(p), repr(p), "{:>3}".format(p), f"{p!r}{p}"
    p(1, a=2), {p: 1}[p], p in [q], bool(p), not p
    s = Sequence(3)
    s[0], list(s), len(s), 1 in s, 5 in s, list(reversed(s)), bool(s)
    s[1] = 2
    del s[1]
    list(Counter(3)), sum(Counter(2)), [x for x in Counter(2)], tuple(zip(Counter(2), Sequence(2)))
    a, *b = Counter(3)
    with Manager() as m, Manager():
        touch(m)
        raise KeyError
    touch(a)


def attributes():
    Lazy().missing, hasattr(Lazy(), "absent"), getattr(Lazy(), "absent", touch(1))
    Watched().anything, dir(Watched())
    Watched().thing = 3
    del Watched().thing
    shape = Shape(1)
    shape.area = shape.area
    del shape.area
    shape.slow, shape.slow
    shape.field = 4
    shape.field, Shape.field, shape.reader(2), Shape[int]
    del shape.field
    bound, unbound = shape.method, Shape.method
    bound(3), unbound(shape), Shape.fixed(1), shape.fixed(2), Square.made(3).method()
    types.MethodType(touch, 1)(), Shape.made.__func__(Shape, 1)


def classes():
    class Local(metaclass=Meta, option=touch(1)):
        value = touch(2)
        items = [touch(i) for i in range(2)]

        def method(self):
            return __class__

        class Nested:
            touch(3)

    Local().method()
    isinstance(1, Local), issubclass(int, Local), Local[1], Local.kind
    made = type("Made", (Shape,), {"method": lambda self: touch(4)})
    made(1).method()
    types.new_class("Other", (Number,), {}, lambda space: touch())()

    @dataclasses.dataclass(order=True)
    class Data:
        a: int
        b: list = dataclasses.field(default_factory=lambda: [touch(5)])

        def __post_init__(self):
            touch(self.a)

    assert Data(1) == Data(1) and Data(1) < Data(2) and repr(Data(3))
    dataclasses.replace(Data(1), a=2), dataclasses.asdict(Data(1))

    class Colour(enum.Enum):
        RED = touch(1)
        BLUE = 2

        @classmethod
        def _missing_(cls, value):
            return touch(cls.RED)

        def shade(self):
            return touch(self.value)

    Colour(1).shade(), Colour["BLUE"].shade(), Colour(7), list(Colour)

    class Base(abc.ABC):
        @abc.abstractmethod
        def needed(self):
            return touch(6)

    class Derived(Base):
        def needed(self):
            return super().needed()

    Derived().needed(), isinstance(Derived(), Base)
    point = collections.namedtuple("Pair", "x y")(1, 2)
    point._replace(x=touch(3))
    typing.NamedTuple("Typed", [("x", int)])(1)


class Packed:
    def __init__(self, x):
        self.x = x

    def __getstate__(self):
        return touch({"x": self.x})

    def __setstate__(self, state):
        self.__dict__.update(touch(state))

    def __deepcopy__(self, memo):
        return Packed(copy.deepcopy(self.x, memo))


class Reduced:
    def __reduce__(self):
        return touch, (7,)


def packing():
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        pickle.loads(pickle.dumps([Packed(1), Reduced()], protocol))
    pickle._loads(pickle._dumps(Packed([2])))
    copy.copy(Packed(1)), copy.deepcopy([Packed({1: 2})])


class Vector:
    """What 3.11 and later specialise: __init__, property, __getitem__ are inlined frames."""

    def __init__(self, x, y):
        self.x = x
        self.y = y

    @property
    def length(self):
        return self.x + self.y

    def __getitem__(self, i):
        return self.x if i == 0 else self.y

    def plus(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def refuse(self):
        raise ValueError(self.length)


class Strict(Vector):
    def __init__(self, x, y):
        if x < 0:
            raise ValueError(x)
        super().__init__(x, y)

    def __getattribute__(self, name):
        return super().__getattribute__(name)


def hot():
    total = Vector(0, 0)
    for i in range(200):
        total = total.plus(Vector(i, 1))
        total.length, total[0], total[1]
        Shape(1).area, Shape.made(2).method(3), Number(i)(i)
    for i in range(120):
        try:
            Strict(i % 4 - 1, 2).length
            total.refuse()
        except ValueError:
            touch(i)
    for thing in (Vector(1, 2), Sequence(2), [1, 2], Strict(1, 2)) * 30:
        thing[0]
    for thing in (Lazy(), Vector(1, 2), Shape(1), Strict(1, 2)) * 30:
        thing.x if not isinstance(thing, Shape) else thing.area


def work():
    for _ in range(8):
        operators()
        attributes()
        packing()
    for _ in range(2):
        classes()
    hot()
    operators()
    attributes()
    classes()


if __name__ == "__main__":
    truth.run(work, FILE)
