# SPDX-License-Identifier: GPL-2.0-only
"""Packages from PyPI for any of the interpreters: most have no pip, and some no TLS."""

import os
import subprocess

from harness import HERE, Skip, clean_env

CACHE = os.path.realpath(os.path.join(HERE, "..", "..", "build", "e2e"))
PLATFORMS = ["manylinux%s_x86_64" % tag for tag in ("2014", "_2_17", "_2_24", "_2_26", "_2_28")]


def _importable(python, name, site):
    env = clean_env(PYTHONPATH=site, PYTHONDONTWRITEBYTECODE="1")
    return subprocess.run([python.path, "-c", "import " + name], env=env,
                          stderr=subprocess.DEVNULL).returncode == 0


def _pip(context):
    """An interpreter that has pip; it fetches wheels for any other."""
    for path in dict.fromkeys(["/usr/bin/python3"] + [python.path for python in context.everything]):
        asked = subprocess.run([path, "-m", "pip", "--version"], env=clean_env(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if asked.returncode == 0:
            return path
    raise Skip("no interpreter here has pip")


def site(context, name):
    """A directory for PYTHONPATH with the package in it, as a wheel; skips where there is none."""
    python = context.python
    target = os.path.join(CACHE, "%s-%s-%s" % (name, python.abi, python.version))
    if _importable(python, name, target):
        return target
    argv = [_pip(context), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--root-user-action=ignore", "--only-binary=:all:", "--target", target, "--upgrade",
            "--implementation", "cp", "--python-version", "%d.%d" % python.minor,
            "--abi", python.abi, "--abi", "none", "--abi", "abi3"]
    for platform in PLATFORMS:
        argv += ["--platform", platform]
    done = subprocess.run(argv + [name], env=clean_env(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120)
    if not _importable(python, name, target):
        last = done.stdout.strip().splitlines()[-1:] or ["it cannot be imported"]
        raise Skip("no %s for this interpreter: %s" % (name, last[0]))
    return target
