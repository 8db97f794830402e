# SPDX-License-Identifier: GPL-2.0-only
"""Virtual environments with packages of PyPI, for the benchmarks that compare with them."""
import os
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def make(python, where, packages=("viztracer",)):
    """The environment's interpreter; None where the packages cannot be installed."""
    inside = os.path.join(where, "bin", "python")
    whole = os.path.join(where, ".whole")
    if os.path.exists(whole):
        return inside
    print("installing %s into %s" % (", ".join(packages), where), flush=True)
    for command in ([python, "-m", "venv", where],
                    [inside, "-m", "pip", "install", "-q", *packages]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            print("%s: %s" % (python, done.stdout.strip().splitlines()[-1]))
            shutil.rmtree(where, ignore_errors=True)
            return None
    with open(whole, "w", encoding="ascii"):
        return inside


def can(interpreter):
    """Can it have an environment here? One in a root of its own does not see the file system that the
    environment would be in, and distributions leave out what puts pip into it."""
    return not interpreter.place.root and not subprocess.run(
        [interpreter.path, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL).returncode


def pick(where, minor=None, packages=("viztracer",)):
    """That of the newest interpreter found on which they install, or of one of that version."""
    sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))
    import interpreters
    if os.path.exists(os.path.join(where, ".whole")) and not minor:
        return os.path.join(where, "bin", "python")
    for interpreter in sorted(interpreters.find(), key=lambda i: i.minor, reverse=True):
        if minor in (None, interpreter.minor) and can(interpreter):
            inside = make(interpreter.path, where, packages)
            if inside:
                return inside
    return None
