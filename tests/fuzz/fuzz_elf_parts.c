// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parts of an interpreter's file by themselves, of which a damaged file seldom has a whole one: the
 * words among which the dispatch table is searched, a static probe's note, _Py_DebugOffsets, a line
 * table. The first byte says of which version.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/discover/cpython.h"
#include "../../user/discover/dispatch_table.h"
#include "../../user/discover/py_layout.h"
#include "../../user/discover/py_lines.h"
#include "../../user/discover/usdt_note.h"

#define FIRST_MINOR 8
#define MINORS 8
#define MAX_SLOTS 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A byte is a word: one of 256 handlers, at addresses in order. */
static void search_table(const uint8_t *data, size_t size, const struct cpython *py)
{
	struct elf_slot *slots = calloc(MAX_SLOTS, sizeof(*slots));
	struct dispatch_table table;
	size_t n = size < MAX_SLOTS ? size : MAX_SLOTS;

	for (size_t i = 0; i < n; i++)
		slots[i] = (struct elf_slot){ .vaddr = 0x1000 + 8 * i, .value = 0x8000 + data[i] };
	/* the test below must see a read behind them */
	slots = realloc(slots, n ? n * sizeof(*slots) : 1);
	if (!dispatch_table__find_in(slots, n, py, &table) &&
	    (table.vaddr < 0x1000 || table.vaddr + 256 * 8 > 0x1000 + 8 * n))
		abort();
	free(slots);
}

static void read_note(const uint8_t *data, size_t size)
{
	static struct elf_image img = {
		.n_segments = 1,
		.segments = { { .vaddr = 0,
				.offset = 0x1000,
				.size = 1 << 24,
				.memsz = 1 << 24,
				.exec = true } },
	};
	struct elf_note note = { .type = 3, .owner = "stapsdt", .desc = data, .desc_len = size };
	struct usdt_site site;

	if (usdt_note__parse(&img, &note, 0, &site) &&
	    (strnlen(site.name, sizeof(site.name)) == sizeof(site.name) ||
	     strnlen(site.args, sizeof(site.args)) == sizeof(site.args)))
		abort();
	usdt_note__parse(&img, &note, 0x400000, &site);
}

static void read_offsets(const uint8_t *data, size_t size, unsigned int minor)
{
	struct py_layout l = *py_layout__find(minor), before = l;

	if (py_layout__refine(&l, data, size) && memcmp(&l, &before, sizeof(l)))
		abort();
}

static void read_lines(const uint8_t *data, size_t size)
{
	static const enum py_lines_form forms[] = { PY_LINES_LNOTAB, PY_LINES_PAIRS,
						    PY_LINES_LOCATIONS };

	for (unsigned int i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct py_line_table t = { forms[i], data, size, size ? data[0] : 1 };

		for (uint64_t offset = 0; offset < 64; offset += 6)
			py_line_table__find(&t, offset);
		py_line_table__find(&t, UINT64_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int minor;

	if (!size)
		return 0;
	minor = FIRST_MINOR + data[0] % MINORS;
	search_table(data + 1, size - 1, cpython__of(minor));
	read_note(data + 1, size - 1);
	read_offsets(data + 1, size - 1, minor);
	read_lines(data + 1, size - 1);
	return 0;
}
