// SPDX-License-Identifier: GPL-2.0-only
/* Where an ELF file holds addresses: its relocations, or its words. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../array.h"
#include "elf_section.h"

#define MAX_SLOTS (4u << 20)

#ifndef SHT_RELR
#define SHT_RELR 19
#endif
#ifndef R_X86_64_RELATIVE
#define R_X86_64_RELATIVE 8
#endif
#ifndef R_AARCH64_RELATIVE
#define R_AARCH64_RELATIVE 1027
#endif

/* The entries of a section of type SHT_RELA. */
static const Elf64_Rela *rela_of(Elf_Scn *scn, size_t *n)
{
	Elf_Data *data = elf_getdata(scn, NULL);

	*n = data && data->d_buf && data->d_type == ELF_T_RELA ? data->d_size / sizeof(Elf64_Rela) :
								 0;
	return *n ? data->d_buf : NULL;
}

size_t elf_image__slots_of(const struct elf_image *img, const char *name, uint64_t *slots,
			   size_t max)
{
	size_t size = strlen(name) + 1, found = 0, n, i;
	struct elf_symbols symbols;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while (elf_image__next_section(img, &scn, SHT_RELA, &sh)) {
		const Elf64_Rela *rela = rela_of(scn, &n);

		if (!elf_symbols__open(img, elf_getscn(img->elf, sh.sh_link), &symbols))
			continue;
		for (i = 0; found < max && i < n; i++) {
			uint64_t index = ELF64_R_SYM(rela[i].r_info);

			if (index && index < symbols.n &&
			    elf_symbols__is(&symbols, index, name, size))
				slots[found++] = rela[i].r_offset;
		}
	}
	return found;
}

struct slots {
	const struct elf_image *img;
	elf_slot_fn wants;
	const void *arg;
	struct elf_slot *slot;
	size_t n, room;
};

static int add_slot(struct slots *s, uint64_t vaddr, uint64_t value)
{
	if (!s->wants(s->img, value, s->arg))
		return 0;
	if (s->n == MAX_SLOTS)
		return -EFBIG;
	if (ARRAY_RESERVE(s->slot, s->room, s->n + 1))
		return -ENOMEM;
	s->slot[s->n++] = (struct elf_slot){ .vaddr = vaddr, .value = value };
	return 0;
}

static int scan_words(struct slots *s)
{
	size_t i;

	for (i = 0; i < s->img->n_segments; i++) {
		const struct elf_segment *seg = &s->img->segments[i];
		uint64_t at = -seg->vaddr & 7, value;
		int err = 0;

		for (; !err && at + 8 <= seg->size; at += 8) {
			memcpy(&value, seg->bytes + at, 8);
			err = add_slot(s, seg->vaddr + at, value);
		}
		if (err)
			return err;
	}
	return 0;
}

static int scan_rela(struct slots *s)
{
	const uint32_t relative = s->img->machine == EM_AARCH64 ? R_AARCH64_RELATIVE :
								  R_X86_64_RELATIVE;
	Elf_Scn *scn = NULL;
	size_t n, i;
	GElf_Shdr sh;
	int err = 0;

	while (!err && elf_image__next_section(s->img, &scn, SHT_RELA, &sh)) {
		const Elf64_Rela *rela = rela_of(scn, &n);

		for (i = 0; !err && i < n; i++) {
			if (ELF64_R_TYPE(rela[i].r_info) == relative)
				err = add_slot(s, rela[i].r_offset, (uint64_t)rela[i].r_addend);
		}
	}
	return err;
}

static int add_in_place(struct slots *s, uint64_t vaddr)
{
	uint64_t value;

	return elf_image__u64(s->img, vaddr, &value) ? add_slot(s, vaddr, value) : 0;
}

/* RELR (gABI draft "Relative relocation table"): an even word is an address, an odd one a bitmap of
 * the 63 words after the last address. */
static int relr_word(struct slots *s, uint64_t word, uint64_t *next)
{
	int bit, err = 0;

	if (!(word & 1)) {
		*next = word + 8;
		return add_in_place(s, word);
	}
	for (bit = 1; bit < 64 && !err; bit++) {
		if (word >> bit & 1)
			err = add_in_place(s, *next + 8 * (uint64_t)(bit - 1));
	}
	*next += 8 * 63;
	return err;
}

static int scan_relr(struct slots *s)
{
	uint64_t next = 0, word;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	int err = 0;

	while (!err && elf_image__next_section(s->img, &scn, SHT_RELR, &sh)) {
		Elf_Data *data = elf_rawdata(scn, NULL);
		size_t at;

		for (at = 0; !err && data && data->d_buf && at + 8 <= data->d_size; at += 8) {
			memcpy(&word, (const char *)data->d_buf + at, 8);
			err = relr_word(s, word, &next);
		}
	}
	return err;
}

static int by_vaddr(const void *a, const void *b)
{
	const struct elf_slot *x = a, *y = b;

	return (x->vaddr > y->vaddr) - (x->vaddr < y->vaddr);
}

static bool is_sorted(const struct slots *s)
{
	size_t i;

	for (i = 1; i < s->n; i++) {
		if (s->slot[i - 1].vaddr > s->slot[i].vaddr)
			return false;
	}
	return true;
}

int elf_image__slots(const struct elf_image *img, elf_slot_fn wants, const void *arg,
		     struct elf_slot **slots, size_t *n)
{
	struct slots s = { .img = img, .wants = wants, .arg = arg };
	int err;

	if (img->dynamic) {
		err = scan_rela(&s);
		if (!err)
			err = scan_relr(&s);
	} else {
		err = scan_words(&s);
	}
	if (err) {
		free(s.slot);
		return err;
	}
	if (!is_sorted(&s)) /* as linkers leave them, mostly */
		qsort(s.slot, s.n, sizeof(*s.slot), by_vaddr);
	*slots = s.slot;
	*n = s.n;
	return 0;
}

static bool is_code(const struct elf_image *img, uint64_t value,
		    const void *arg __attribute__((unused)))
{
	return elf_image__is_code(img, value);
}

int elf_image__code_slots(const struct elf_image *img, struct elf_slot **slots, size_t *n)
{
	return elf_image__slots(img, is_code, NULL, slots, n);
}
