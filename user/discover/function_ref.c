// SPDX-License-Identifier: GPL-2.0-only
#include "function_ref.h"

#define MAX_STUB 6 /* instructions */

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

/*
 * The slot that the stub of the procedure linkage table at vaddr jumps through, else 0: `jmp *slot`
 * on x86, behind endbr64 maybe; on arm64 adrp, ldr, add, br, behind bti maybe.
 */
static uint64_t stub_slot(const struct elf_image *img, struct decoder *d, uint64_t vaddr)
{
	uint64_t page = 0, slot = 0;
	uint8_t page_reg = INSN_NO_REG, slot_reg = INSN_NO_REG;
	struct insn in;
	int i;

	for (i = 0; i < MAX_STUB && decoder__insn(d, img, vaddr, &in); i++, vaddr += in.len) {
		if (in.kind == INSN_JUMP_INDIRECT)
			return in.src == slot_reg && slot ? slot : in.target;
		if (in.shape == SHAPE_ADDRESS) {
			page = (uint64_t)in.disp;
			page_reg = in.dst;
		} else if (in.shape == SHAPE_LOAD && in.base == page_reg) {
			slot = page + (uint64_t)in.disp;
			slot_reg = in.dst;
		} else if (!in.landing_pad && in.shape != SHAPE_COPY) {
			return 0;
		}
	}
	return 0;
}

struct function_callee function_ref__callee(const struct elf_image *img, struct decoder *d,
					    const struct insn *call)
{
	struct function_callee to = { 0 };

	if (call->kind == INSN_CALL_INDIRECT) {
		to.slot = call->target;
	} else if (call->kind == INSN_CALL) {
		to.vaddr = call->target;
		to.slot = stub_slot(img, d, call->target);
	}
	return to;
}

bool function_ref__is(const struct function_ref *ref, const struct function_callee *to)
{
	return (to->vaddr && to->vaddr == ref->vaddr) || (to->slot && has_slot(ref, to->slot));
}

bool function_ref__is_called(const struct function_ref *ref, const struct elf_image *img,
			     struct decoder *d, const struct insn *call)
{
	struct function_callee to = { 0 };

	if (ref->n_slots)
		to = function_ref__callee(img, d, call);
	else if (call->kind == INSN_CALL)
		to.vaddr = call->target;
	return function_ref__is(ref, &to);
}
