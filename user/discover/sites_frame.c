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

#include "hold.h"
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
	struct hold *frame, *tstate; /* the arguments */
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

static bool in_mask(uint32_t mask, uint8_t reg)
{
	return reg < INSN_REGS && mask >> reg & 1;
}

static void chosen__remove(struct chosen *c, uint64_t vaddr)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (c->at[i] == vaddr)
			c->at[i--] = c->at[--c->n];
	}
}

/* ---- the stores -------------------------------------------------------------------------- */

/* Does it store something at tstate->frame, `behind` bytes behind its address? */
static bool stores_at(const struct site_search *s, const struct insn *in, int behind)
{
	return in->shape == SHAPE_STORE && in->disp + behind == s->py->tstate_frame;
}

/* Follows the straight line from the entry to the first store of the frame, and tstate from there:
 * it is an argument only from 3.9 on. False when there is none. */
static bool find_tstate(const struct site_search *s, struct frame_use *use)
{
	const struct insn *in = flow__at(s->flow, s->eval), *writes[INSN_REGS] = { NULL };
	uint8_t reg;
	int i;

	for (i = 0; in && i < MAX_PROLOGUE; i++, in = flow__next(s->flow, in)) {
		if (stores_at(s, in, 0) && in_mask(hold__regs(use->frame, in), in->src) &&
		    in->base < INSN_REGS) {
			use->begins[use->n_begins++] = in;
			use->tstate = hold__new(s->flow, writes[in->base], in->base, 8);
			return use->tstate != NULL;
		}
		for (reg = 0; reg < INSN_REGS; reg++) {
			if (in_mask(in->writes, reg))
				writes[reg] = in;
		}
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
			break;
	}
	if (i == MAX_NEAR || in->shape != SHAPE_LOAD || in->disp != s->py->layout.frame_previous ||
	    in->dst != store->src || !in_mask(hold__regs(use->frame, in), in->base))
		return NULL;
	return in;
}

/* Finds the stores to tstate->frame and sorts them; false when there is one that is not
 * understood. */
static bool find_stores(const struct site_search *s, struct frame_use *use)
{
	size_t n, i;
	const struct insn *insns = flow__insns(s->flow, &n), *load;

	for (i = 0; i < n; i++) {
		const struct insn *in = &insns[i];

		if (!in_mask(hold__regs(use->tstate, in), in->base) || in == use->begins[0])
			continue;
		if (in->pair != INSN_NO_REG && stores_at(s, in, 8))
			return false;
		if (!stores_at(s, in, 0))
			continue;
		if (use->n_begins == MAX_STORES || use->n_ends == MAX_STORES)
			return false;
		load = loaded_for(s, use, in);
		if (load)
			use->ends[use->n_ends++] = (struct frame_end){ load, in };
		else if (in_mask(hold__regs(use->frame, in), in->src))
			use->begins[use->n_begins++] = in;
		else
			return false;
	}
	return use->n_ends > 0;
}

/* ---- sites ------------------------------------------------------------------------------- */

static bool has_frame(const struct frame_use *use, const struct insn *in)
{
	return hold__regs(use->frame, in) != 0;
}

/* An emulated instruction on the straight line behind `store` at which the frame is in a
 * register. */
static const struct insn *emulated_after(const struct site_search *s, const struct frame_use *use,
					 const struct insn *store)
{
	const struct insn *in = store;
	int i;

	for (i = 0; i < MAX_NEAR; i++) {
		in = flow__next(s->flow, in);
		if (!in || flow__joins(s->flow, in->vaddr, in->vaddr))
			return NULL;
		if (in->emulated)
			return has_frame(use, in) ? in : NULL;
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
		const struct insn *in = emulated_after(s, use, use->ends[i].store);

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
 * it. When an exit does, *other tells which. */
static bool leads_to_load(const struct site_search *s, const struct frame_use *use,
			  const struct chosen *exits, const struct insn *from,
			  const struct insn **other)
{
	struct chosen seen = { 0 };
	const struct insn *in = from;
	size_t done = 0;

	*other = NULL;
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
			if (in && chosen__has(exits, in->vaddr))
				*other = in;
			if (!in || *other)
				return false;
		} while (is_load(use, in));
	}
}

/* Puts what leads to `in` in todo, or in exits if it is a fit site. */
static bool go_back(const struct site_search *s, const struct frame_use *use, const struct insn *in,
		    struct chosen *todo, struct chosen *exits)
{
	const struct insn *before[MAX_NEAR];
	size_t n = flow__predecessors(s->flow, in, before, MAX_NEAR), i;

	if (!n || n > MAX_NEAR || flow__is_root(s->flow, in->vaddr))
		return false;
	for (i = 0; i < n; i++) {
		bool branches = before[i]->kind == INSN_BRANCH || before[i]->kind == INSN_JUMP;

		if (!has_frame(use, before[i]) || (!branches && before[i]->kind != INSN_PLAIN))
			return false;
		if (!chosen__add(before[i]->emulated ? exits : todo, before[i]->vaddr))
			return false;
	}
	return true;
}

/* Goes back from all in todo to the exits. */
static bool find_exits(const struct site_search *s, const struct frame_use *use,
		       struct chosen *todo, struct chosen *exits)
{
	size_t i;

	for (i = 0; i < todo->n; i++) {
		if (!go_back(s, use, flow__at(s->flow, todo->at[i]), todo, exits))
			return false;
	}
	todo->n = 0;
	return true;
}

/* The last emulated instructions before the loads, on all ways that lead to them. Where one comes
 * after another one, what leads to the later takes its place. */
static bool exits_before(const struct site_search *s, const struct frame_use *use,
			 struct chosen *exits)
{
	const struct insn *other;
	struct chosen todo = { 0 };
	size_t i, replaced = 0;

	exits->n = 0;
	for (i = 0; i < use->n_ends; i++)
		chosen__add(&todo, use->ends[i].load->vaddr);
	if (!find_exits(s, use, &todo, exits))
		return false;
	for (i = 0; i < exits->n; i++) {
		const struct insn *from = flow__at(s->flow, exits->at[i]);

		if (leads_to_load(s, use, exits, from, &other))
			continue;
		if (!other || other == from || ++replaced > MAX_NEAR)
			return false;
		chosen__remove(exits, other->vaddr);
		chosen__add(&todo, other->vaddr);
		if (!find_exits(s, use, &todo, exits))
			return false;
		i = (size_t)-1; /* all anew */
	}
	return exits->n > 0;
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
		const struct insn *in = emulated_after(s, use, use->begins[i]);

		chosen__add(entries, in ? in->vaddr : use->begins[i]->vaddr);
	}
}

static int add_all(const struct site_search *s, const struct frame_use *use, uint8_t kind,
		   const struct chosen *sites)
{
	struct site_choice c = {
		.kind = kind,
		.instr_reg = VTBPF_NO_REG,
		.name = "_PyEval_EvalFrameDefault",
	};
	size_t i;
	int err = 0;

	for (i = 0; !err && i < sites->n; i++) {
		c.vaddr = sites->at[i];
		c.entry = kind == VTBPF_SITE_ENTRY && !i ? s->eval : c.vaddr;
		c.frame_reg =
			sites__pick_reg(s, hold__regs(use->frame, flow__at(s->flow, c.vaddr)));
		s->plan->frame_reg = c.frame_reg;
		err = sites__add(s, &c);
	}
	return err;
}

static int add_sites(const struct site_search *s, struct frame_use *use)
{
	struct chosen entries = { 0 }, exits = { 0 };
	int err;

	if (!find_tstate(s, use) || !find_stores(s, use))
		return -ENOENT;
	choose_entries(s, use, &entries);
	choose_exits(s, use, &exits);
	if (!exits_are_complete(s, &entries, &exits))
		return -ENOENT;
	err = add_all(s, use, VTBPF_SITE_ENTRY, &entries);
	return err ? err : add_all(s, use, VTBPF_SITE_EXIT, &exits);
}

int sites__frame_function(const struct site_search *s)
{
	uint8_t arg = insn__arg_reg(s->img->machine, s->py->minor >= 9); /* tstate is before it */
	struct frame_use use = { .frame = hold__new(s->flow, NULL, arg, 8) };
	int err = use.frame ? add_sites(s, &use) : -ENOMEM;

	hold__free(use.frame);
	hold__free(use.tstate);
	return err;
}
