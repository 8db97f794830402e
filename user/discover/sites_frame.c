// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPython 3.8-3.10: every call of a Python function, and every resumption of a generator, is one
 * call of _PyEval_EvalFrameDefault (Python/ceval.c). It says that the frame runs by `tstate->frame
 * = f` and that it ends by `tstate->frame = f->f_back`; a call that fails on the recursion limit
 * does neither, and sys.setprofile does not see it. The sites are the first emulated instruction
 * after each of these stores. The function's `ret` would be the obvious exit, but the kernel
 * single-steps it.
 */
#include <errno.h>

#include "regs.h"
#include "sites.h"

#define MAX_PROLOGUE 120
#define MAX_AFTER 16
#define MAX_EXITS 8
#define MAX_RETURNS 16 /* of the function; compilers make one or two */

/* The stores that begin and end a frame. */
struct frame_stores {
	const struct insn *begin;
	uint8_t frame, tstate;
};

/* A site on the straight line behind `store`, at which `reg` still is what it was there. */
static const struct insn *emulated_after(const struct flow *f, const struct insn *store,
					 uint8_t reg)
{
	const struct insn *in = store;
	int i;

	for (i = 0; i < MAX_AFTER; i++) {
		if (in->writes >> reg & 1)
			return NULL;
		in = flow__next(f, in);
		if (!in || flow__joins(f, in->vaddr, in->vaddr))
			return NULL;
		if (in->emulated)
			return in;
		if (in->kind != INSN_PLAIN)
			return NULL;
	}
	return NULL;
}

static bool begins_frame(const struct site_search *s, const struct insn *in,
			 const struct regs *regs)
{
	uint8_t arg = insn__arg_reg(s->img->machine, s->py->minor >= 9 ? 1 : 0);

	return in->shape == SHAPE_STORE && in->disp == s->py->tstate_frame &&
	       regs__holds(regs, in->src, arg, 0) && in->base != in->src;
}

/* A register that calls preserve and that holds the same as reg; reg itself if there is none. */
static uint8_t preserved(const struct site_search *s, const struct regs *regs, uint8_t reg)
{
	uint32_t lost = insn__caller_saved(s->img->machine);
	uint8_t i;

	for (i = 0; i < INSN_REGS; i++) {
		if (!(lost >> i & 1) && regs__holds(regs, i, regs->from[reg], regs->add[reg]))
			return i;
	}
	return reg;
}

/* Finds `tstate->frame = f` on the function's straight line. */
static bool find_begin(const struct site_search *s, struct frame_stores *st)
{
	const struct insn *in = flow__at(s->flow, s->eval);
	struct regs regs;
	int i;

	regs__init(&regs);
	for (i = 0; in && i < MAX_PROLOGUE; i++, in = flow__next(s->flow, in)) {
		if (begins_frame(s, in, &regs)) {
			*st = (struct frame_stores){ in, preserved(s, &regs, in->src),
						     preserved(s, &regs, in->base) };
			return true;
		}
		regs__step(&regs, in);
	}
	return false;
}

/* Does `in` store to tstate->frame what was loaded from f->f_back shortly before? */
static bool ends_frame(const struct site_search *s, const struct frame_stores *st,
		       const struct insn *in)
{
	const struct insn *first = flow__insns(s->flow, &(size_t){ 0 });
	int i;

	if (in->shape != SHAPE_STORE || in->disp != s->py->tstate_frame || in->base != st->tstate)
		return false;
	for (i = 0; i < MAX_AFTER && in - i > first; i++) {
		const struct insn *load = in - i - 1;

		if (load->shape == SHAPE_LOAD && load->dst == in->src)
			return load->base == st->frame &&
			       load->disp == s->py->layout.frame_previous;
		if (load->writes >> in->src & 1)
			return false;
	}
	return false;
}

static size_t find_ends(const struct site_search *s, const struct frame_stores *st,
			uint64_t ends[MAX_EXITS])
{
	size_t n, found = 0, i;
	const struct insn *insns = flow__insns(s->flow, &n);

	for (i = 0; i < n; i++) {
		const struct insn *site;

		if (!ends_frame(s, st, &insns[i]))
			continue;
		site = emulated_after(s->flow, &insns[i], st->frame);
		if (!site || found == MAX_EXITS)
			return 0;
		ends[found++] = site->vaddr;
	}
	return found;
}

/* No way leads from the entry site to a return of the function without an exit site. */
static bool exits_are_complete(const struct site_search *s, uint64_t entry, const uint64_t *ends,
			       size_t n_ends)
{
	size_t n, i, returns = 0;
	const struct insn *insns = flow__insns(s->flow, &n);

	for (i = 0; i < n; i++) {
		if (insns[i].kind != INSN_RETURN)
			continue;
		if (++returns > MAX_RETURNS ||
		    flow__reaches(s->flow, entry, insns[i].vaddr, ends, n_ends))
			return false;
	}
	return true;
}

static int add_cheap_sites(const struct site_search *s, const struct frame_stores *st,
			   const struct insn *begin, const uint64_t *ends, size_t n_ends)
{
	struct site_choice c = {
		.kind = VTBPF_SITE_ENTRY,
		.frame_reg = st->frame,
		.instr_reg = VTBPF_NO_REG,
		.vaddr = begin->vaddr,
		.entry = s->eval,
		.name = "_PyEval_EvalFrameDefault",
	};
	int err = sites__add(s, &c);
	size_t i;

	s->plan->frame_reg = st->frame;
	c.kind = VTBPF_SITE_EXIT;
	for (i = 0; !err && i < n_ends; i++) {
		c.vaddr = c.entry = ends[i];
		err = sites__add(s, &c);
	}
	return err;
}

/* The plain way: the function's first instruction and its returns. */
static int add_plain_sites(const struct site_search *s)
{
	struct site_choice c = {
		.kind = VTBPF_SITE_ENTRY,
		.frame_reg = insn__arg_reg(s->img->machine, s->py->minor >= 9 ? 1 : 0),
		.instr_reg = VTBPF_NO_REG,
		.vaddr = s->eval,
		.entry = s->eval,
		.name = "_PyEval_EvalFrameDefault",
	};
	size_t n, i;
	const struct insn *insns = flow__insns(s->flow, &n);
	int err = sites__add(s, &c);

	s->plan->frame_reg = c.frame_reg;
	c.kind = VTBPF_SITE_EXIT;
	c.frame_reg = VTBPF_NO_REG; /* the callee-saved registers are the caller's again */
	for (i = 0; !err && i < n; i++) {
		if (insns[i].kind != INSN_RETURN)
			continue;
		c.vaddr = c.entry = insns[i].vaddr;
		err = sites__add(s, &c);
	}
	sites__note(s,
		    "Calls end at a ret, which is single-stepped: they cost several times more.");
	return err;
}

int sites__frame_function(const struct site_search *s)
{
	uint64_t ends[MAX_EXITS];
	const struct insn *begin;
	struct frame_stores st;
	size_t n;

	if (!find_begin(s, &st))
		return add_plain_sites(s);
	begin = emulated_after(s->flow, st.begin, st.frame);
	n = find_ends(s, &st, ends);
	if (!begin || !n || !exits_are_complete(s, begin->vaddr, ends, n))
		return add_plain_sites(s);
	return add_cheap_sites(s, &st, begin, ends, n);
}
