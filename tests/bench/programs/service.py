# SPDX-License-Identifier: GPL-2.0-only
"""Threads that serve requests of small functions: some so many calls, of the program's one argument."""
import sys
import threading

THREADS = 4
CALLS_OF_A_REQUEST = 145


class Node:
    def __init__(self, value):
        self.value = value
        self.children = []

    def add(self, child):
        self.children.append(child)
        return child

    def walk(self, function):
        function(self.value)
        for child in self.children:
            child.walk(function)


def look(value):
    return value > 3


def words(text):
    for word in text.split():
        yield strip(word)


def strip(word):
    return word.lower()


def check(word):
    return len(word) > 2


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def request():
    root = Node(0)
    for value in range(6):
        root.add(Node(value)).add(Node(value + 1))
    root.walk(look)
    for word in words("The quick brown fox jumps over the lazy dog"):
        check(word)
    return fib(8)


def serve(requests):
    for _ in range(requests):
        request()


def main(calls):
    requests = calls // CALLS_OF_A_REQUEST // THREADS
    threads = [threading.Thread(target=serve, args=(requests,)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(int(sys.argv[1]))
