# SPDX-License-Identifier: GPL-2.0-only
"""Which CPythons the tests run on: the one table of supported versions, and where they are found."""

import glob
import json
import os
import pwd
import re
import shutil
import subprocess

# Every minor version that vtbpf traces. A case that is run on each interpreter runs on all that are
# found of these, and prints a skip for a version of which there is none.
SUPPORTED = ((3, 10), (3, 11), (3, 12), (3, 13))

_ASK = """
import json, platform, sys
print(json.dumps({"version": platform.python_version(), "minor": list(sys.version_info[:2]),
                  "implementation": platform.python_implementation()}))
"""


class Interpreter:
    def __init__(self, path, version, minor):
        self.path = path
        self.version = version
        self.minor = tuple(minor)

    def __str__(self):
        return "CPython %s %s" % (self.version, self.path)


def _homes():
    names = [os.path.expanduser("~")]
    if os.environ.get("SUDO_UID", "").isdigit():
        names.append(pwd.getpwuid(int(os.environ["SUDO_UID"])).pw_dir)
    return names


def _pyenv_roots():
    roots = [os.path.join(home, ".pyenv") for home in _homes()]
    if os.environ.get("PYENV_ROOT"):
        roots.insert(0, os.environ["PYENV_ROOT"])
    if shutil.which("pyenv"):
        asked = subprocess.run(["pyenv", "root"], stdout=subprocess.PIPE, text=True)
        roots.insert(0, asked.stdout.strip())
    return [root for root in dict.fromkeys(roots) if root]


def _version_key(path):
    return [int(n) for n in re.findall(r"\d+", path)]


def _candidates():
    """Distribution's interpreters first, then pyenv's, each source sorted by version."""
    extra = [path for path in os.environ.get("VTBPF_PYTHONS", "").split(":") if path]
    system = sorted(glob.glob("/usr/bin/python[23].*"), key=_version_key)
    pyenv = []
    for root in _pyenv_roots():
        pyenv += sorted(glob.glob(root + "/versions/*/bin/python[23].*"), key=_version_key)
    return [path for path in extra + system + pyenv
            if re.fullmatch(r"python[23]\.\d+t?", os.path.basename(path))]


def _ask(path):
    try:
        asked = subprocess.run([path, "-c", _ASK], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, timeout=20)
        facts = json.loads(asked.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    if facts["implementation"] != "CPython":
        return None
    return Interpreter(path, facts["version"], facts["minor"])


def find():
    """All CPythons found, one a file, in the order of _candidates()."""
    found, seen = [], set()
    for path in _candidates():
        real = os.path.realpath(path)
        python = None if real in seen else _ask(path)
        if python:
            seen.add(real)
            found.append(python)
    return found
