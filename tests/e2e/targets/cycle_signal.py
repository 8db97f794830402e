# SPDX-License-Identifier: GPL-2.0-only
"""A program to which signals come all the time, at any instruction: by a timer of its CPU time, from
another thread and from itself. Python's own handlers run calls; none may be lost or wrong."""

import signal
import threading
import time

from cycle_watch import Watch

MASK = (1 << 64) - 1
PERIOD = 0.002  # s of CPU time


def step(x):
    return (x * 6364136223846793005 + 1442695040888963407) & MASK


def expected(x, n):
    for _ in range(n):
        x = (x * 6364136223846793005 + 1442695040888963407) & MASK
    return x


def on_signal(number, _frame):
    count = handled[number] + 1  # another signal may come at any point here
    handled[number] = count
    if step(count) != expected(count, 1):
        errors.append("in the handler of %d" % number)


def sender():
    while not watch.ends:
        signal.pthread_kill(main, signal.SIGUSR1)
        time.sleep(PERIOD)


def one_round(x):
    y = x
    for _ in range(4):
        y = step(y)
    if y != expected(x, 4):
        errors.append("round %d" % x)
    if x % 64 == 0:
        before = handled[signal.SIGUSR2]
        signal.raise_signal(signal.SIGUSR2)
        if handled[signal.SIGUSR2] != before + 1:
            errors.append("a signal to itself was lost in round %d" % x)


watch = Watch(1)
errors, rounds = [], 0
handled = dict.fromkeys((signal.SIGUSR1, signal.SIGUSR2, signal.SIGPROF), 0)
for each in handled:
    signal.signal(each, on_signal)
main = threading.get_ident()
signal.setitimer(signal.ITIMER_PROF, PERIOD, PERIOD)
thread = threading.Thread(target=sender)
thread.start()
watch.join(0)
watch.say(ready=True)
while not watch.ends:
    one_round(rounds)
    watch.tick(0)
    rounds += 1
thread.join()
signal.setitimer(signal.ITIMER_PROF, 0)
if min(handled.values()) == 0:
    errors.append("signals that never came: %r" % handled)
watch.report(rounds, errors[:20])
