# SPDX-License-Identifier: GPL-2.0-only
"""regress.py FUNCTION FACTOR: calls functions that take a certain time each, FUNCTION so much longer.

They wait for the clock, so that what they take does not depend on the machine."""

import sys
import time

SLOW, FACTOR = sys.argv[1], float(sys.argv[2])
TIMES = {"parse": 400e-6, "render": 250e-6, "store": 600e-6, "check": 150e-6, "load": 300e-6}
if SLOW in TIMES:
    TIMES[SLOW] *= FACTOR
NOW = time.perf_counter


def parse(end):
    while NOW() < end:
        pass


def render(end):
    while NOW() < end:
        pass


def store(end):
    while NOW() < end:
        pass


def check(end):
    while NOW() < end:
        pass


def load(end):
    while NOW() < end:
        pass


def appears():
    pass


def vanishes():
    pass


def handle():
    parse(NOW() + TIMES["parse"])
    render(NOW() + TIMES["render"])
    store(NOW() + TIMES["store"])
    for _ in range(2 if SLOW == "often" else 1):
        check(NOW() + TIMES["check"])
    load(NOW() + TIMES["load"])


for number in range(400):
    handle()
    if SLOW == "none":
        vanishes()
    else:
        appears()
