/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the parts of elf_image. */
#ifndef VTBPF_ELF_SECTION_H
#define VTBPF_ELF_SECTION_H

#include <gelf.h>
#include <libelf.h>
#include <string.h>

#include "elf_image.h"

/* Goes on with the next section after *scn that has the given type (SHT_NULL: any). */
bool elf_image__next_section(const struct elf_image *img, Elf_Scn **scn, uint32_t type,
			     GElf_Shdr *sh);

/* A symbol table, to be looked through often: libelf's calls for one symbol cost more than the look.
 * The file is 64-bit little-endian, as the machine is, so libelf's data are arrays. */
struct elf_symbols {
	const Elf64_Sym *symbol;
	size_t n;
	const char *names;
	size_t names_size;
};

/* False when scn (NULL: none) is no symbol table or has no names. */
bool elf_symbols__open(const struct elf_image *img, Elf_Scn *scn, struct elf_symbols *out);

/* Is symbol i called name? `size` is that of name with its NUL. */
static inline bool elf_symbols__is(const struct elf_symbols *s, size_t i, const char *name,
				   size_t size)
{
	uint32_t at = s->symbol[i].st_name;

	return at < s->names_size && size <= s->names_size - at && s->names[at] == *name &&
	       !s->names[at + size - 1] && !memcmp(s->names + at, name, size);
}

#endif
