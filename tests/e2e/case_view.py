# SPDX-License-Identifier: GPL-2.0-only
"""vtbpf view: what it serves to whom, and who opens the browser."""

import http.client
import os
import pwd
import re
import signal
import socket
import stat

from harness import Skip, case, clean_env, wait_until

EVENT = '{"ph":"X","cat":"FEE","name":"f (a.py:1)","pid":1,"tid":1,"ts":1.0,"dur":2.5}'
TRACE = '{"traceEvents":[%s],"viztracer_metadata":{"version":"1.1.1","overflow":false}}' % EVENT
PERFETTO = "https://ui.perfetto.dev"


def write(context, name, text=TRACE):
    with open(context.path(name), "w") as f:
        f.write(text)
    return context.path(name)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def need_port(number):
    try:
        socket.create_server(("127.0.0.1", number)).close()
    except OSError as error:
        raise Skip("port %d: %s" % (number, error.strerror))


class View:
    """A vtbpf view; the port and the path that it serves."""

    def __init__(self, context, path, *options, **popen):
        self.run = context.command("view", path, *options, **popen)
        self.url = self.run.stdout.next("the address")
        found = re.search(r"http://127\.0\.0\.1:(\d+)(/\S+)$", self.url)
        assert found, self.url
        self.port, self.path = int(found.group(1)), found.group(2).replace("%25", "%")

    def ask(self, method="GET", path=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path or self.path, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer, data

    def end(self, number=signal.SIGINT):
        self.run.send(number)
        self.run.wait(0)
        assert self.run.stdout.text() == self.url, self.run.stdout.text()


def listeners(port):
    """The addresses that something listens on with this port, as /proc/net/tcp has them."""
    found = []
    for name in ("tcp", "tcp6"):
        with open("/proc/net/" + name) as f:
            for line in f.readlines()[1:]:
                address, state = line.split()[1], line.split()[3]
                if state == "0A" and int(address.split(":")[1], 16) == port:
                    found.append(address.split(":")[0])
    return found


@case()
def view_page(context):
    """A page is served on 127.0.0.1 only, under a path of its own, again and again, until Ctrl-C."""
    page = write(context, "a b & ü.html", "<p>grüezi</p>")
    view = View(context, page, "--no-browser")
    assert listeners(view.port) == ["0100007F"], listeners(view.port)
    assert re.fullmatch(r"/[0-9a-f]{32}/a%20b%20%26%20%C3%BC\.html", view.path), view.path
    for _ in range(2):
        answer, data = view.ask()
        assert answer.status == 200 and data.decode() == "<p>grüezi</p>"
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert not answer.headers["Access-Control-Allow-Origin"]
    assert view.ask("HEAD")[1] == b"" and view.ask("POST")[0].status == 405
    assert view.ask(path="/")[0].status == 404
    assert view.ask(path="/" + "0" * 32 + "/a%20b%20%26%20%C3%BC.html")[0].status == 404
    assert view.ask(Host="evil.example:%d" % view.port)[0].status == 403
    view.end()
    other = View(context, page, "--no-browser", "--port", str(free_port()))
    assert other.path != view.path
    other.end(signal.SIGTERM)


@case()
def view_hands_over_to_perfetto(context):
    """A trace is on port 9001 for ui.perfetto.dev alone, and that is it once the UI has it."""
    need_port(9001)
    path = write(context, "trace.json")
    view = View(context, path, "--no-browser")
    assert view.url.startswith(PERFETTO + "/#!/?url=http://127.0.0.1:9001/"), view.url
    assert "9001" in context.fails(1, "view", path, "--no-browser")
    asked, _ = view.ask("OPTIONS", Origin=PERFETTO)
    assert asked.status == 204 and asked.headers["Access-Control-Allow-Private-Network"] == "true"
    for origin in ("https://evil.example", None):
        answer, data = view.ask(**({"Origin": origin} if origin else {}))
        assert answer.headers["Access-Control-Allow-Origin"] == PERFETTO
        assert data.decode() == TRACE
    assert view.run.process.poll() is None
    answer, data = view.ask(Origin=PERFETTO)
    assert data.decode() == TRACE
    view.run.wait(0)
    assert "ui.perfetto.dev has the trace" in view.run.text()


@case()
def view_converts(context):
    """Captures, and anything with --format, are converted first; nothing of that stays behind."""
    target = context.target("calls.py", 20)
    capture = context.path("raw.vtb")
    tracer = context.command("-p", target.pid, "-o", capture).wait_tracing(target.pid)
    target.ask("go")
    tracer.send(2)
    tracer.wait(0)
    os.mkdir(context.path("tmp"))
    env = clean_env(TMPDIR=context.path("tmp"))
    for path in (capture, write(context, "trace.json")):
        view = View(context, path, "--no-browser", "--format", "html", env=env)
        answer, data = view.ask()
        assert answer.status == 200 and data.lstrip().lower().startswith(b"<!doctype html>")
        assert view.path.endswith(os.path.basename(path) + ".html"), view.path
        assert not os.listdir(context.path("tmp"))
        view.end()
    need_port(9001)
    view = View(context, capture, "--no-browser", "--format", "json", "--only-function", "leaf")
    _, data = view.ask(Origin=PERFETTO)
    assert b'"leaf (' in data and b'"middle (' not in data
    view.run.wait(0)


@case()
def view_browser_of_the_sudo_user(context):
    """The browser, and the server with it, are the sudo user's: ids, groups, HOME; never root's."""
    user = pwd.getpwuid(65534)
    page = write(context, "page.html", "<p>1</p>")
    os.chmod(page, 0o600)
    told = context.path("told")
    os.mkdir(told)
    os.chown(told, user.pw_uid, user.pw_gid)
    script = write(context, "browser", '#!/bin/sh\n{ id -u; id -ru; id -G; echo "$HOME $USER"; '
                   'env | grep -c "^SUDO_"; grep CapEff /proc/self/status; echo "$@"; } > %s/new\n'
                   'mv %s/new %s/it\nsleep 100\n' % (told, told, told))
    os.chmod(script, os.stat(script).st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    env = clean_env(SUDO_UID=str(user.pw_uid), SUDO_GID=str(user.pw_gid), SUDO_USER=user.pw_name,
                    SUDO_COMMAND="vtbpf", BROWSER="/nowhere/firefox:%s --new-tab %%s now" % script)
    view = View(context, page, env=env)
    wait_until(lambda: os.path.exists(told + "/it"), "the browser")
    with open(told + "/it") as f:
        lines = f.read().split("\n")[:-1]
    groups = {str(g) for g in os.getgrouplist(user.pw_name, user.pw_gid)}
    assert lines[:2] == ["65534"] * 2 and set(lines[2].split()) == groups, lines
    assert lines[3] == "%s %s" % (user.pw_dir, user.pw_name) and lines[4] == "0", lines
    assert int(lines[5].split()[1], 16) == 0 and lines[6] == "--new-tab %s now" % view.url, lines
    with open("/proc/%d/status" % view.run.process.pid) as f:
        status = f.read()
    assert re.search(r"^Uid:\t65534\t65534\t65534\t65534$", status, re.M), status
    assert re.search(r"^CapEff:\t0+$", status, re.M), status
    assert view.ask()[1] == b"<p>1</p>"
    view.end()


@case()
def view_without_a_browser(context):
    """Root opens none, a failing one is told; the address is printed all the same."""
    page = write(context, "page.html", "<p>1</p>")
    mark = context.path("opened")
    view = View(context, page, env=clean_env(BROWSER="touch " + mark))
    assert view.ask()[0].status == 200
    view.end()
    assert "not opened as root" in view.run.text() and not os.path.exists(mark)
    view = View(context, page, env=clean_env(SUDO_UID="65534", SUDO_GID="65534", BROWSER="false"))
    wait_until(lambda: "could not be opened" in view.run.text_so_far(), "word of the failure")
    view.end()


@case()
def view_refuses(context):
    """What cannot be shown, and what does not go with view."""
    assert "No such file" in context.fails(1, "view", context.path("none.html"))
    os.mkdir(context.path("dir.html"))
    os.mkfifo(context.path("pipe.json"))
    context.fails(1, "view", context.path("dir.html"))
    assert "no regular file" in context.fails(1, "view", context.path("pipe.json"))
    context.fails(1, "view", write(context, "x.folded", "a;b 1\n"), "--no-browser")
    path = write(context, "x.json")
    for words in ((), (path, path), (path, "--format", "pprof"), (path, "-o", "y"), (path, "--port", "0"),
                  (path, "--port", "65536"), (path, "--ignore-function", "f"), (path, "-p", "1")):
        context.fails(2, "view", *words)
    context.fails(2, "report", path, "--no-browser")
    taken = socket.create_server(("127.0.0.1", 0))
    port = str(taken.getsockname()[1])
    assert port in context.fails(1, "view", path, "--no-browser", "--port", port)
    taken.close()
