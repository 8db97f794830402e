// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "dispatch_table.h"

#define OPCODES 256
#define MAX_MISMATCHES 8 /* compilers merge a few handlers of the same body */
#define MIN_DISTINCT 60	 /* tables of a tracing mode hold one handler 256 times */

static unsigned int mismatches(const struct elf_slot *slots, const bool holes[OPCODES],
			       uint64_t unknown)
{
	unsigned int n = 0, i;

	for (i = 0; i < OPCODES && n <= MAX_MISMATCHES; i++)
		n += (slots[i].value == unknown) != holes[i];
	return n;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static unsigned int distinct(const struct elf_slot *slots)
{
	uint64_t values[OPCODES];
	unsigned int i, n = 1;

	for (i = 0; i < OPCODES; i++)
		values[i] = slots[i].value;
	qsort(values, OPCODES, sizeof(*values), by_value);
	for (i = 1; i < OPCODES; i++)
		n += values[i] != values[i - 1];
	return n;
}

static unsigned int first_hole(const bool holes[OPCODES])
{
	unsigned int i = 0;

	while (i < OPCODES - 1 && !holes[i])
		i++;
	return i;
}

static void keep(struct dispatch_table *table, const struct elf_slot *slots, unsigned int bad)
{
	unsigned int i;

	table->vaddr = slots[0].vaddr;
	table->mismatches = bad;
	for (i = 0; i < OPCODES; i++)
		table->handlers[i] = slots[i].value;
}

int dispatch_table__find_in(const struct elf_slot *slots, size_t n, const struct cpython *py,
			    struct dispatch_table *table)
{
	unsigned int best = MAX_MISMATCHES + 1, hole;
	size_t i, run = 0;
	bool holes[OPCODES];

	cpython__holes(py, holes);
	hole = first_hole(holes);
	for (i = 0; i < n; i++) {
		const struct elf_slot *first;
		unsigned int bad;

		run = i && slots[i].vaddr == slots[i - 1].vaddr + 8 ? run + 1 : 1;
		if (run < OPCODES)
			continue;
		first = &slots[i + 1 - OPCODES];
		bad = mismatches(first, holes, first[hole].value);
		if (bad < best && distinct(first) > MIN_DISTINCT) {
			best = bad;
			keep(table, first, bad);
		}
	}
	return best <= MAX_MISMATCHES ? 0 : -ENOENT;
}

int dispatch_table__find(const struct elf_image *img, const struct cpython *py,
			 struct dispatch_table *table)
{
	struct elf_slot *slots = NULL;
	size_t n = 0;
	int err = elf_image__code_slots(img, &slots, &n);

	if (!err)
		err = dispatch_table__find_in(slots, n, py, table);
	free(slots);
	return err;
}
