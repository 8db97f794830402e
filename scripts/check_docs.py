#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_docs.py VTBPF: the man page, each completion and the README name every option and command
of `VTBPF --help`, and none that it does not have."""

import re
import subprocess
import sys

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")
COMMAND = re.compile(r"^ *(?:Usage: |or: +)?vtbpf +(?:\[OPTION\.\.\.\] )?([a-z]+) ", re.M)
# In the README: options of other programs in the examples.
FOREIGN = {"--combine", "--python"}

DOCUMENTS = {
    "scripts/dist/vtbpf.1": lambda text: text.replace("\\-", "-").replace("\\fB", "").replace("\\fR", ""),
    "scripts/dist/completions/bash": lambda text: text,
    "scripts/dist/completions/zsh": lambda text: text,
    "scripts/dist/completions/fish": lambda text: re.sub(r" -l ([a-z][a-z-]*)", r" --\1", text),
    "README.md": lambda text: text,
}


def help_text(vtbpf):
    return subprocess.run([vtbpf, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout


def main():
    text = help_text(sys.argv[1])
    options = set(OPTION.findall(text)) - FOREIGN
    commands = set(COMMAND.findall(text))
    wrong = 0
    for path, plain in DOCUMENTS.items():
        with open(path, encoding="utf-8") as f:
            document = plain(f.read())
        named = set(OPTION.findall(document)) - FOREIGN
        for option in sorted(options - named):
            print("%s: does not name %s" % (path, option))
            wrong += 1
        for option in sorted(named - options):
            print("%s: names %s, which --help does not have" % (path, option))
            wrong += 1
        for command in sorted(commands):
            if not re.search(r"\b%s\b" % command, document):
                print("%s: does not name the command %s" % (path, command))
                wrong += 1
    print("%d options, %d commands" % (len(options), len(commands)))
    return 1 if wrong or not options else 0


if __name__ == "__main__":
    sys.exit(main())
