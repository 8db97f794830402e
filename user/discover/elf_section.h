/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the parts of elf_image. */
#ifndef VTBPF_ELF_SECTION_H
#define VTBPF_ELF_SECTION_H

#include <gelf.h>
#include <libelf.h>

#include "elf_image.h"

/* Goes on with the next section after *scn that has the given type (SHT_NULL: any). */
bool elf_image__next_section(const struct elf_image *img, Elf_Scn **scn, uint32_t type,
			     GElf_Shdr *sh);

#endif
