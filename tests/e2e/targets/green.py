# SPDX-License-Identifier: GPL-2.0-only
"""Two greenlets whose calls overlap on one thread."""

import os

import greenlet

import proto

FILE = os.path.abspath(__file__)
ROUNDS = 200


def nap(other):
    other.switch()


def ping():
    for _ in range(ROUNDS):
        nap(B)


def pong():
    for _ in range(ROUNDS):
        nap(A)


def raising():
    raise ValueError("out of a greenlet")


def main():
    A.switch()
    for _ in range(20):
        try:
            greenlet.greenlet(raising).switch()
        except ValueError:
            pass


A, B = greenlet.greenlet(ping), greenlet.greenlet(pong)
proto.ready(file=FILE)
main()
proto.done(rounds=ROUNDS)
