# SPDX-License-Identifier: GPL-2.0-only
"""Drives headless Chromium by the DevTools protocol, on a pipe: a page is opened, used as a person
uses it, asked, photographed, and whatever it complains of is kept.

    with chromium.Browser(context) as browser:
        page = browser.open("file:///tmp/report.html")
        page.click("#search")
        page.type("leaf")
        assert page.evaluate("document.querySelectorAll('tr').length") == 3
        page.check_quiet()

The protocol: https://chromedevtools.github.io/devtools-protocol/ (domains Target, Page, Runtime, Log,
Network, Input, Emulation). On the pipe each message is JSON and a NUL byte; Chromium reads from its
file descriptor 3 and writes to 4.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from harness import PATIENCE, Skip, clean_env

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
NOBODY = 65534
WIDTH, HEIGHT = 1280, 800
ARGUMENTS = ["--headless", "--remote-debugging-pipe", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-default-apps", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio",
             "--no-proxy-server", "--password-store=basic", "--window-size=%d,%d" % (WIDTH, HEIGHT),
             # Nothing but what a test serves itself can be reached, nor is it looked for.
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
             # Its own sandbox needs user namespaces, which a container may refuse. It runs as nobody,
             # and all that it is shown is the tests' own.
             "--no-sandbox"]
# (virtual key code, text) of the keys that are more than a character.
KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, ""), "Backspace": (8, ""), "Home": (36, ""),
        "End": (35, ""), "ArrowLeft": (37, ""), "ArrowUp": (38, ""), "ArrowRight": (39, ""),
        "ArrowDown": (40, ""), " ": (32, " ")}
MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}


def find():
    """The path of a Chromium; skips where there is none."""
    for name in NAMES:
        path = shutil.which(name)
        # Ubuntu's packages of these names only fetch a snap.
        if path and not os.path.realpath(path).startswith("/snap/") and os.path.basename(
                os.path.realpath(path)) != "snap":
            return path
    raise Skip("no Chromium here (scripts/install-deps.sh --test installs Debian's)")


class Failure(AssertionError):
    """What the browser refused, or what a page threw."""


class Page:
    """A tab. console: what it printed, as (level, text); errors: uncaught exceptions, failed requests
    and what the browser has to say against it; requests: the addresses it asked for, its own too."""

    def __init__(self, browser, session, target):
        self.browser, self.session, self.target = browser, session, target
        self.console, self.errors, self.requests = [], [], []
        self.loaded = False
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def call(self, method, **params):
        return self.browser.call(method, params, self.session)

    def on_event(self, method, params):
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Runtime.consoleAPICalled":
            words = [str(a.get("value", a.get("description", ""))) for a in params["args"]]
            self.console.append((params["type"], " ".join(words)))
            if params["type"] in ("error", "assert"):
                self.errors.append("console: " + " ".join(words))
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            thrown = details.get("exception", {}).get("description", "")
            self.errors.append("exception: %s %s" % (details["text"], thrown))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append("log: %s %s" % (params["entry"]["text"], params["entry"].get("url", "")))
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def go(self, url, seconds=PATIENCE):
        """Opens an address and waits for its load event."""
        self.loaded = False
        answer = self.call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise Failure("%s: %s" % (url, answer["errorText"]))
        self.browser.wait(lambda: self.loaded, "load of " + url, seconds)
        return self

    def evaluate(self, script, seconds=PATIENCE):
        """The value of a JavaScript expression, or of the promise that it is."""
        answer = self.browser.call("Runtime.evaluate", {
            "expression": script, "awaitPromise": True, "returnByValue": True, "userGesture": True},
            self.session, seconds)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise Failure("%s: %s" % (script[:200], details.get("exception", {}).get(
                "description", details["text"])))
        return answer["result"].get("value")

    def wait(self, script, seconds=PATIENCE):
        """Waits until the expression is true, and returns its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.evaluate(script)
            if value:
                return value
            time.sleep(0.05)
        raise Failure("waited %d s in vain for: %s\n%s" % (seconds, script, "\n".join(self.errors)))

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def accessibility(self):
        """What a screen reader is told: (role, name) of each node that is not ignored."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [(n.get("role", {}).get("value"), n.get("name", {}).get("value", ""))
                for n in nodes if not n["ignored"]]

    def dark(self, on=True):
        """prefers-color-scheme"""
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if on else "light"}])

    def resize(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)

    # ---- a person's hands ----

    def place(self, selector):
        """The middle of an element, which must be there."""
        x, y = self.evaluate("""(() => {
            const e = document.querySelector(%s);
            e.scrollIntoView({block: "nearest"});
            const r = e.getBoundingClientRect();
            return [r.left + r.width / 2, r.top + r.height / 2];
        })()""" % json.dumps(selector))
        return x, y

    def mouse(self, kind, x, y, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click_at(self, x, y, count=1):
        self.mouse("mouseMoved", x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=count)

    def click(self, selector):
        self.click_at(*self.place(selector))

    def drag(self, x, y, to_x, to_y):
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button="left", clickCount=1)
        for part in (0.25, 0.5, 0.75, 1):
            self.mouse("mouseMoved", x + part * (to_x - x), y + part * (to_y - y), button="left",
                       buttons=1)
        self.mouse("mouseReleased", to_x, to_y, button="left", clickCount=1)

    def wheel(self, x, y, down, modifiers=()):
        self.mouse("mouseWheel", x, y, deltaX=0, deltaY=down,
                   modifiers=sum(MODIFIERS[m] for m in modifiers))

    def press(self, key, modifiers=()):
        """One key: a character, or one of KEYS."""
        code, text = KEYS.get(key, (ord(key[0].upper()), key))
        event = {"key": key, "windowsVirtualKeyCode": code, "text": text,
                 "modifiers": sum(MODIFIERS[m] for m in modifiers)}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **dict(event, text=""))

    def type(self, text):
        for character in text:
            self.press(character)

    def outside_requests(self):
        """The requests that went neither to this machine nor to what a page holds itself."""
        inside = ("file:", "data:", "blob:", "about:", "http://127.0.0.1:", "http://localhost:")
        return [url for url in self.requests if not url.startswith(inside)]

    def check_quiet(self):
        """Nothing went wrong, and no request left this machine."""
        assert not self.errors, "the page complains:\n" + "\n".join(self.errors)
        assert not self.outside_requests(), self.outside_requests()

    def close(self):
        self.browser.call("Target.closeTarget", {"targetId": self.target})


class Browser:
    """A Chromium of its own, with an empty profile, which ends with the `with`. profile: where the
    user that it runs as may write."""

    def __init__(self, context, *arguments):
        path = find()
        user = NOBODY if os.geteuid() == 0 else None
        self.profile = tempfile.mkdtemp(prefix="vtbpf-chromium-")
        if user:
            os.chown(self.profile, user, user)
        self.log = open(context.path("chromium.log"), "wb")
        to_browser, self.write_fd = self._pipe()
        self.read_fd, from_browser = self._pipe()
        self.number, self.answers, self.pages, self.pending = 0, {}, {}, b""
        command = [path] + ARGUMENTS + list(arguments) + ["--user-data-dir=" + self.profile, "about:blank"]
        redirect = 'exec "$@" 3<&%d 4>&%d' % (to_browser, from_browser)
        self.process = subprocess.Popen(
            ["bash", "-c", redirect, "bash"] + command, user=user, group=user,
            extra_groups=[] if user else None, pass_fds=(to_browser, from_browser),
            env=clean_env(HOME=self.profile, XDG_CONFIG_HOME=self.profile, XDG_CACHE_HOME=self.profile),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.profile,
            start_new_session=True)
        os.close(to_browser)
        os.close(from_browser)

    @staticmethod
    def _pipe():
        """Both ends above the descriptors that Chromium wants."""
        low = os.pipe()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in low]
        for fd in low:
            os.close(fd)
        return high

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self, seconds):
        """Takes in what there is, waiting for it so long at most."""
        ready, _, _ = select.select([self.read_fd], [], [], max(0, seconds))
        if not ready:
            return
        data = os.read(self.read_fd, 1 << 20)
        if not data:
            raise Failure("Chromium ended:\n" + self.said())
        *whole, self.pending = (self.pending + data).split(b"\0")
        for raw in whole:
            self._take(json.loads(raw))

    def _take(self, message):
        if "id" in message:
            self.answers[message["id"]] = message
        elif message.get("sessionId") in self.pages:
            self.pages[message["sessionId"]].on_event(message["method"], message["params"])

    def said(self):
        with open(self.log.name, errors="replace") as f:
            return f.read()[-2000:]

    def wait(self, condition, what, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Failure("waited %d s in vain: %s" % (seconds, what))
            self._read(min(1, end - time.monotonic()))

    def call(self, method, params, session=None, seconds=PATIENCE):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write_fd, data):]
        self.wait(lambda: number in self.answers, "answer to " + method, seconds)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Failure("%s: %s" % (method, answer["error"]["message"]))
        return answer["result"]

    def new_page(self):
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        # Registered before it is asked anything, so that no event is missed.
        page = Page.__new__(Page)
        self.pages[session] = page
        page.__init__(self, session, target)
        return page

    def open(self, url, seconds=PATIENCE):
        return self.new_page().go(url, seconds)

    def close(self):
        try:
            self.call("Browser.close", {}, seconds=10)
            self.process.wait(10)
        except (Failure, OSError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.read_fd)
        os.close(self.write_fd)
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)
