# SPDX-License-Identifier: GPL-2.0-only
"""A random program, the same in every run of one seed: calls, exceptions, generators, coroutines,
callbacks and short-lived code in any combination that chance makes."""

import os
import random
import sys
import types
import warnings

import truth

FILE = os.path.abspath(__file__)
SEEDS = range(30)
STEPS = 120


class Oops(Exception):
    pass


class Program:
    """Every act may perform further acts until the budget is spent."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.budget = STEPS
        self.alive = []  # suspended generators and coroutines, resumed at any time

    def act(self, depth=0):
        self.budget -= 1
        if self.budget > 0 and depth < 25:
            getattr(self, self.random.choice(ACTS))(depth + 1)

    def some(self, depth):
        for _ in range(self.random.randrange(3)):
            self.act(depth)

    def act_some(self, depth):
        self.some(depth)

    def act_raise(self, depth):
        self.some(depth)
        raise Oops(depth)

    def act_catch(self, depth):
        try:
            self.some(depth)
        except Oops:
            self.act(depth)

    def act_finally(self, depth):
        try:
            self.act(depth)
        finally:
            self.some(depth)

    def act_sorted(self, depth):
        sorted(range(2), key=lambda x: self.some(depth) or x)

    def act_map(self, depth):
        list(map(self.act, [depth] * 2))

    def act_comprehension(self, depth):
        [self.act(depth) for _ in range(2)]

    def act_genexpr(self, depth):
        sum(self.act(depth) or 1 for _ in range(2))

    def act_property(self, depth):
        Thing(self, depth).value

    def act_item(self, depth):
        Thing(self, depth)[0]

    def act_missing(self, depth):
        Thing(self, depth).missing

    def act_with(self, depth):
        with Thing(self, depth):
            self.some(depth)

    def act_class(self, depth):
        class Body(Thing):
            self.some(depth)
        Body(self, depth).value

    def act_exec(self, depth):
        exec("def f(x):\n p.some(x)\n\nf(depth)" + "\n" * (depth % 5), {"p": self, "depth": depth})

    def act_generator(self, depth):
        for _ in self.generator(depth, self.random.randrange(4)):
            self.act(depth)

    def act_start(self, depth):
        make = self.generator if self.random.randrange(2) else self.coroutine
        self.alive.append(make(depth, 3))

    def act_resume(self, depth):
        self.resume(lambda g: g.send(None))

    def act_throw(self, depth):
        self.resume(lambda g: g.throw(Oops()))

    def act_close(self, depth):
        self.resume(lambda g: g.close(), back=False)

    def act_drop(self, depth):
        if self.alive:
            self.alive.pop(self.random.randrange(len(self.alive)))

    def resume(self, how, back=True):
        if not self.alive:
            return
        g = self.alive.pop(self.random.randrange(len(self.alive)))
        try:
            how(g)
        except StopIteration:
            return
        if back:
            self.alive.append(g)

    # All suspensions are inside try: others, when closed, run once more only under a profiler.
    def generator(self, depth, n):
        try:
            for _ in range(n):
                yield
                self.act(depth)
            if self.random.randrange(2):
                yield from self.generator(depth, n - 1)
        except Oops:
            self.some(depth)
        finally:
            self.budget -= 1

    @types.coroutine
    def pause(self):
        try:
            yield
        finally:
            self.budget -= 1

    async def coroutine(self, depth, n):
        try:
            for _ in range(n):
                await self.pause()
                self.some(depth)
            if n and self.random.randrange(2):
                await self.coroutine(depth, n - 1)
        finally:
            self.budget -= 1


class Thing:
    def __init__(self, program, depth):
        self.program, self.depth = program, depth
        program.some(depth)

    @property
    def value(self):
        return self.program.act(self.depth)

    def __getitem__(self, i):
        return self.program.act(self.depth)

    def __getattr__(self, name):
        return self.program.act(self.depth)

    def __enter__(self):
        self.program.act(self.depth)

    def __exit__(self, *what):
        self.program.some(self.depth)
        return self.program.random.randrange(2)

    def __del__(self):
        self.program.budget -= 1


ACTS = sorted(name for name in vars(Program) if name.startswith("act_"))


def work():
    sys.unraisablehook = lambda what: None
    warnings.simplefilter("ignore")  # coroutines never awaited
    for seed in SEEDS:
        program = Program(seed)
        while program.budget > 0:
            try:
                program.act()
            except Oops:
                pass
        program.alive.clear()


if __name__ == "__main__":
    truth.run(work, FILE)
