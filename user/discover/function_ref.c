// SPDX-License-Identifier: GPL-2.0-only
#include "function_ref.h"

void function_ref__find(const struct elf_image *img, const char *name, struct function_ref *ref)
{
	struct elf_symbol sym;

	*ref = (struct function_ref){ 0 };
	if (elf_image__symbol(img, name, &sym))
		ref->vaddr = sym.vaddr;
	ref->n_slots = elf_image__slots_of(img, name, ref->slots, 4);
}

static bool has_slot(const struct function_ref *ref, uint64_t slot)
{
	size_t i;

	for (i = 0; i < ref->n_slots; i++) {
		if (ref->slots[i] == slot)
			return true;
	}
	return false;
}

bool function_ref__is_called(const struct function_ref *ref, const struct elf_image *img,
			     struct decoder *d, const struct insn *call)
{
	struct insn stub;

	if (call->kind == INSN_CALL_INDIRECT)
		return call->target && has_slot(ref, call->target);
	if (call->kind != INSN_CALL)
		return false;
	if (call->target == ref->vaddr)
		return ref->vaddr != 0;
	if (!ref->n_slots || !decoder__insn(d, img, call->target, &stub))
		return false;
	if (stub.landing_pad && !decoder__insn(d, img, call->target + stub.len, &stub))
		return false;
	return stub.kind == INSN_JUMP_INDIRECT && has_slot(ref, stub.target);
}
