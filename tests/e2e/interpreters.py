# SPDX-License-Identifier: GPL-2.0-only
"""Which CPythons the tests run on: the one table of supported versions, and where they are found."""

import glob
import hashlib
import json
import os
import pwd
import re
import shutil
import struct
import subprocess

import roots

# Every minor version that vtbpf traces. A case that is run on each interpreter runs on all that are
# found of these, and prints a skip for a version of which there is none.
SUPPORTED = ((3, 8), (3, 9), (3, 10), (3, 11), (3, 12), (3, 13), (3, 14), (3, 15))

_ASK = """
import json, os, platform, re, sys, sysconfig
maps = open("/proc/self/maps").read()
shared = re.search(r"/\\S*/libpython[23][^/\\n]*", maps)
print(json.dumps({"version": platform.python_version(), "minor": list(sys.version_info[:2]),
                  "implementation": platform.python_implementation(),
                  "image": shared.group() if shared else os.readlink("/proc/self/exe"),
                  "shared": bool(shared), "clang": "Clang" in sys.version,
                  "threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED"))}))
"""


class Interpreter:
    """path: what starts it, with a root of its own if need be; image: the file that holds the
    interpreter, as this machine sees it; flavour: what is special about it."""

    def __init__(self, path, facts, place):
        self.path = path
        self.place = place
        self.version = facts["version"]
        self.minor = tuple(facts["minor"])
        self.free_threaded = facts["threaded"]
        self.image = place.root + facts["image"]
        self.abi = "cp%d%d%s" % (self.minor + ("t" if self.free_threaded else "",))
        self.flavour = [place.note] if place.note else []
        self.flavour += ["shared" if facts["shared"] else "static",
                         "with symbols" if _has_symbols(self.image) else "stripped"]
        self.flavour += ["clang"] * facts["clang"] + ["free-threaded"] * self.free_threaded

    def __str__(self):
        return "CPython %s%s %s" % (self.version, "t" * self.free_threaded, self.place.shown(self.path))

    def describe(self):
        return "%s (%s)" % (self, ", ".join(self.flavour))

    def is_called(self, name):
        """Whether --python NAME means this one."""
        return name in (self.path, self.version, self.place.name, self.place.shown(self.path),
                        "%d.%d%s" % (self.minor + ("t" * self.free_threaded,)))


def _has_symbols(path):
    """Whether the ELF file has a .symtab."""
    with open(path, "rb") as f:
        header = f.read(64)
        offset, = struct.unpack_from("<Q", header, 0x28)
        size, count = struct.unpack_from("<HH", header, 0x3a)
        f.seek(offset)
        table = f.read(size * count)
    return any(struct.unpack_from("<I", table, i * size + 4)[0] == 2 for i in range(count))


def _homes():
    names = [os.path.expanduser("~")]
    if os.environ.get("SUDO_UID", "").isdigit():
        names.append(pwd.getpwuid(int(os.environ["SUDO_UID"])).pw_dir)
    return names


def _pyenv_roots():
    found = [os.path.join(home, ".pyenv") for home in _homes()]
    if os.environ.get("PYENV_ROOT"):
        found.insert(0, os.environ["PYENV_ROOT"])
    if shutil.which("pyenv"):
        asked = subprocess.run(["pyenv", "root"], stdout=subprocess.PIPE, text=True)
        found.insert(0, asked.stdout.strip())
    return [root for root in dict.fromkeys(found) if root]


def _version_key(path):
    return [int(n) for n in re.findall(r"\d+", path)]


def _candidates():
    """(path, place): the distribution's interpreters first, then pyenv's, each source sorted by
    version, then those that scripts/fetch-pythons.sh made."""
    paths = [path for path in os.environ.get("VTBPF_PYTHONS", "").split(":") if path]
    paths += sorted(glob.glob("/usr/bin/python[23].*"), key=_version_key)
    for root in _pyenv_roots():
        paths += sorted(glob.glob(root + "/versions/*/bin/python[23].*"), key=_version_key)
    here = [(path, roots.HERE) for path in paths
            if re.fullmatch(r"python[23]\.\d+t?", os.path.basename(path))]
    return here + roots.candidates()


def _ask(path, place):
    try:
        asked = subprocess.run([path, "-c", _ASK], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, timeout=20)
        facts = json.loads(asked.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    if facts["implementation"] != "CPython":
        return None
    return Interpreter(path, facts, place)


def _digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).digest()


def find():
    """All CPythons found, one an image, in the order of _candidates()."""
    found, seen = [], set()
    for path, place in _candidates():
        python = _ask(path, place)
        digest = python and _digest(python.image)
        if python and digest not in seen:
            seen.add(digest)
            found.append(python)
    return found
