// SPDX-License-Identifier: GPL-2.0-only
#include "fake_elf.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TABLES 0xa000 /* file offset of what is not loaded */

void fake_elf__init(struct fake_elf *e)
{
	memset(e, 0, sizeof(*e));
	e->type = ET_EXEC;
	e->machine = EM_X86_64;
	e->code_size = 0x1000;
	e->data_size = 0x1000;
	e->used = TABLES;
	e->n_sections = 1; /* number 0 is none */
	e->n_symbols = 1;
	e->strings_size = 1;
	e->section_names_size = 1;
}

void fake_elf__put(struct fake_elf *e, uint64_t vaddr, const void *bytes, size_t size)
{
	assert(vaddr >= FAKE_CODE && vaddr + size <= TABLES);
	memcpy(e->file + vaddr, bytes, size);
}

void fake_elf__put_u64(struct fake_elf *e, uint64_t vaddr, uint64_t value)
{
	fake_elf__put(e, vaddr, &value, sizeof(value));
}

static uint32_t add_string(char *pool, size_t *used, size_t room, const char *s)
{
	uint32_t at = (uint32_t)*used;

	assert(*used + strlen(s) + 1 <= room);
	strcpy(pool + at, s);
	*used += strlen(s) + 1;
	return at;
}

void fake_elf__symbol(struct fake_elf *e, const char *name, uint64_t vaddr)
{
	assert(e->n_symbols < 16);
	e->symbols[e->n_symbols++] = (Elf64_Sym){
		.st_name = add_string(e->strings, &e->strings_size, sizeof(e->strings), name),
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
		.st_shndx = SHN_ABS,
		.st_value = vaddr,
		.st_size = 16,
	};
}

static size_t store(struct fake_elf *e, const void *bytes, size_t size)
{
	size_t at = e->used;

	assert(at + size + 8 <= FAKE_SIZE);
	if (size)
		memcpy(e->file + at, bytes, size);
	e->used = (at + size + 7) & ~7ul;
	return at;
}

void fake_elf__section(struct fake_elf *e, const char *name, uint32_t type, uint64_t addr,
		       const void *bytes, size_t size)
{
	static const struct {
		uint32_t type, entry;
	} entries[] = { { SHT_DYNSYM, sizeof(Elf64_Sym) },
			{ SHT_SYMTAB, sizeof(Elf64_Sym) },
			{ SHT_RELA, sizeof(Elf64_Rela) },
			{ SHT_DYNAMIC, sizeof(Elf64_Dyn) },
			{ 19 /* SHT_RELR */, 8 } };
	Elf64_Shdr *sh = &e->sections[e->n_sections++];
	size_t i;

	assert(e->n_sections < 14);
	*sh = (Elf64_Shdr){
		.sh_name = add_string(e->section_names, &e->section_names_size,
				      sizeof(e->section_names), name),
		.sh_type = type,
		.sh_addr = addr,
		.sh_offset = store(e, bytes, size),
		.sh_size = size,
		.sh_addralign = type == SHT_NOTE ? 4 : 8,
	};
	for (i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		if (entries[i].type == type)
			sh->sh_entsize = entries[i].entry;
	}
}

/* Section of the symbol table; those that refer to it are linked to it. */
static void finish_symbols(struct fake_elf *e)
{
	size_t strings, i;

	strings = e->n_sections;
	fake_elf__section(e, ".dynstr", SHT_STRTAB, 0, e->strings, e->strings_size);
	fake_elf__section(e, ".dynsym", SHT_DYNSYM, 0, e->symbols,
			  e->n_symbols * sizeof(*e->symbols));
	e->sections[strings + 1].sh_link = (uint32_t)strings;
	e->sections[strings + 1].sh_info = 1;
	for (i = 1; i < strings; i++) {
		if (e->sections[i].sh_type == SHT_RELA)
			e->sections[i].sh_link = (uint32_t)strings + 1;
	}
}

static void write_program_headers(struct fake_elf *e)
{
	Elf64_Phdr ph[2] = {
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_X,
		  .p_offset = FAKE_CODE,
		  .p_vaddr = FAKE_CODE,
		  .p_filesz = e->code_size,
		  .p_memsz = e->code_size },
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_W,
		  .p_offset = FAKE_DATA,
		  .p_vaddr = FAKE_DATA,
		  .p_filesz = e->data_size,
		  .p_memsz = e->data_size + 64 },
	};

	memcpy(e->file + sizeof(Elf64_Ehdr), ph, sizeof(ph));
}

static void write_headers(struct fake_elf *e, size_t sections)
{
	Elf64_Ehdr eh = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = e->type,
		.e_machine = e->machine,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_phnum = 2,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_shoff = sections,
		.e_shnum = (uint16_t)e->n_sections,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_shstrndx = (uint16_t)(e->n_sections - 1),
	};

	memcpy(e->file, &eh, sizeof(eh));
}

int fake_elf__open(struct fake_elf *e)
{
	int fd = memfd_create("fake", MFD_CLOEXEC);
	size_t sections;

	finish_symbols(e);
	fake_elf__section(e, ".shstrtab", SHT_STRTAB, 0, e->section_names,
			  sizeof(e->section_names));
	sections = store(e, e->sections, e->n_sections * sizeof(*e->sections));
	write_program_headers(e);
	write_headers(e, sections);
	assert(fd >= 0);
	assert(write(fd, e->file, FAKE_SIZE) == FAKE_SIZE);
	return fd;
}
