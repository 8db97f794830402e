// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where code objects die: code_dealloc() of Objects/codeobject.c. It is static, but the type object
 * is exported and names it in tp_dealloc. Knowing these moments, the BPF side need not look at each
 * call whether there still is the code object at its address that was there before.
 */
#include <errno.h>
#include <stdlib.h>

#include "sites.h"

/* Include/object.h, Include/cpython/object.h (3.8-3.15): PyObject_VAR_HEAD, tp_name, tp_basicsize,
 * tp_itemsize, tp_dealloc. The object head of free-threaded builds has 32 bytes. */
#define OBJECT_HEAD 16
#define OBJECT_HEAD_FREE_THREADED 32
#define DEALLOC_BEHIND_HEAD 32

static int find_slot(const struct elf_image *img, uint64_t vaddr, uint64_t *value)
{
	struct elf_slot *slots = NULL;
	size_t n = 0, i;
	int err = elf_image__code_slots(img, &slots, &n);

	if (err)
		return err;
	for (i = 0; i < n && slots[i].vaddr != vaddr; i++)
		;
	if (i < n)
		*value = slots[i].value;
	free(slots);
	return i < n ? 0 : -ENOENT;
}

int sites__code_freed(const struct site_search *s)
{
	struct site_choice choice = { .kind = VTBPF_SITE_CODE_FREED, .name = "code_dealloc" };
	uint64_t at = DEALLOC_BEHIND_HEAD, dealloc = 0;
	struct elf_symbol type;
	int err;

	if (!elf_image__symbol(s->img, "PyCode_Type", &type))
		return -ENOENT;
	at += s->plan->free_threaded ? OBJECT_HEAD_FREE_THREADED : OBJECT_HEAD;
	err = find_slot(s->img, type.vaddr + at, &dealloc);
	return err ? err : sites__add_function(s, dealloc, 0, &choice);
}
