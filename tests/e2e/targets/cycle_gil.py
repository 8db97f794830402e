# SPDX-License-Identifier: GPL-2.0-only
"""Three threads that contend for the GIL without a pause, and check their own results."""

import threading

from cycle_watch import Watch

THREADS = 3
MASK = (1 << 64) - 1


def step(x):
    return (x * 6364136223846793005 + 1442695040888963407) & MASK


def steps(x, n):
    for _ in range(n):
        x = step(x)
        yield x


def fail(x):
    raise ValueError(step(x))


def sink(x, depth):
    """Passes the exception of fail() through some frames."""
    if depth:
        sink(x, depth - 1)
    fail(x)


def one_round(x):
    last = x
    for last in steps(x, 4):
        pass
    try:
        sink(last, 2)
    except ValueError as e:
        return e.args[0]
    return None


def expected(x):
    for _ in range(5):
        x = (x * 6364136223846793005 + 1442695040888963407) & MASK
    return x


def work(number):
    watch.join(number)
    x = number
    while not watch.ends:
        y = one_round(x)
        watch.tick(number)
        if y != expected(x):
            errors.append("thread %d, round %d: %r from %d" % (number, rounds[number], y, x))
            y = expected(x)
        x = y
        rounds[number] += 1


watch = Watch(THREADS)
errors, rounds = [], [0] * THREADS
others = [threading.Thread(target=work, args=(i,)) for i in range(1, THREADS)]
for thread in others:
    thread.start()
watch.say(ready=True)
work(0)
for thread in others:
    thread.join()
watch.report(sum(rounds), errors[:20])
