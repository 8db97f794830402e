# SPDX-License-Identifier: GPL-2.0-only
"""The HTML report in Chromium: it shows what was recorded, and does what one asks of it."""

import collections
import json
import os

import case_formats
import chromium
from harness import case

MILLION = 1000000
PAINT_MAX = 2000  # ms from opening a page to its first picture
ALERT = "</script><script>document.title = 'taken'</script>"
HOSTILE = [ALERT, "<!-- %s --> <img src=x onerror=alert(1)>" % ALERT, "quote\" ' \\ &amp;",
           "line\nbreak\x01", "\u202egnp.exe", "\U0001f600 \u76d1\u63a7", "long" * 15000,
           "__proto__", "constructor"]


def opened(context, browser, name, dark=False):
    """The report in a tab, when it has been drawn for the first time."""
    os.chmod(context.tmp, 0o755)
    os.chmod(context.path(name), 0o644)
    page = browser.new_page()
    page.dark(dark)
    page.go("file://" + context.path(name))
    page.evaluate("window.vtbpf.ready.then(() => true)")
    return page


def report(context, source, name="report.html"):
    context.command("convert", source, "-o", context.path(name)).wait(0)
    return name


def check_quiet(page):
    page.check_quiet()
    assert [url for url in page.requests if not url.startswith("data:")] == \
        [page.evaluate("location.href")], page.requests


def label(f):
    return "%s (%s:%d)" % (f["name"], f["file"], f["line"]) if f["file"] else f["name"]


def check_sums(page, trace):
    """Calls, durations and threads in the page are those of the JSON."""
    wanted = collections.defaultdict(lambda: [0, 0])
    for s in trace.slices:
        wanted[s.name][0] += 1
        wanted[s.name][1] += s.end - s.start
    seen = {label(f): [f["slices"], f["ns"]] for f in page.evaluate("vtbpf.sums()")}
    assert seen == dict(wanted), [(k, seen.get(k), v) for k, v in wanted.items() if seen.get(k) != v][:5]
    calls = {label(f): f["calls"] for f in page.evaluate("vtbpf.functions()") if f["calls"]}
    assert calls == {k: v[0] for k, v in wanted.items()}
    tracks = {(t["pid"], t["tid"]): t for t in page.evaluate("vtbpf.tracks()") if t["slices"]}
    for (pid, tid), slices in trace.tracks().items():
        assert tracks[pid, tid]["slices"] == len(slices)
        assert tracks[pid, tid]["name"] == trace.thread_names[tid]


def check_starts(page, trace):
    """Each slice of the first track is where it belongs."""
    base = min(s.start for s in trace.slices)
    (_pid, tid), slices = next(iter(trace.tracks().items()))
    index = [t["tid"] for t in page.evaluate("vtbpf.tracks()")].index(tid)
    seen = page.evaluate("vtbpf.slices(%d, 0, 1e9)" % index)
    assert sorted((s["start"], s["start"] + s["dur"], label(s)) for s in seen) == \
        sorted((s.start - base, s.end - base, s.name) for s in slices)


def check_flame(page, path):
    """The flame graph has the stacks of folded.c, without their threads."""
    wanted = collections.Counter()
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            stack, _, ns = line.rstrip("\n").rpartition(" ")
            wanted[len(stack.split(";")) - 1] += int(ns)
    page.click("#tab-flame")
    seen = collections.Counter()
    for stack in page.evaluate("vtbpf.flame()"):
        seen[len(stack["stack"])] += stack["self"]
    assert +seen == +wanted


@case(each="minor")
def report_has_what_was_recorded(context):
    """Calls, durations, starts, threads and stacks in the page: of a capture, and of its JSON."""
    _target, path, trace = case_formats.capture(context, "calls.py", 300)
    context.command("convert", path, "-o", context.path("raw.folded")).wait(0)
    with chromium.Browser(context) as browser:
        for source in (path, context.path("raw.json")):
            page = opened(context, browser, report(context, source))
            check_sums(page, trace)
            check_starts(page, trace)
            check_flame(page, context.path("raw.folded"))
            check_quiet(page)
            page.close()


@case()
def report_traced_directly(context):
    """-o of a trace may name a report; in windows it has those, and says what part of the time it saw."""
    target = context.target("calls.py", 300)
    tracer = context.command("-p", target.pid, "-o", context.path("direct.html"), "--sample-rate", "0.3")
    tracer.wait_tracing(target.pid)
    target.ask("go")
    tracer.send(2)
    tracer.wait(0)
    with chromium.Browser(context) as browser:
        page = opened(context, browser, "direct.html")
        assert "of the time" in page.evaluate("document.getElementById('notices').innerText")
        marks = [t for t in page.evaluate("vtbpf.tracks()") if t["marks"]]
        assert [t["name"] for t in marks] == ["vtbpf windows"] and marks[0]["slices"] > 0, marks
        check_quiet(page)


def made(context, name, events):
    path = context.path(name)
    with open(path, "w", encoding="utf-8") as f:
        f.write('{"traceEvents":[%s]}' % ",\n".join(events))
    return path


def event(name, start, dur, tid=1):
    return '{"ph":"X","cat":"FEE","name":%s,"pid":7,"tid":%d,"ts":%s,"dur":%s}' % (
        json.dumps(name, ensure_ascii=False), tid, start, dur)


def small(context):
    """outer has ten calls of inner, of 50 us each, on two threads."""
    events = []
    for tid in (1, 2):
        events += [event("inner (app.py:5)", 100 + 100 * i, 50, tid) for i in range(10)]
        events.append(event("outer (app.py:1)", 50, 1100, tid))
        events.append('{"ph":"M","name":"thread_name","pid":7,"tid":%d,"args":{"name":"worker-%d"}}'
                      % (tid, tid))
    return report(context, made(context, "small.json", events))


def view(page):
    v = page.evaluate("vtbpf.view()")
    return v["from"], v["to"]


def canvas(page, x, y):
    """A place of the timeline, in the window: x as a part of the width, y in pixels from the top."""
    left, top, width = page.evaluate("""(() => { const r = document.querySelector('#timeline canvas')
        .getBoundingClientRect(); return [r.left, r.top, r.width]; })()""")
    return left + x * width, top + y


@case()
def report_zooms_and_pans(context):
    """Wheel, w and s zoom where the pointer is, a and d and dragging pan."""
    with chromium.Browser(context) as browser:
        page = opened(context, browser, small(context))
        begin = view(page)
        page.wheel(*canvas(page, 0.25, 100), -300)
        span = begin[1] - begin[0]
        wheel = page.wait("(vtbpf.view().to - vtbpf.view().from) < %f && vtbpf.view()" % span)
        at = wheel["from"] + 0.25 * (wheel["to"] - wheel["from"])
        assert abs(at - begin[0] - 0.25 * span) < span / 100
        page.press("d")
        assert view(page)[0] > wheel["from"]
        page.press("a")
        page.press("w")
        zoomed = view(page)
        assert zoomed[1] - zoomed[0] < wheel["to"] - wheel["from"]
        page.drag(*canvas(page, 0.5, 150), *canvas(page, 0.6, 150))
        dragged = view(page)
        assert dragged[0] < zoomed[0] and abs(dragged[1] - dragged[0] - zoomed[1] + zoomed[0]) < 1
        page.press("s")
        page.press("0")
        assert all(abs(a - b) < 1 for a, b in zip(view(page), begin))
        check_quiet(page)


@case()
def report_is_searched_and_selected(context):
    """/ and typing search, Enter steps, a click and arrow keys select; what is selected is said."""
    with chromium.Browser(context) as browser:
        page = opened(context, browser, small(context))
        page.press("/")
        page.type("inner")
        page.wait("document.getElementById('hits').textContent === '20'")
        for at in (1, 2):
            page.press("Enter")
            page.wait("document.getElementById('hits').textContent === '%d of 20'" % at)
        assert page.evaluate("vtbpf.selection().name") == "inner"
        page.press("Escape")
        page.evaluate("document.querySelector('#timeline canvas').focus()")
        page.press("ArrowUp")
        chosen = page.evaluate("vtbpf.selection()")
        assert (chosen["name"], chosen["dur"], chosen["self"]) == ("outer", 1100000, 600000), chosen
        said = page.evaluate("document.getElementById('live').textContent")
        assert "outer" in said and "1.100 ms" in said and "worker-" in said, said
        details = page.evaluate("document.getElementById('details').innerText")
        for text in ("outer", "app.py:1", "600.0 µs", "worker-"):
            assert text in details, details
        page.click_at(*canvas(page, 0.5, 28 + 5))
        assert page.evaluate("vtbpf.selection().name") == "outer"
        check_quiet(page)


@case()
def report_table_is_sorted(context):
    """The functions are a table in the document; its heads sort it, the search field filters it."""
    with chromium.Browser(context) as browser:
        page = opened(context, browser, small(context))
        page.click("#tab-table")
        names = "[...document.querySelectorAll('tbody tr')].map((r) => r.cells[0].textContent)"
        sorts = "[...document.querySelectorAll('th[scope=col]')].map((h) => h.getAttribute('aria-sort'))"
        assert page.evaluate(names) == ["outer", "inner"]
        cells = page.evaluate("[...document.querySelector('tbody tr').cells].map((c) => c.textContent)")
        assert cells[:5] == ["outer", "app.py:1", "2", "1.200 ms", "2.200 ms"], cells
        page.click("th:nth-child(3) button")
        assert page.evaluate(names) == ["inner", "outer"]
        assert page.evaluate(sorts)[2] == "descending" and page.evaluate(sorts).count("none") == 9
        page.click("th:nth-child(3) button")
        assert page.evaluate(names) == ["outer", "inner"]
        assert page.evaluate(sorts)[2] == "ascending"
        page.click("#search")
        page.type("inn")
        page.wait(names + ".join() === 'inner'")
        roles = page.accessibility()
        assert ("button", "Calls") in roles and ("tab", "Functions") in roles, roles
        assert any(role == "table" for role, _ in roles)
        check_quiet(page)


@case()
def report_flame_graph_is_used(context):
    """A click zooms into a frame, Escape out again; a thread of its own; the search counts frames."""
    with chromium.Browser(context) as browser:
        page = opened(context, browser, small(context))
        page.click("#tab-flame")
        state = """(() => { const f = vtbpf.page.flame.flame;
            return [f.zoomed.fn ? f.zoomed.fn.name : 'all', f.root.total]; })()"""
        assert page.evaluate(state) == ["all", 2200000]
        box = page.evaluate("(() => { const r = document.querySelector('#flame canvas')"
                            ".getBoundingClientRect(); return [r.left, r.top]; })()")
        page.wait("vtbpf.page.flame.flame.drawn.length === 3")
        page.click_at(box[0] + 30, box[1] + 45)
        assert page.evaluate(state) == ["inner", 2200000]
        page.press("Escape")
        assert page.evaluate(state) == ["all", 2200000]
        assert page.evaluate("vtbpf.search('inner')") == 1
        page.evaluate("(() => { const s = document.querySelector('#flame select'); s.selectedIndex = 1;"
                      "s.dispatchEvent(new Event('change')); })()")
        assert page.evaluate(state) == ["all", 1100000]
        check_quiet(page)


@case()
def report_with_hostile_names(context):
    """No name becomes a part of the page; each is there whole, and shown without control characters."""
    events = [event("%s (%s:3)" % (name, name[:40]), 10 * i, 5) for i, name in enumerate(HOSTILE)]
    with chromium.Browser(context) as browser:
        page = opened(context, browser, report(context, made(context, "hostile.json", events)))
        assert [f["name"] for f in page.evaluate("vtbpf.functions()")] == HOSTILE
        for view_of in ("flame", "table", "timeline"):
            page.click("#tab-" + view_of)
        for name in HOSTILE:
            wanted = name.replace("\n", "\\x0a").replace("\x01", "\\x01").replace("\u202e", "\\u202e")
            assert page.evaluate("vtbpf.search(%s)" % json.dumps(wanted)) >= 1
            page.evaluate("vtbpf.page.find(vtbpf.page.trace.functions[%d])" % HOSTILE.index(name))
            shown = page.evaluate("document.querySelector('#details h2').textContent")
            assert shown == wanted, (shown[:200], wanted[:200])
        assert page.evaluate("document.title") != "taken"
        assert not page.evaluate("document.querySelectorAll('img').length")
        check_quiet(page)


def selected(page, name):
    """What the details say of the first slice of that name: pairs, by their titles."""
    page.press("/")
    page.type(name)
    page.wait("document.getElementById('search').value === %s" % json.dumps(name))
    page.press("Enter")
    page.wait("(vtbpf.selection() || {}).name === %s" % json.dumps(name))
    rows = page.evaluate("[...document.querySelectorAll('#details dl div')]"
                         ".map((d) => [...d.children].map((c) => c.textContent))")
    page.press("Escape")
    page.press("Escape")
    return dict(rows)


@case()
def report_of_several_processes(context):
    """Traces put together: lanes of each process by name, and of a slice what was said of it."""
    paths = []
    for pid, name in ((7, "web <b>&</b>\u202e"), (8, "db\x1b[31m")):
        events = ['{"ph":"M","name":"%s","pid":7,"tid":7,"args":{"name":%s}}' % (kind, json.dumps(text))
                  for kind, text in (("process_name", name), ("thread_name", "main of " + name))]
        events.append(event("whole%d (app.py:1)" % pid, 10, 50, 7))
        for edge, at in (("start", 100), ("end", 200), ("both", 300)):
            text = event("open_%s%d (app.py:2)" % (edge, pid), at, 50, 7)
            events.append(text[:-1] + ',"args":{"open":"%s"}}' % edge)
        made(context, "%d.json" % pid, [e.replace('"pid":7,"tid":7', '"pid":%d,"tid":%d' % (pid, pid))
                                        for e in events])
        paths.append(context.path("%d.json" % pid))
    context.command("combine", *paths, "-o", context.path("all.html")).wait(0)
    with chromium.Browser(context) as browser:
        page = opened(context, browser, "all.html")
        tracks = {t["pid"]: t for t in page.evaluate("vtbpf.tracks()")}
        assert {pid: t["slices"] for pid, t in tracks.items()} == {7: 4, 8: 4}, tracks
        assert tracks[7]["name"] == "main of web <b>&</b>\u202e", tracks
        for pid, name in ((7, "web <b>&</b>\\u202e"), (8, "db\\x1b[31m")):
            said = selected(page, "whole%d" % pid)
            assert said["Thread"] == "main of %s (%d), tid %d" % (name, pid, pid), said
            assert said["Process"] == str(pid) and said["Duration"] == "50.00 µs", said
            assert "Open" not in said and "Sampled" not in said, said
            for edge, words in (("start", "ran already at the begin"), ("end", "still ran at the end"),
                                ("both", "ran already at the begin, still ran at the end")):
                assert selected(page, "open_%s%d" % (edge, pid))["Open"] == words
        check_quiet(page)


@case()
def report_of_arguments(context):
    """What a call was made with stands in its details, as text and no more, and in no other's."""
    given = {"plain": "-7", ALERT: "'%s'" % ALERT, "turned": "'\u202egnp.exe'"}
    events = [event("bare (app.py:1)", 10, 5),
              event("given (app.py:2)", 20, 5)[:-1] + ',"args":{"func_args":%s}}' % json.dumps(given)]
    with chromium.Browser(context) as browser:
        page = opened(context, browser, report(context, made(context, "arguments.json", events)))
        said = selected(page, "given")
        shown = {"func_args: plain": "-7", "func_args: " + ALERT: "'%s'" % ALERT,
                 "func_args: turned": "'\\u202egnp.exe'"}
        assert {k: v for k, v in said.items() if k.startswith("func_args")} == shown, said
        assert not [k for k in selected(page, "bare") if k.startswith("func_args")]
        assert page.evaluate("document.title") != "taken"
        check_quiet(page)


def colours(page):
    return page.evaluate("""(() => { const c = document.querySelector('#timeline canvas');
        const p = c.getContext('2d').getImageData(c.width - 3, c.height - 3, 1, 1).data;
        return [getComputedStyle(document.body).backgroundColor, p[0] + p[1] + p[2]]; })()""")


@case()
def report_follows_the_colour_scheme(context):
    """Light and dark, of the page and of what is drawn, also when it changes while one looks."""
    with chromium.Browser(context) as browser:
        page = opened(context, browser, small(context), dark=True)
        dark = colours(page)
        page.dark(False)
        page.wait("getComputedStyle(document.body).backgroundColor !== '%s'" % dark[0])
        page.evaluate("new Promise((d) => requestAnimationFrame(() => requestAnimationFrame(d)))")
        light = colours(page)
        assert dark[1] < 200 and light[1] > 600, (dark, light)
        check_quiet(page)


@case()
def report_that_is_cut_off(context):
    """A torn file says so."""
    with chromium.Browser(context) as browser:
        path = context.path(small(context))
        with open(path, encoding="utf-8") as f:
            text = f.read()
        at = text.rindex("</script>")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text[:at - 40])
        os.chmod(context.tmp, 0o755)
        page = browser.open("file://" + path)
        page.wait("document.getElementById('loading').className === 'failure'")


@case()
def report_in_an_old_browser(context):
    """One that cannot inflate says what is missing."""
    with chromium.Browser(context) as browser:
        path = context.path(small(context))
        os.chmod(context.tmp, 0o755)
        page = browser.new_page()
        page.call("Page.addScriptToEvaluateOnNewDocument", source="delete window.DecompressionStream")
        page.go("file://" + path)
        page.wait("document.getElementById('loading').className === 'failure'")
        assert "DecompressionStream" in page.evaluate("document.getElementById('loading').textContent")


def many(context):
    """A million calls on four threads, three deep."""
    events = []
    for tid in (1, 2, 3, 4):
        for i in range(MILLION // 4 // 5):
            at = i * 10
            leaf = "leaf%d (lib.py:%d)" % (i % 40, i % 40 + 1)
            events += [event(leaf, at + k, 0.5, tid) for k in (1, 3, 5)]
            events.append(event("middle (lib.py:90)", at + 0.5, 7, tid))
            events.append(event("top%d (app.py:%d)" % (i % 7, i % 7 + 1), at, 9, tid))
    return report(context, made(context, "many.json", events), "many.html")


@case()
def report_of_a_million_calls(context):
    """First painted within two seconds; zooming draws on; all calls are there."""
    name = many(context)
    with chromium.Browser(context) as browser:
        opened(context, browser, small(context)).close()  # the browser itself is up
        painted = []
        while len(painted) < 5 and min(painted, default=PAINT_MAX) >= PAINT_MAX:
            page = opened(context, browser, name)
            painted.append(page.evaluate("vtbpf.paintedAt"))
        assert min(painted) < PAINT_MAX, painted
        assert sum(f["slices"] for f in page.evaluate("vtbpf.sums()")) == MILLION
        times = page.evaluate("""(() => { const t = vtbpf.page.timeline, times = [];
            for (let i = 0; i < 60; i++) {
                t.zoom(i < 30 ? 0.75 : 1.33);
                const begin = performance.now();
                t.paint();
                times.push(performance.now() - begin);
            }
            return times.sort((a, b) => a - b); })()""")
        assert times[30] < 50, times
        assert page.evaluate("vtbpf.search('leaf39')") == MILLION // 4 // 5 // 40 * 4 * 3
        check_quiet(page)
        print("first paint after %d ms, a frame takes %.1f ms" % (min(painted), times[30]))
