/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPython's opcode_targets: 256 addresses, one handler per opcode. It has no symbol in a
 * stripped file, but the opcodes a version leaves undefined all point to the same handler, and
 * that pattern is found once in the whole file.
 */
#ifndef VTBPF_DISPATCH_TABLE_H
#define VTBPF_DISPATCH_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "cpython.h"
#include "elf_image.h"

struct dispatch_table {
	uint64_t vaddr;
	unsigned int mismatches; /* opcodes that contradict the pattern: merged handlers */
	uint64_t handlers[256];
};

/* Finds the table of version py. 0, -ENOENT when there is none, or another negative errno. */
int dispatch_table__find(const struct elf_image *img, const struct cpython *py,
			 struct dispatch_table *table);

/* The same among n slots in order of address (elf_image__code_slots). */
int dispatch_table__find_in(const struct elf_slot *slots, size_t n, const struct cpython *py,
			    struct dispatch_table *table);

#endif
