#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Writes user/decode/printable.c: the characters that repr() of a str shows as they are.

Run it with a newer Python when its Unicode is wanted."""
import sys
import unicodedata


def ranges():
    """Stretches of characters above U+007F that str.isprintable() says no to."""
    first = None
    for code in range(0x80, 0x110001):
        hidden = code <= 0x10ffff and not chr(code).isprintable()
        if hidden and first is None:
            first = code
        elif not hidden and first is not None:
            yield first, code - 1
            first = None


def main():
    out = sys.stdout.write
    out('// SPDX-License-Identifier: GPL-2.0-only\n')
    out('/* Made by scripts/gen-printable.py, of Unicode %s. */\n' % unicodedata.unidata_version)
    out('#include "printable.h"\n\n#include <stddef.h>\n\n')
    out('/* clang-format off */\n')
    out('/* Stretches that are not printable: the first and the last of each. */\n')
    out('static const uint32_t hidden[][2] = {\n')
    line = '\t'
    for pair in ranges():
        item = '{ 0x%x, 0x%x },' % pair
        if len(line) + len(item) > 92:
            out(line.rstrip() + '\n')
            line = '\t'
        line += item + ' '
    out(line.rstrip() + '\n};\n/* clang-format on */\n\n')
    out('''bool printable(uint32_t c)
{
	size_t low = 0, high = sizeof(hidden) / sizeof(hidden[0]), middle;

	if (c < 0x80)
		return c >= ' ' && c < 0x7f;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (hidden[middle][1] < c)
			low = middle + 1;
		else
			high = middle;
	}
	return low < sizeof(hidden) / sizeof(hidden[0]) && c < hidden[low][0];
}
''')


main()
