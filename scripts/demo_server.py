#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A small order service, to have something to trace: clients put requests on a queue, worker threads
take them through parsing, a database, business rules and a template, and a thread named "monitor"
looks at everything far too often. Standard library only, CPython 3.8 and later; ends by itself.

usage: demo_server.py [SECONDS]
"""

import collections
import hashlib
import json
import queue
import random
import sqlite3
import string
import sys
import threading
import time

WORKERS = 3
PRODUCTS = ["apple", "bread", "coffee", "dates", "eggs", "flour"]
PAGE = string.Template("<html><h1>$title</h1><ul>$rows</ul><p>total $total</p></html>")


class NotFound(Exception):
    pass


class Database:
    """One in-memory table, as each worker has it."""

    def __init__(self):
        self.connection = sqlite3.connect(":memory:")
        self.connection.execute("create table product (name text primary key, cents integer)")
        self.connection.executemany("insert into product values (?, ?)",
                                    [(name, 100 + 37 * i) for i, name in enumerate(PRODUCTS)])

    def price(self, name):
        row = self.connection.execute("select cents from product where name = ?",
                                      (name,)).fetchone()
        if row is None:
            raise NotFound(name)
        return row[0]


class Request:
    def __init__(self, body):
        self.body = body
        self.arrived = time.monotonic()
        self.items = []

    def parse(self):
        document = json.loads(self.body)
        self.items = [self.check(item) for item in document["items"]]
        return self

    @staticmethod
    def check(item):
        if not 0 < item["count"] < 100:
            raise ValueError("count %r" % item["count"])
        return item["name"], item["count"]


def discount(count):
    return 0.9 if count >= 10 else 1.0


def lines(request, database):
    for name, count in request.items:
        yield name, count, round(database.price(name) * count * discount(count))


def render(priced):
    rows = "".join(render_row(*line) for line in priced)
    total = sum(cents for _, _, cents in priced)
    return PAGE.substitute(title="Order", rows=rows, total="%.2f" % (total / 100))


def render_row(name, count, cents):
    return "<li>%d x %s: %.2f</li>" % (count, name, cents / 100)


def sign(page):
    digest = page.encode()
    for _ in range(200):
        digest = hashlib.sha256(digest).digest()
    return digest.hex()


class Server:
    def __init__(self, seconds):
        self.end = time.monotonic() + seconds
        self.queue = queue.Queue(maxsize=50)
        self.answers = collections.Counter()
        self.slowest = 0.0

    def running(self):
        return time.monotonic() < self.end

    def handle(self, body, database):
        request = Request(body)
        try:
            priced = list(lines(request.parse(), database))
            page = render(priced)
            sign(page)
            status = 200
        except NotFound:
            status = 404
        except ValueError:
            status = 400
        self.answers[status] += 1
        self.slowest = max(self.slowest, time.monotonic() - request.arrived)
        return status

    def work(self):
        database = Database()
        while self.running():
            try:
                body = self.queue.get(timeout=0.1)
            except queue.Empty:
                continue
            self.handle(body, database)

    def client(self, seed):
        chance = random.Random(seed)
        while self.running():
            items = [{"name": chance.choice(PRODUCTS + ["gold"] * (chance.random() < 0.05)),
                      "count": chance.randint(1, 20)} for _ in range(chance.randint(1, 5))]
            try:
                self.queue.put(json.dumps({"items": items}), timeout=0.1)
            except queue.Full:
                pass
            time.sleep(0.004)

    def monitor(self):
        while self.running():
            for _ in range(100):
                self.sample()
            time.sleep(0.01)

    def sample(self):
        return self.load(), self.healthy()

    def load(self):
        return self.queue.qsize() / 50

    def healthy(self):
        return self.answers[200] >= self.answers[404]

    def run(self):
        threads = [threading.Thread(target=self.work, name="worker-%d" % (i + 1))
                   for i in range(WORKERS)]
        threads += [threading.Thread(target=self.client, args=(i,), name="client-%d" % (i + 1))
                    for i in range(2)]
        threads.append(threading.Thread(target=self.monitor, name="monitor"))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    Server(float(sys.argv[1]) if len(sys.argv) > 1 else 60).run()
