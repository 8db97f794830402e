/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the functions of an ELF file begin, as its unwind table says (.eh_frame_hdr): stripped files have
 * it too, for exceptions and backtraces.
 */
#ifndef VTBPF_ELF_FUNCTIONS_H
#define VTBPF_ELF_FUNCTIONS_H

#include "elf_image.h"

struct elf_functions {
	const struct elf_image *img;
	uint64_t header; /* vaddr of the section */
	uint32_t n;
};

struct extent {
	uint64_t start, end; /* vaddrs, the end not included */
};

#define FUNCTION_SET_MAX 1024

/* Functions that a search came upon, each once. */
struct function_set {
	size_t n;
	bool full; /* and one more was found */
	struct extent all[FUNCTION_SET_MAX];
};

/* False when the file has no such table, or one in a form that linkers do not write. */
bool elf_functions__open(struct elf_functions *f, const struct elf_image *img);

/* The function, or part of one, that vaddr lies in: [*start, *end), of which the end may be padding.
 * False when it lies in none. */
bool elf_functions__at(const struct elf_functions *f, uint64_t vaddr, uint64_t *start,
		       uint64_t *end);

/* Adds the function that vaddr lies in, if it lies in one. */
void function_set__add(struct function_set *set, const struct elf_functions *f, uint64_t vaddr);

#endif
