// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPython 3.8-3.10: every call of a Python function, and every resumption of a generator, is one
 * call of _PyEval_EvalFrameDefault (Python/ceval.c). It says that the frame runs by `tstate->frame
 * = f` and that it ends by `tstate->frame = f->f_back`; a call that fails on the recursion limit
 * does neither, and sys.setprofile does not see it. The sites are emulated instructions next to
 * these stores, else the stores themselves. The function's `ret` would be the obvious exit, but
 * there the registers are the caller's again.
 */
#include <errno.h>

#include "regs.h"
#include "sites.h"

#define MAX_PROLOGUE 120
#define MAX_NEAR 16
#define MAX_STORES 8   /* of either kind */
#define MAX_REGION 128 /* instructions between an exit and the store that it stands for */
#define MAX_RETURNS 16 /* of the function; compilers make one or two */

/* `tstate->frame = f->f_back` */
struct frame_end {
	const struct insn *load, *store;
};

/* What the function does with its frame. */
struct frame_use {
	uint8_t frame, tstate;	   /* registers that hold them throughout */
	uint8_t frame_at_first;	   /* register that the first of the begins stores */
	const struct insn *copies[2]; /* what put them there, NULL: they were there */
	const struct insn *begins[MAX_STORES];
	size_t n_begins;
	struct frame_end ends[MAX_STORES];
	size_t n_ends;
};

/* Addresses chosen, one or more for each of the stores of one kind. */
struct chosen {
	uint64_t at[MAX_REGION];
	size_t n;
};

static bool chosen__has(const struct chosen *c, uint64_t vaddr)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (c->at[i] == vaddr)
			return true;
	}
	return false;
}

/* False when there is no room. */
static bool chosen__add(struct chosen *c, uint64_t vaddr)
{
	if (chosen__has(c, vaddr))
		return true;
	if (c->n == MAX_REGION)
		return false;
	c->at[c->n++] = vaddr;
	return true;
}

/* ---- the stores -------------------------------------------------------------------------- */

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

/* The last instruction before `end`, on the line from the function's entry, that wrote reg. */
static const struct insn *last_write(const struct site_search *s, const struct insn *end,
				     uint8_t reg)
{
	const struct insn *in = flow__at(s->flow, s->eval), *last = NULL;

	for (; in && in != end; in = flow__next(s->flow, in)) {
		if (in->writes >> reg & 1)
			last = in;
	}
	return last;
}

/* Finds `tstate->frame = f` on the function's straight line, and the registers of both. */
static bool find_registers(const struct site_search *s, struct frame_use *use)
{
	uint8_t arg = insn__arg_reg(s->img->machine, s->py->minor >= 9 ? 1 : 0);
	const struct insn *in = flow__at(s->flow, s->eval);
	struct regs regs;
	int i;

	regs__init(&regs);
	for (i = 0; in && i < MAX_PROLOGUE; i++, in = flow__next(s->flow, in)) {
		if (in->shape == SHAPE_STORE && in->disp == s->py->tstate_frame &&
		    regs__holds(&regs, in->src, arg, 0) && in->base != in->src) {
			use->begins[use->n_begins++] = in;
			use->frame_at_first = in->src;
			use->frame = preserved(s, &regs, in->src);
			use->tstate = preserved(s, &regs, in->base);
			use->copies[0] = last_write(s, in, use->frame);
			use->copies[1] = last_write(s, in, use->tstate);
			return true;
		}
		regs__step(&regs, in);
	}
	return false;
}

/* The load of f->f_back that `store` stores, on the straight line before it. */
static const struct insn *loaded_for(const struct site_search *s, const struct frame_use *use,
				     const struct insn *store)
{
	const struct insn *in = store;
	int i;

	for (i = 0; i < MAX_NEAR; i++) {
		if (flow__joins(s->flow, in->vaddr, in->vaddr))
			return NULL;
		in = flow__before(s->flow, in);
		if (!in || in->kind != INSN_PLAIN)
			return NULL;
		if (in->writes >> store->src & 1)
			return in->shape == SHAPE_LOAD && in->base == use->frame &&
					       in->disp == s->py->layout.frame_previous ?
				       in :
				       NULL;
	}
	return NULL;
}

/* Sorts the stores to tstate->frame; false when there is one that is not understood. */
static bool find_stores(const struct site_search *s, struct frame_use *use)
{
	size_t n, i;
	const struct insn *insns = flow__insns(s->flow, &n), *load;

	for (i = 0; i < n; i++) {
		if (insns[i].shape != SHAPE_STORE || insns[i].disp != s->py->tstate_frame ||
		    insns[i].base != use->tstate || &insns[i] == use->begins[0])
			continue;
		if (use->n_begins == MAX_STORES || use->n_ends == MAX_STORES)
			return false;
		load = loaded_for(s, use, &insns[i]);
		if (load)
			use->ends[use->n_ends++] = (struct frame_end){ load, &insns[i] };
		else if (insns[i].src == use->frame)
			use->begins[use->n_begins++] = &insns[i];
		else
			return false;
	}
	return use->n_ends > 0;
}

/* Can a store be reached from behind `in`? */
static bool reaches_store(const struct site_search *s, const struct frame_use *use,
			  const struct insn *in)
{
	uint64_t from = in->vaddr + in->len;
	size_t i;

	for (i = 1; i < use->n_begins; i++) {
		if (flow__reaches(s->flow, from, use->begins[i]->vaddr, NULL, 0))
			return true;
	}
	for (i = 0; i < use->n_ends; i++) {
		if (flow__reaches(s->flow, from, use->ends[i].load->vaddr, NULL, 0))
			return true;
	}
	return false;
}

/* Nothing but the prologue writes the registers of frame and tstate on the way to the stores. */
static bool registers_are_kept(const struct site_search *s, const struct frame_use *use)
{
	uint32_t mask = 1u << use->frame | 1u << use->tstate;
	size_t n, i;
	const struct insn *insns = flow__insns(s->flow, &n);

	for (i = 0; i < n; i++) {
		const struct insn *in = &insns[i];

		if (!(in->writes & mask) || in == use->copies[0] || in == use->copies[1])
			continue;
		if (!insn__ends(in) && reaches_store(s, use, in))
			return false;
	}
	return true;
}

/* ---- sites ------------------------------------------------------------------------------- */

/* An emulated instruction on the straight line behind `store`, at which `reg` still is what it was
 * at `from`, at or shortly before the store. */
static const struct insn *emulated_after(const struct flow *f, const struct insn *from,
					 const struct insn *store, uint8_t reg)
{
	const struct insn *in;
	int i;

	for (in = from; in < store; in++) {
		if (in->writes >> reg & 1)
			return NULL;
	}
	for (i = 0; i < MAX_NEAR; i++) {
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

static bool exits_after(const struct site_search *s, const struct frame_use *use,
			struct chosen *exits)
{
	size_t i;

	for (i = 0; i < use->n_ends; i++) {
		const struct insn *in = emulated_after(s->flow, use->ends[i].load,
						       use->ends[i].store, use->frame);

		if (!in || !chosen__add(exits, in->vaddr))
			return false;
	}
	return true;
}

static bool is_load(const struct frame_use *use, const struct insn *in)
{
	size_t i;

	for (i = 0; i < use->n_ends; i++) {
		if (use->ends[i].load == in)
			return true;
	}
	return false;
}

/* Whatever way is taken from behind the branch `from`, one of the loads comes, and no exit before
 * it. */
static bool leads_to_load(const struct site_search *s, const struct frame_use *use,
			  const struct chosen *exits, const struct insn *from)
{
	struct chosen seen = { 0 };
	const struct insn *in = from;
	size_t done = 0;

	for (;;) {
		if (in->kind != INSN_PLAIN && in->kind != INSN_BRANCH && in->kind != INSN_JUMP)
			return false;
		if (in->kind != INSN_PLAIN && !chosen__add(&seen, in->target))
			return false;
		if (in->kind != INSN_JUMP && !chosen__add(&seen, in->vaddr + in->len))
			return false;
		do {
			if (done == seen.n)
				return true;
			in = flow__at(s->flow, seen.at[done++]);
			if (!in || chosen__has(exits, in->vaddr))
				return false;
		} while (is_load(use, in));
	}
}

/* Puts what leads to `in` in todo, or in exits if it is a fit site. */
static bool go_back(const struct site_search *s, const struct insn *in, struct chosen *todo,
		    struct chosen *exits)
{
	const struct insn *before[MAX_NEAR];
	size_t n = flow__predecessors(s->flow, in, before, MAX_NEAR), i;

	if (!n || n > MAX_NEAR || flow__is_root(s->flow, in->vaddr))
		return false;
	for (i = 0; i < n; i++) {
		bool branches = before[i]->kind == INSN_BRANCH || before[i]->kind == INSN_JUMP;

		if (!branches && before[i]->kind != INSN_PLAIN)
			return false;
		if (!chosen__add(before[i]->emulated ? exits : todo, before[i]->vaddr))
			return false;
	}
	return true;
}

/* The last emulated instructions before the loads, on all ways that lead to them. */
static bool exits_before(const struct site_search *s, const struct frame_use *use,
			 struct chosen *exits)
{
	struct chosen todo = { 0 };
	size_t i;

	exits->n = 0;
	for (i = 0; i < use->n_ends; i++)
		chosen__add(&todo, use->ends[i].load->vaddr);
	for (i = 0; i < todo.n; i++) {
		if (!go_back(s, flow__at(s->flow, todo.at[i]), &todo, exits))
			return false;
	}
	for (i = 0; i < exits->n; i++) {
		if (!leads_to_load(s, use, exits, flow__at(s->flow, exits->at[i])))
			return false;
	}
	return true;
}

/* No way leads from an entry to a return of the function without an exit. */
static bool exits_are_complete(const struct site_search *s, const struct chosen *entries,
			       const struct chosen *exits)
{
	size_t n, i, k, returns = 0;
	const struct insn *insns = flow__insns(s->flow, &n);

	for (i = 0; i < n; i++) {
		if (insns[i].kind != INSN_RETURN)
			continue;
		if (++returns > MAX_RETURNS)
			return false;
		for (k = 0; k < entries->n; k++) {
			if (flow__reaches(s->flow, entries->at[k], insns[i].vaddr, exits->at,
					  exits->n))
				return false;
		}
	}
	return true;
}

static void choose_exits(const struct site_search *s, const struct frame_use *use,
			 struct chosen *exits)
{
	size_t i;

	if (exits_after(s, use, exits) || exits_before(s, use, exits))
		return;
	exits->n = 0;
	for (i = 0; i < use->n_ends; i++)
		chosen__add(exits, use->ends[i].load->vaddr);
}

static void choose_entries(const struct site_search *s, const struct frame_use *use,
			   struct chosen *entries)
{
	size_t i;

	for (i = 0; i < use->n_begins; i++) {
		const struct insn *store = use->begins[i];
		const struct insn *in = emulated_after(s->flow, store, store, use->frame);

		chosen__add(entries, in ? in->vaddr : store->vaddr);
	}
}

static int add_all(const struct site_search *s, const struct frame_use *use, uint8_t kind,
		   const struct chosen *sites)
{
	struct site_choice c = {
		.kind = kind,
		.frame_reg = use->frame,
		.instr_reg = VTBPF_NO_REG,
		.name = "_PyEval_EvalFrameDefault",
	};
	size_t i;
	int err = 0;

	for (i = 0; !err && i < sites->n; i++) {
		c.vaddr = sites->at[i];
		c.entry = kind == VTBPF_SITE_ENTRY && !i ? s->eval : c.vaddr;
		err = sites__add(s, &c);
	}
	return err;
}

int sites__frame_function(const struct site_search *s)
{
	struct chosen entries = { 0 }, exits = { 0 };
	struct frame_use use = { 0 };
	int err;

	if (!find_registers(s, &use) || !find_stores(s, &use) || !registers_are_kept(s, &use))
		return -ENOENT;
	choose_entries(s, &use, &entries);
	choose_exits(s, &use, &exits);
	if (!exits_are_complete(s, &entries, &exits))
		return -ENOENT;
	s->plan->frame_reg = use.frame;
	err = add_all(s, &use, VTBPF_SITE_ENTRY, &entries);
	return err ? err : add_all(s, &use, VTBPF_SITE_EXIT, &exits);
}
