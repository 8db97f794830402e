# SPDX-License-Identifier: GPL-2.0-only
"""A program that forks all the time: each child checks its own results, and its parent the child."""

import os

from cycle_watch import Watch

MASK = (1 << 64) - 1


def step(x):
    return (x * 6364136223846793005 + 1442695040888963407) & MASK


def steps(x, n):
    for _ in range(n):
        x = step(x)
        yield x


def expected(x, n):
    for _ in range(n):
        x = (x * 6364136223846793005 + 1442695040888963407) & MASK
    return x


def right(x, n):
    last = x
    for last in steps(x, n):
        pass
    return last == expected(x, n)


def child(x):
    status = 1
    try:
        status = 0 if right(x, 200) else 2
    finally:
        os._exit(status)


def one_round(x):
    pid = os.fork()
    if not pid:
        child(x)
    watch.tick(0)
    # A fork and a wait are waits of the program's own: they shall not count as gaps.
    while True:
        if not right(x, 4):
            errors.append("round %d" % x)
        watch.tick(0)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
    if status:
        errors.append("child %d of round %d: status %d" % (pid, x, status))


watch = Watch(1)
errors, rounds = [], 0
watch.join(0)
watch.say(ready=True)
while not watch.ends:
    one_round(rounds)
    rounds += 1
watch.report(rounds, errors[:20])
