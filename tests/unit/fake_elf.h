/* SPDX-License-Identifier: GPL-2.0-only */
/* Builds small 64-bit ELF files in memory for tests of discover. */
#ifndef FAKE_ELF_H
#define FAKE_ELF_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_CODE 0x1000 /* vaddr and file offset of the code */
#define FAKE_DATA 0x8000 /* of the data */
#define FAKE_SIZE 0x10000

struct fake_elf {
	uint8_t file[FAKE_SIZE];
	uint16_t type;	  /* ET_EXEC unless set */
	uint16_t machine; /* EM_X86_64 unless set */
	size_t code_size, data_size;
	size_t used; /* bytes of the tables, which lie behind the data */
	size_t n_sections, n_symbols;
	Elf64_Shdr sections[16];
	Elf64_Sym symbols[16];
	char strings[512];
	size_t strings_size;
	char section_names[256];
	size_t section_names_size;
};

void fake_elf__init(struct fake_elf *e);

/* Puts bytes at a vaddr of the code (FAKE_CODE on) or the data (FAKE_DATA on). */
void fake_elf__put(struct fake_elf *e, uint64_t vaddr, const void *bytes, size_t size);
void fake_elf__put_u64(struct fake_elf *e, uint64_t vaddr, uint64_t value);

void fake_elf__symbol(struct fake_elf *e, const char *name, uint64_t vaddr);

/* Adds a section that holds bytes of its own, at address addr when that is not 0. */
void fake_elf__section(struct fake_elf *e, const char *name, uint32_t type, uint64_t addr,
		       const void *bytes, size_t size);

/* Writes headers and symbol table; the result is an open memfd. Call it last. */
int fake_elf__open(struct fake_elf *e);

#endif
