# SPDX-License-Identifier: GPL-2.0-only
"""Virtual environments with VizTracer from PyPI, for the benchmarks that compare with it."""
import os
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def make(python, where):
    """The environment's interpreter; None where VizTracer cannot be installed."""
    inside = os.path.join(where, "bin", "python")
    if os.path.exists(os.path.join(where, "bin", "viztracer")):
        return inside
    print("installing VizTracer into %s" % where, flush=True)
    for command in ([python, "-m", "venv", where],
                    [inside, "-m", "pip", "install", "-q", "viztracer"]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            print("%s: %s" % (python, done.stdout.strip().splitlines()[-1]))
            shutil.rmtree(where, ignore_errors=True)
            return None
    return inside


def pick(where, minor=None):
    """That of the newest interpreter found on which VizTracer installs, or of one of that version."""
    sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))
    import interpreters
    for interpreter in sorted(interpreters.find(), key=lambda i: i.minor, reverse=True):
        if minor in (None, interpreter.minor):
            inside = make(interpreter.path, where)
            if inside:
                return inside
    return None
