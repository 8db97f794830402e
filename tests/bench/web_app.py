# SPDX-License-Identifier: GPL-2.0-only
"""A small WSGI service, for scripts/bench_production.py: parses, looks up, renders."""
import json
import string

ITEMS = [{"id": n, "name": "item %d" % n, "price": n * 3 % 100, "tags": ["a", "b", "c"]} for n in range(60)]
ROW = string.Template("<tr><td>$id</td><td>$name</td><td>$price</td></tr>")


def choose(query):
    limit = int(query.partition("=")[2] or 40)
    return [item for item in ITEMS if item["price"] < limit]


def total(items):
    return sum(price(item) for item in items)


def price(item):
    return item["price"] * 119 // 100


def render(items):
    return "".join(ROW.substitute(item) for item in items)


def application(environ, start_response):
    items = choose(environ.get("QUERY_STRING", ""))
    body = json.dumps({"total": total(items), "html": render(items)}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
