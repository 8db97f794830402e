#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""gen_completions.py [--check] VTBPF: writes scripts/dist/completions/ from the option tables of the
program, which `VTBPF --help` prints; --check only says whether they are what it would write."""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "dist/completions")
LICENCE = "# SPDX-License-Identifier: GPL-2.0-only"

COMMANDS = {
    "convert": "convert or filter a capture or a trace",
    "combine": "put several traces on one clock",
    "report": "say what takes the time in a trace",
    "diff": "say what got slower from one trace to the other",
    "view": "show a trace or a page in the browser",
    "doctor": "say what this machine allows",
    "threads": "show what the threads of a process do",
    "ctl": "control a trace that runs",
}
# Options with a few words to choose from; each word is named in the option's help.
WORDS = {
    "format": "json json.gz pftrace folded speedscope pprof html vtb",
    "sort": "self total calls min mean p50 p99 max name",
    "by": "function file thread",
    "align": "start marker marker=",
}
PIDS, FILES, OTHER = "pids", "files", "other"
KINDS = {"PID": PIDS, "FILE": FILES, "PATH": FILES}
OPTION = re.compile(r"^ {2}(?:-(\S), | {4})--([a-z-]+)(?:(\[?)=([^ \]]+)\]?)?(?: +(.*))?$")
COLUMN = 29  # where argp begins what it says of an option


class Option:
    def __init__(self, match):
        self.short, self.name, optional, self.value, text = match.groups()
        self.optional = bool(optional)
        self.text = text or ""

    @property
    def kind(self):
        return KINDS.get(self.value, OTHER) if self.value else None

    @property
    def summary(self):
        """The first clause, without what stands in brackets, not longer than a line should be."""
        words = re.split(r";|\. ", re.sub(r" ?\([^)]*\)", "", self.text))[0].split()
        whole = len(words)
        while len(" ".join(words)) > 90:
            words.pop()
        return " ".join(words).rstrip(" .,:") + ("..." if len(words) < whole else "")

    @property
    def repeatable(self):
        return "repeatable" in self.text or self.name == "verbose"


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def options_of(text):
    found = []
    for line in text.split("\n"):
        match = OPTION.match(line)
        if match:
            found.append(Option(match))
        elif found and line.startswith(" " * COLUMN):
            found[-1].text = (found[-1].text + " " + line.strip()).strip()
        elif line.startswith("Mandatory"):
            break
    return sorted(found, key=lambda option: option.name)


def check_tables(text, options):
    """What this file says itself must fit the program."""
    there = re.findall(r"^ *(?:Usage: |or: +)vtbpf \[OPTION...\] ([a-z]+) ", text, re.M)
    wrong = ["command " + c for c in set(there) ^ set(COMMANDS)]
    texts = {o.name: o.text for o in options}
    for name, words in WORDS.items():
        wrong += ["--%s %s" % (name, w) for w in words.split()
                  if w.rstrip("=") not in re.split(r"[ ,()]+", texts.get(name, ""))]
    if wrong:
        sys.exit("gen_completions.py: its tables do not fit --help: " + ", ".join(wrong))


def bash(options, controls):
    def named(kind):
        return " | ".join(n for o in options if o.value and o.kind == kind and not o.optional
                          and o.name not in WORDS
                          for n in (["-" + o.short] if o.short else []) + ["--" + o.name])
    every = [n for o in options for n in (["-" + o.short] if o.short not in (None, "?", "V") else []) +
             ["--" + o.name + ("=" if o.optional else "")] + (["--" + o.name] if o.optional else [])]
    lines = [LICENCE, "# bash completion for vtbpf; made by scripts/gen_completions.py", "", "_vtbpf() {",
             "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i",
             '\tlocal options="%s --"' % " ".join(every),
             "\tCOMPREPLY=()",
             "\tfor ((i = 1; i < COMP_CWORD; i++)); do",
             '\t\tif [ "${COMP_WORDS[i]}" = -- ]; then',
             '\t\t\tif [ "$i" -eq $((COMP_CWORD - 1)) ]; then',
             '\t\t\t\tmapfile -t COMPREPLY < <(compgen -c -- "$cur")',
             "\t\t\telse",
             '\t\t\t\tmapfile -t COMPREPLY < <(compgen -f -- "$cur")',
             "\t\t\tfi", "\t\t\treturn", "\t\tfi", "\tdone",
             "\tcase $prev in"]
    lines += ['\t%s) mapfile -t COMPREPLY < <(compgen -W "$(pgrep -f python)" -- "$cur") ;;' % named(PIDS),
              '\t%s) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;' % named(FILES)]
    lines += ['\t--%s) mapfile -t COMPREPLY < <(compgen -W "%s" -- "$cur") ;;' % item
              for item in WORDS.items()]
    lines += ["\t%s) ;;" % named(OTHER),
              "\t*)",
              '\t\tif [ "$COMP_CWORD" -eq 1 ]; then',
              '\t\t\toptions="$options %s"' % " ".join(COMMANDS),
              "\t\tfi",
              "\t\tif [[ $cur != -* && ${COMP_WORDS[1]} = ctl && $COMP_CWORD -gt 1 ]]; then",
              '\t\t\tmapfile -t COMPREPLY < <(compgen -W "%s" -- "$cur")' % " ".join(controls),
              "\t\telif [[ $cur != -* && ${COMP_WORDS[1]} =~ ^(convert|combine|report|diff|view)$ && "
              "$COMP_CWORD -gt 1 ]]; then",
              '\t\t\tmapfile -t COMPREPLY < <(compgen -f -- "$cur")',
              "\t\telse",
              '\t\t\tmapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")',
              "\t\tfi", "\t\t;;", "\tesac", "}",
              "complete -o filenames -F _vtbpf vtbpf"]
    return lines


def zsh_value(option):
    if not option.value:
        return ""
    action = {PIDS: "_vtbpf_pids", FILES: "_files", OTHER: " "}[option.kind]
    if option.name in WORDS:
        action = "(%s)" % WORDS[option.name]
    return ("::" if option.optional else ":") + option.value.replace(":", "\\:") + ":" + action


def zsh_option(option):
    said = "[%s]" % re.sub(r"([\[\]:'])", lambda m: "" if m.group(1) == "'" else "\\" + m.group(1),
                           option.summary)
    long = "--" + option.name + ("=-" if option.optional else "")
    if option.name in ("help", "usage", "version"):
        before = "(- *)"
    elif option.repeatable:
        before = "*"
    else:
        before = "(-%s --%s)" % (option.short, option.name) if option.short else ""
    if option.short:
        short = "\\?" if option.short == "?" else option.short
        return "\t'%s'{-%s,%s}'%s%s' \\" % (before, short, long, said, zsh_value(option))
    return "\t'%s%s%s%s' \\" % (before, long, said, zsh_value(option))


def zsh(options, _controls):
    said = " ".join('%s\\:"%s"' % item for item in COMMANDS.items())
    return ["#compdef vtbpf", LICENCE, "# zsh completion for vtbpf; made by scripts/gen_completions.py", "",
            "_vtbpf_pids() {", "\tlocal -a pids",
            "\tpids=(${(f)\"$(ps -eo pid=,args= | awk '/[p]ython/ { pid = $1; $1 = \"\"; "
            "print pid \":\" $0 }')\"})",
            "\t_describe 'Python process' pids", "}", "",
            "_arguments -S \\"] + [zsh_option(o) for o in options] + [
            "\t'1::command:((%s))' \\" % said,
            "\t'*:: :_normal'"]


def fish_option(option):
    line = "complete -c vtbpf"
    if option.short not in (None, "?"):
        line += " -s " + option.short
    line += " -l " + option.name
    if option.value and not option.optional:
        line += " -r" if option.kind == FILES else " -x"
    if option.kind == PIDS:
        line += " -a '(__fish_complete_pids)'"
    if option.name in WORDS:
        line += " -a '%s'" % WORDS[option.name]
    return line + " -d '%s'" % option.summary.replace("'", "")


def fish(options, controls):
    return [LICENCE, "# fish completion for vtbpf; made by scripts/gen_completions.py", ""] + [
        "complete -c vtbpf -n __fish_use_subcommand -a %s -d '%s'" % (name, said[0].upper() + said[1:])
        for name, said in COMMANDS.items()] + [
        "complete -c vtbpf -n '__fish_seen_subcommand_from ctl' -x -a '%s'" % " ".join(controls)] + [
        fish_option(o) for o in options]


def completes(*words):
    """What bash offers for the last of these words."""
    script = """source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vtbpf; echo "${COMPREPLY[@]}" """
    return output("bash", "-c", script, os.path.join(OUT, "bash"), *words).split()


def bash_works():
    return (completes("vtbpf", "--form") == ["--format"] and
            completes("vtbpf", "--format", "speed") == ["speedscope"] and
            completes("vtbpf", "ctl", "pau") == ["pause"] and
            "convert" in completes("vtbpf", ""))


def main():
    args = [a for a in sys.argv[1:] if a != "--check"]
    text = output(args[0], "--help")
    options = options_of(text)
    check_tables(text, options)
    controls = re.findall(r"^ {2}([a-z][a-z-]+)(?: [A-Z])? {2,}", output(args[0], "ctl", "--help"), re.M)
    stale = 0
    for shell in (bash, zsh, fish):
        path = os.path.join(OUT, shell.__name__)
        now = "\n".join(shell(options, controls)) + "\n"
        if "--check" not in sys.argv[1:]:
            with open(path, "w", encoding="utf-8") as f:
                f.write(now)
            continue
        with open(path, encoding="utf-8") as f:
            if f.read() != now:
                print("%s is not what --help says: run make completions" % path)
                stale += 1
    if not bash_works():
        print("the completion for bash does not complete")
        stale += 1
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
