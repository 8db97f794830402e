# SPDX-License-Identifier: GPL-2.0-only
"""The page of vtbpf diff, in Chromium: verdicts in a real table, what is red, search, no complaints."""

import json

import chromium
from harness import case

EVIL = "evil\u202e<script>\"\n"
NODES = """(() => { const found = {}; Flame.each(vtbpf.diff.root, (n) => {
    if (n.fn) found[n.fn.name] = [vtbpf.diff.times(n, false), vtbpf.diff.colour(n)]; });
    return found; })()"""
ROWS = """[...document.querySelectorAll('#table tbody tr')].map((row) =>
    [...row.cells].map((cell) => cell.textContent))"""


def write(path, slow, last):
    events = []
    for i in range(200):
        at = 1000 * i
        calls = (("main", 0, 900), ("steady", 10, 100), (EVIL, 200, slow), (last, 700, 50))
        for name, start, dur in calls:
            events.append({"ph": "X", "cat": "FEE", "pid": 1, "tid": 1, "ts": at + start, "dur": dur,
                           "name": "%s (/srv/app.py:%d)" % (name, len(name))})
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"traceEvents": events}, f)


@case()
def diff_page(context):
    """One function slower, one new, one gone."""
    inputs = [context.path("before.json"), context.path("after.json")]
    write(inputs[0], 200, "old")
    write(inputs[1], 300, "fresh")
    context.command("diff", *inputs, "-o", context.path("diff.html")).wait(0)
    with chromium.Browser(context) as browser:
        page = browser.open("file://" + context.path("diff.html"))
        page.evaluate("window.vtbpf.ready.then(() => true)")
        nodes = page.evaluate(NODES)
        (before, after), colour = nodes[EVIL]
        assert (before, after) == (40e6, 60e6), nodes
        assert colour.startswith("rgba(226"), colour
        assert nodes["old"][0] == [10e6, 0] and nodes["old"][1].startswith("rgba(52"), nodes
        assert nodes["fresh"][0] == [0, 10e6] and not nodes["steady"][1].startswith("rgba("), nodes
        page.click("#tab-table")
        rows = {row[0]: row for row in page.evaluate(ROWS)}
        verdicts = {name: row[2] for name, row in rows.items()}
        assert [v for name, v in verdicts.items() if name.startswith("evil")] == ["slower"], rows
        assert (verdicts["fresh"], verdicts["old"], verdicts["steady"]) == ("new", "gone", "same"), rows
        page.press("/")
        page.type("stea")
        page.wait("document.querySelectorAll('#table tbody tr').length === 1")
        page.click("#tab-flame")
        assert page.evaluate("vtbpf.diff.search()") == 1
        page.evaluate("(() => { vtbpf.diff.width.value = 'before'; vtbpf.diff.swap(); })()")
        assert page.evaluate(NODES)[EVIL][0] == [40e6, 60e6]
        page.check_quiet()
