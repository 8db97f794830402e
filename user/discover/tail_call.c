// SPDX-License-Identifier: GPL-2.0-only
#include "flow.h"
#include "tail_call.h"

/* A handler's name in Python/generated_cases.c.h, where it is a function. */
#define HANDLER_NAME "_TAIL_CALL_RESUME"

/*
 * Where handlers are labels, the evaluation function gets to the first of them by an indirect jump
 * of its own. Where they are functions it calls the first, for the frame that it has built lies on
 * its own stack (Python/ceval.c, Py_TAIL_CALL_INTERP).
 */
bool tail_call__is_used(const struct elf_image *img, struct decoder *d, uint64_t eval)
{
	struct elf_symbol sym;
	struct flow *f;
	const struct insn *insns;
	bool jumps = false;
	size_t n, i;

	if (elf_image__symbol(img, HANDLER_NAME, &sym))
		return true;
	f = flow__new(img, d, &eval, 1);
	if (!f)
		return false;
	insns = flow__insns(f, &n);
	for (i = 0; i < n && !jumps; i++)
		jumps = insns[i].kind == INSN_JUMP_INDIRECT;
	flow__free(f);
	return !jumps;
}
