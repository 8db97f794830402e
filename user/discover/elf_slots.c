// SPDX-License-Identifier: GPL-2.0-only
/* Where an ELF file holds addresses: its relocations, or its words. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* Is the symbol that the relocation refers to called name? */
static bool refers_to(const struct elf_image *img, Elf_Scn *symbols, const GElf_Rela *rela,
		      const char *name)
{
	uint64_t index = GELF_R_SYM(rela->r_info);
	const char *s;
	GElf_Shdr sh;
	GElf_Sym sym;

	if (!index || index > INT32_MAX || !symbols || !gelf_getshdr(symbols, &sh) ||
	    !gelf_getsym(elf_getdata(symbols, NULL), (int)index, &sym))
		return false;
	s = elf_strptr(img->elf, sh.sh_link, sym.st_name);
	return s && strcmp(s, name) == 0;
}

size_t elf_image__slots_of(const struct elf_image *img, const char *name, uint64_t *slots,
			   size_t max)
{
	Elf_Scn *scn = NULL;
	size_t found = 0;
	GElf_Shdr sh;

	while (elf_image__next_section(img, &scn, SHT_RELA, &sh)) {
		Elf_Scn *symbols = elf_getscn(img->elf, sh.sh_link);
		Elf_Data *data = elf_getdata(scn, NULL);
		GElf_Rela rela;
		int i;

		for (i = 0; found < max && data && gelf_getrela(data, i, &rela); i++) {
			if (refers_to(img, symbols, &rela, name))
				slots[found++] = rela.r_offset;
		}
	}
	return found;
}

struct slots {
	const struct elf_image *img;
	struct elf_slot *slot;
	size_t n, room;
};

static int add_slot(struct slots *s, uint64_t vaddr, uint64_t value)
{
	if (!elf_image__is_code(s->img, value))
		return 0;
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 4096;
		struct elf_slot *p;

		if (room > MAX_SLOTS)
			return -EFBIG;
		p = realloc(s->slot, room * sizeof(*p));
		if (!p)
			return -ENOMEM;
		s->slot = p;
		s->room = room;
	}
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
	GElf_Shdr sh;
	int err = 0;

	while (!err && elf_image__next_section(s->img, &scn, SHT_RELA, &sh)) {
		Elf_Data *data = elf_getdata(scn, NULL);
		GElf_Rela rela;
		int i;

		for (i = 0; !err && data && gelf_getrela(data, i, &rela); i++) {
			if (GELF_R_TYPE(rela.r_info) == relative)
				err = add_slot(s, rela.r_offset, (uint64_t)rela.r_addend);
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

int elf_image__code_slots(const struct elf_image *img, struct elf_slot **slots, size_t *n)
{
	struct slots s = { .img = img };
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
	if (s.n)
		qsort(s.slot, s.n, sizeof(*s.slot), by_vaddr);
	*slots = s.slot;
	*n = s.n;
	return 0;
}
