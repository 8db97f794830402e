// SPDX-License-Identifier: GPL-2.0-only
#include "elf_functions.h"

#include <string.h>

#define HEADER_BYTES 12
#define ENTRY_BYTES 8
#define MAX_FUNCTION (1 << 20) /* bytes */

/* Version 1; the pointer relative and signed, the count plain, the table relative to the section, all of
 * 4 bytes (Linux Standard Base, Core, 10.6.2). */
static const uint8_t usual_form[] = { 1, 0x1b, 0x03, 0x3b };

bool elf_functions__open(struct elf_functions *f, const struct elf_image *img)
{
	const uint8_t *header;

	memset(f, 0, sizeof(*f));
	f->img = img;
	if (!elf_image__section(img, ".eh_frame_hdr", &f->header))
		return false;
	header = elf_image__bytes(img, f->header, HEADER_BYTES);
	if (!header || memcmp(header, usual_form, sizeof(usual_form)))
		return false;
	memcpy(&f->n, header + 8, sizeof(f->n));
	return f->n && (elf_image__room(img, f->header) - HEADER_BYTES) / ENTRY_BYTES >= f->n;
}

static uint64_t start_of(const struct elf_functions *f, uint32_t i)
{
	const uint8_t *entry = elf_image__bytes(
		f->img, f->header + HEADER_BYTES + (uint64_t)i * ENTRY_BYTES, ENTRY_BYTES);
	int32_t at = 0;

	if (entry)
		memcpy(&at, entry, sizeof(at));
	return f->header + (uint64_t)(int64_t)at;
}

bool elf_functions__at(const struct elf_functions *f, uint64_t vaddr, uint64_t *start,
		       uint64_t *end)
{
	uint32_t lo = 0, hi = f->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (start_of(f, mid) <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	*start = start_of(f, lo - 1);
	*end = lo < f->n ? start_of(f, lo) : *start + elf_image__room(f->img, *start);
	if (*end > *start + MAX_FUNCTION)
		*end = *start + MAX_FUNCTION;
	return *start <= vaddr && vaddr < *end && elf_image__is_code(f->img, *start);
}

void function_set__add(struct function_set *set, const struct elf_functions *f, uint64_t vaddr)
{
	struct extent e;

	if (!elf_functions__at(f, vaddr, &e.start, &e.end))
		return;
	for (size_t i = 0; i < set->n; i++)
		if (set->all[i].start == e.start)
			return;
	if (set->n == FUNCTION_SET_MAX)
		set->full = true;
	else
		set->all[set->n++] = e;
}
