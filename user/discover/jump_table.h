/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables that a switch jumps through: where its cases begin. Compilers check the number against
 * the table's size right before the jump, so both can be read off the code.
 */
#ifndef VTBPF_JUMP_TABLE_H
#define VTBPF_JUMP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf_image.h"
#include "insn.h"

struct jump_table {
	uint64_t vaddr;
	size_t n;
	bool relative; /* 4 bytes an entry, counted from the table; else 8 bytes, an address */
};

/* Finds the table of the indirect jump that ends `run`, n instructions that are executed one after
 * the other. False when it cannot be told from them. */
bool jump_table__find(const struct insn *run, size_t n, struct jump_table *t);

/* Where entry i leads; false when that is no code. */
bool jump_table__entry(const struct jump_table *t, const struct elf_image *img, size_t i,
		       uint64_t *vaddr);

#endif
