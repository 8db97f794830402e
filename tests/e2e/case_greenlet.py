# SPDX-License-Identifier: GPL-2.0-only
"""Programs that switch stacks under Python's feet."""

import os
import subprocess

from harness import HERE, Skip, case, clean_env

CACHE = os.path.join(HERE, "..", "..", "build", "e2e")


def importable(python, site):
    env = clean_env(PYTHONPATH=site, PYTHONDONTWRITEBYTECODE="1")
    return subprocess.run([python.path, "-c", "import greenlet"], env=env,
                          stderr=subprocess.DEVNULL).returncode == 0


def greenlet_site(context):
    """A directory to put on PYTHONPATH; installs greenlet there when the interpreter has none."""
    python = context.python
    site = os.path.realpath(os.path.join(CACHE, "greenlet-%s" % python.version))
    if importable(python, site):
        return site
    os.makedirs(site, exist_ok=True)
    pip = [python.path, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
           "--root-user-action=ignore", "--only-binary=:all:", "--target", site, "greenlet"]
    installed = subprocess.run(pip, env=clean_env(), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, timeout=120)
    if not importable(python, site):
        last = installed.stdout.strip().splitlines()[-1:] or ["no message"]
        raise Skip("no greenlet: %s" % last[0])
    return site


@case(each=True)
def greenlets(context):
    """Greenlets of one thread, whose calls overlap, lie on tracks of their own; nothing crashes."""
    site = greenlet_site(context)
    target = context.target("green.py", env=clean_env(PYTHONPATH=site))
    tracer = context.attach(target)
    truth = target.ask("go")
    trace = tracer.stop()
    file = target.facts["file"]
    tid = target.facts["tid"]
    naps = [s for s in trace.of_file(file) if s.qualname == "nap"]
    assert len(naps) == 2 * truth["rounds"], (len(naps), truth)
    for name in ("ping", "pong"):
        track = {s.tid for s in trace.of_file(file) if s.qualname == name}
        assert len(track) == 1, (name, track)
    made_up = {s.tid for s in naps} - {tid}
    assert made_up, "overlapping greenlets share one track"
    assert all(s.args.get("tid") == tid for s in naps if s.tid != tid), naps[:5]
    assert target.alive()
    target.tell("exit")
    assert target.wait() == 0
