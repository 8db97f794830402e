# SPDX-License-Identifier: GPL-2.0-only
"""Greenlets that switch to and fro at all depths, die by exceptions and are made anew; what each
hands back is checked."""

import greenlet

from cycle_watch import Watch

GREENLETS = 30
MASK = (1 << 64) - 1


class Enough(Exception):
    pass


def step(x):
    return (x * 6364136223846793005 + 1442695040888963407) & MASK


def deep(x, depth):
    if depth:
        return deep(x, depth - 1)
    x = step(x)
    return hub.switch(x) or x


def run(number):
    x = number
    while True:
        try:
            x = deep(x, number % 7)
        except Enough:
            return x


def expected(x):
    return (x * 6364136223846793005 + 1442695040888963407) & MASK


def check(what, got, want):
    if got != want:
        errors.append("round %d, %s: %r, not %r" % (rounds, what, got, want))


def one_round():
    for i, each in enumerate(greenlets):
        got = each.switch(i) if values[i] is None else each.switch()
        values[i] = expected(i if values[i] is None else values[i])
        check("greenlet %d" % i, got, values[i])
        values[i] = got
        watch.tick(0)
    victim = rounds % GREENLETS
    # It is thrown out of switch(), after which its own x is one step behind.
    check("end of %d" % victim, expected(greenlets[victim].throw(Enough)), values[victim])
    check("death of %d" % victim, greenlets[victim].dead, True)
    greenlets[victim], values[victim] = greenlet.greenlet(run), None


watch = Watch(1)
hub = greenlet.getcurrent()
errors, rounds = [], 0
greenlets = [greenlet.greenlet(run) for _ in range(GREENLETS)]
values = [None] * GREENLETS
watch.join(0)
watch.say(ready=True)
while not watch.ends:
    one_round()
    rounds += 1
watch.report(rounds, errors[:20])
