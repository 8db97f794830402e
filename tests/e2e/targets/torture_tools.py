# SPDX-License-Identifier: GPL-2.0-only
"""The other themes, shortened, for a target where a debugger, a profiler or coverage is at work."""

import os

import torture_calls
import torture_coroutines
import torture_exceptions
import torture_generators
import torture_objects
import truth

FILE = os.path.abspath(__file__)


def calls():
    torture_calls.arguments()
    torture_calls.comprehensions()
    torture_calls.callbacks()
    torture_calls.fib(7)


def objects():
    torture_objects.operators()
    torture_objects.attributes()
    torture_objects.packing()


def generators():
    torture_generators.consume()
    torture_generators.throwing()
    torture_generators.closing()
    torture_generators.managers()


def coroutines():
    torture_coroutines.drive(torture_coroutines.statements())
    torture_coroutines.drive(torture_coroutines.generators())
    torture_coroutines.interrupted()


def exceptions():
    torture_exceptions.in_handler()
    torture_exceptions.swallowing()
    torture_exceptions.classes()
    torture_exceptions.withs()
    torture_exceptions.from_c()


def work():
    for _ in range(4):
        calls()
        objects()
        generators()
        coroutines()
        exceptions()


if __name__ == "__main__":
    truth.run(work, FILE)
