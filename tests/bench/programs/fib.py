# SPDX-License-Identifier: GPL-2.0-only
"""Nothing but calls."""


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


if __name__ == "__main__":
    fib(25)
