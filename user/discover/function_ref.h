/* SPDX-License-Identifier: GPL-2.0-only */
/* A function of the file by name, and the ways code calls it: straight, through a stub of the
 * procedure linkage table, or through its slot of the global offset table. */
#ifndef VTBPF_FUNCTION_REF_H
#define VTBPF_FUNCTION_REF_H

#include <stdbool.h>
#include <stdint.h>

#include "elf_image.h"
#include "insn.h"

struct function_ref {
	uint64_t vaddr; /* 0 when the file does not define it */
	uint64_t slots[4];
	size_t n_slots;
};

/* Looks name up; a function that the file neither defines nor imports is called by nothing. */
void function_ref__find(const struct elf_image *img, const char *name, struct function_ref *ref);

/* Whom a call calls: a function of the file, or through which slot; zeros when that cannot be told. */
struct function_callee {
	uint64_t vaddr, slot;
};

/* Worth it for a call that is compared with several functions: stubs have to be decoded. */
struct function_callee function_ref__callee(const struct elf_image *img, struct decoder *d,
					    const struct insn *call);
bool function_ref__is(const struct function_ref *ref, const struct function_callee *to);

bool function_ref__is_called(const struct function_ref *ref, const struct elf_image *img,
			     struct decoder *d, const struct insn *call);

#endif
