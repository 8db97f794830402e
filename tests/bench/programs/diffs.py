# SPDX-License-Identifier: GPL-2.0-only
"""difflib on texts that are alike."""
import difflib


def main():
    old = ["line %d of the old text, %d" % (i, i * i % 97) for i in range(220)]
    new = [line.replace("old", "new") if i % 5 == 0 else line for i, line in enumerate(old)]
    for _ in range(4):
        list(difflib.ndiff(old, new))


if __name__ == "__main__":
    main()
