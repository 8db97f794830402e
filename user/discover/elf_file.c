// SPDX-License-Identifier: GPL-2.0-only
#include <gelf.h>
#include <libelf.h>
#include <string.h>

#include "elf_image.h"

#define PAGE 4096ull

static Elf *open_elf(int fd)
{
	Elf *elf;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return NULL;
	}
	return elf;
}

static bool is_one_of(const char *name, const char *const names[])
{
	for (; name && *names; names++) {
		if (strcmp(name, *names) == 0)
			return true;
	}
	return false;
}

static bool section_defines(Elf *elf, Elf_Scn *scn, const char *const names[])
{
	Elf_Data *data;
	GElf_Shdr sh;
	GElf_Sym sym;
	int i;

	if (!gelf_getshdr(scn, &sh) || (sh.sh_type != SHT_DYNSYM && sh.sh_type != SHT_SYMTAB))
		return false;
	data = elf_getdata(scn, NULL);
	for (i = 0; data && gelf_getsym(data, i, &sym); i++) {
		if (sym.st_shndx != SHN_UNDEF &&
		    is_one_of(elf_strptr(elf, sh.sh_link, sym.st_name), names))
			return true;
	}
	return false;
}

bool elf_file__defines(int fd, const char *const names[])
{
	Elf *elf = open_elf(fd);
	Elf_Scn *scn = NULL;
	bool found = false;

	while (elf && !found && (scn = elf_nextscn(elf, scn)) != NULL)
		found = section_defines(elf, scn, names);
	if (elf)
		elf_end(elf);
	return found;
}

bool elf_file__code_vaddr(int fd, uint64_t offset, uint64_t *vaddr)
{
	Elf *elf = open_elf(fd);
	bool found = false;
	size_t n = 0, i;

	if (elf && elf_getphdrnum(elf, &n))
		n = 0;
	for (i = 0; i < n && !found; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_LOAD || !(ph.p_flags & PF_X))
			continue;
		if (offset >= (ph.p_offset & ~(PAGE - 1)) &&
		    (offset < ph.p_offset || offset - ph.p_offset < ph.p_filesz)) {
			*vaddr = ph.p_vaddr - ph.p_offset + offset;
			found = true;
		}
	}
	if (elf)
		elf_end(elf);
	return found;
}
