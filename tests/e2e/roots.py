# SPDX-License-Identifier: GPL-2.0-only
"""The interpreters that scripts/fetch-pythons.sh made. What lies in a root of its own is started by
a wrapper, which makes it look like any interpreter: same arguments, same process, same file names
for the tests' own files."""

import glob
import os
import re
import shlex
import subprocess
import tempfile

CACHE = os.environ.get("VTBPF_PYTHON_CACHE") or "/var/cache/vtbpf-pythons"
TESTS = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(TESTS))
WRAPPERS = os.path.join(TREE, "build", "e2e", "pythons")
NOTES = {"clang313": "frame ends inlined", "clang313-bolt": "PGO, LTO, BOLT",
         "switch39": "no computed gotos", "tail314": "tail calls", "tail315": "tail calls"}

class Place:
    """Where an interpreter lies. name: of the recipe, or empty; root: its root's path, or empty."""

    def __init__(self, name="", root="", note=""):
        self.name = name
        self.root = root
        self.note = note

    def shown(self, path):
        """A path for reports: wrappers lie elsewhere in every tree."""
        return os.path.join(self.name, os.path.basename(path)) if self.root else path


HERE = Place()


def _wrapper(name, root, program, command, setting=""):
    """An executable named `program` that becomes `command` in the root, with a setting VAR=VALUE."""
    path = os.path.join(WRAPPERS, name, program)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    argv = ["unshare", "--mount", "--propagation", "private",
            os.path.join(TESTS, "in-root.sh"), root, TREE, tempfile.gettempdir(), command]
    with open(path, "w") as f:
        f.write('#!/bin/sh\nPATH=$PATH:/usr/sbin:/sbin %s exec %s "$@"\n' % (
            setting, " ".join(shlex.quote(arg) for arg in argv)))
    os.chmod(path, 0o755)
    return path


def _embedding_program():
    """embed.c, compiled; None without a compiler."""
    source, path = os.path.join(TESTS, "targets", "embed.c"), os.path.join(WRAPPERS, "embed")
    if not os.path.exists(path) or os.stat(path).st_mtime < os.stat(source).st_mtime:
        os.makedirs(WRAPPERS, exist_ok=True)
        built = subprocess.run(["cc", "-O1", "-o", path, source, "-ldl"])
        if built.returncode:
            return None
    return path


def _in_root(name, root):
    for path in sorted(glob.glob(root + "/usr/bin/python3.*"), key=len):
        program = os.path.basename(path)
        if re.fullmatch(r"python3\.\d+", program):
            yield _wrapper(name, root, program, program), Place(name, root)
    embed = _embedding_program()
    for path in sorted(glob.glob(root + "/usr/lib/*/libpython3.*.so.1.0")) if embed else []:
        minor = re.search(r"libpython(3\.\d+)", path).group(1)
        own = "%s-%s-embedded" % (name, minor)
        setting = "VTBPF_LIBPYTHON=" + path[len(root):]
        yield _wrapper(own, root, "embed", embed, setting), Place(own, root, "embedded")


def candidates():
    """[(path, Place)] of all that is whole in the cache."""
    found = []
    for recipe in sorted(glob.glob(CACHE + "/*/.recipe")):
        root = os.path.dirname(recipe)
        name = os.path.basename(root)
        pythons = [path for path in glob.glob(root + "/bin/python3.*")
                   if re.fullmatch(r"python3\.\d+t?", os.path.basename(path))]
        if os.path.islink(root + "/bin"):  # a whole system, not an installation's prefix
            found += _in_root(name, root)
        else:
            found += [(path, Place(name, "", NOTES.get(name, ""))) for path in pythons]
    return found
