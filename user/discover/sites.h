/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Choosing the instructions to probe. A site must be executed exactly once for the event it stands
 * for, the registers it needs must be live there, and the kernel should be able to emulate it; each
 * rule proves these on the code, not on symbols.
 */
#ifndef VTBPF_SITES_H
#define VTBPF_SITES_H

#include "cpython.h"
#include "dispatch_table.h"
#include "elf_image.h"
#include "flow.h"
#include "function_ref.h"
#include "insn.h"
#include "probe_plan.h"
#include "regs.h"

/* What the rules work on. */
struct site_search {
	const struct elf_image *img;
	struct decoder *decoder;
	const struct cpython *py;
	const struct dispatch_table *table;
	const struct flow *flow; /* of the evaluation function; its first root is `eval` */
	uint64_t eval;		 /* entry of _PyEval_EvalFrameDefault */
	uint8_t frame_reg;	 /* registers at the entry of every handler */
	uint8_t next_reg;	 /* next_instr */
	bool fp_is_frame;	 /* the machine's frame pointer is used as such by that function */
	struct probe_plan *plan; /* where sites and notes go */
};

/* A site about to be added. */
struct site_choice {
	uint8_t kind;			     /* enum vtbpf_site_kind */
	uint8_t frame_reg, instr_reg, flags; /* as in struct vtbpf_site */
	int16_t frame_at, instr_at;
	uint64_t vaddr;
	uint64_t entry; /* the naive site */
	const char *name;
};

/* Adds a site to the plan, unless one with the same address is there already. 0, -ENOSPC, or -ENOENT
 * when the kernel takes no probe there. */
int sites__add(const struct site_search *s, const struct site_choice *choice);

/* Adds a sentence to the plan's notes; what does not fit is dropped. */
void sites__note(const struct site_search *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Reads the frame's and next_instr's registers off the handlers' own stores. 0 or -ENOENT. */
int sites__find_registers(struct site_search *s);

/* Adds the site of one opcode handler: the first emulated instruction of its straight line, else
 * its first one. */
int sites__add_handler(const struct site_search *s, const struct cpython_opcode *op);

/* Says where the choice's frame is: in what held `reg` at the start. False when nothing does. */
bool sites__set_frame(const struct site_search *s, const struct regs *regs, uint8_t reg,
		      struct site_choice *choice);

/* Adds a site for each call of the function at vaddr, whose argument number arg is the frame. The
 * choice's kind and name are given. 0 or a negative errno. */
int sites__add_function(const struct site_search *s, uint64_t vaddr, unsigned int arg,
			struct site_choice *choice);

/* The branch that decides on the comparison `cmp`, when nothing joins or interferes between the
 * two: `cmp` itself if it is one that compares. Else NULL. */
const struct insn *sites__deciding_branch(const struct flow *f, const struct insn *cmp);

/* Does the evaluation function call it, or was it inlined there? */
bool sites__calls(const struct site_search *s, const struct function_ref *ref);

/* Of the registers in a mask one that calls preserve, else any; INSN_NO_REG when there is none. */
uint8_t sites__pick_reg(const struct site_search *s, uint32_t regs);

/* The rules of each family; each adds its sites and returns 0, or -ENOENT when the code does not
 * look as it must. */
int sites__frame_function(const struct site_search *s); /* 3.8-3.10: entry and exit */
int sites__is_entry_exits(const struct site_search *s); /* 3.11: unwinding */
int sites__owner_exits(const struct site_search *s);	/* 3.12 on: return and unwinding */
int sites__throw(const struct site_search *s);		/* 3.11 on: generator.throw() */
int sites__code_freed(const struct site_search *s);	/* where code objects die */
int sites__exception(const struct site_search *s);	/* each frame that an exception reaches */
int sites__handled(const struct site_search *s);	/* the end of an exception's handling */

#endif
