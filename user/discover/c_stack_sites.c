// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where PyObject_Vectorcall() and its like are inlined, no call tells by its target what it is
 * for. So all handlers have an entry at which what they call lies on the interpreter's stack:
 * on the straight line from the handler's start; for the generic ones, in which those go on
 * that give up, at the first branch, behind where they join. No way leads from any handler to
 * another's call but through an entry.
 *
 * Exits are behind calls by address whose result is used: C functions are called so, and what
 * frees objects is not. From 3.14 on the stack pointer is written to the frame before whatever
 * may need it; a call of one of the interpreter's own functions is then known by that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "c_search.h"

#define MAX_LINE 64
#define MAX_WAY 400
#define MAX_OPS 64
#define MAX_USE 24   /* instructions behind a call that may come before its result is looked at */
#define RESULT_REG 0 /* rax, as in bpf/vtbpf.h */

/* A walk along the ways from one handler. */
struct walk {
	struct c_search *c;
	struct c_line *lines; /* that it has come to */
	size_t n;
	bool direct;			   /* calls of functions count */
	size_t found;			   /* calls that do */
	size_t told;			   /* calls that tell a tool about the call to come */
	uint64_t calls[VTBPF_MAX_C_SITES]; /* those of all walks but of shared handlers */
	size_t n_calls;
	int err;
};

struct c_line {
	uint64_t from;
	bool told;
};

static bool is_generic(const struct c_opcode *op)
{
	return op->handler == C_HANDLER_ANY || op->handler == C_HANDLER_KW;
}

static uint8_t entry_kind(const struct c_opcode *op)
{
	if (op->handler == C_HANDLER_APPEND)
		return VTBPF_C_APPEND;
	return op->handler == C_HANDLER_KW ? VTBPF_C_KW : VTBPF_C_SPECIAL;
}

static bool saves_stack(const struct c_search *c)
{
	return c->family.frame_stack != 0;
}

/* ---- entries ----------------------------------------------------------------------------- */

static bool has_place(const struct c_state *state, uint8_t reg)
{
	struct regs_place place;

	return regs__find_place(&state->regs, reg, 0, &place) && !(place.in_word && state->called);
}

static bool has_places(const struct c_search *c, const struct c_state *state)
{
	return has_place(state, c->s->frame_reg) && has_place(state, c->stack_reg);
}

/* What is known at `in`, which a line comes to. */
static void arrive(const struct c_search *c, const struct insn *in, struct c_state *state)
{
	const struct c_way *way = c_ways__of(&c->family, in->vaddr);

	if (way)
		*state = way->state;
}

static int add_entry(struct c_search *c)
{
	const struct insn *in = flow__at(c->s->flow, c_search__handler(c, c->op));
	struct c_state state = { .saved = false }, at_chosen = state;
	struct c_spot spot = { .regs = &at_chosen.regs, .kind = entry_kind(c->op) };
	bool stored = false, generic = is_generic(c->op);

	for (int i = 0; in && i < MAX_LINE; i++, in = flow__next(c->s->flow, in)) {
		bool fits, branches = in->kind == INSN_BRANCH;

		arrive(c, in, &state);
		fits = stored && (branches || !generic) && has_places(c, &state);
		if (fits && (!spot.in || in->emulated)) {
			spot.in = in;
			at_chosen = state;
		}
		if ((fits && in->emulated) || (in->kind != INSN_PLAIN && in->kind != INSN_JUMP))
			break;
		stored |= c_search__stores_instr(c, in, &state.regs);
		c_ways__step(&c->family, &state, in);
	}
	return spot.in ? c_search__add(c, &spot) : -ENOENT;
}

/* ---- calls ------------------------------------------------------------------------------- */

/* Is what the call at `in` returns looked at? */
static bool result_is_used(const struct c_search *c, const struct insn *in)
{
	in = flow__at(c->s->flow, in->vaddr + in->len);
	for (int i = 0; in && i < MAX_USE; i++, in = flow__next(c->s->flow, in)) {
		bool moves = in->shape == SHAPE_COPY || in->shape == SHAPE_STORE ||
			     in->shape == SHAPE_SPILL || in->shape == SHAPE_TEST;

		if (moves && in->src == RESULT_REG)
			return true;
		if (in->writes >> RESULT_REG & 1 || in->kind == INSN_CALL ||
		    in->kind == INSN_CALL_INDIRECT || insn__ends(in))
			return false;
	}
	return false;
}

static bool is_known(const struct c_search *c, const struct insn *in)
{
	return c_search__calls(c, in, CALLS_ANY) || c_search__calls(c, in, CALLS_LEN) ||
	       c_search__calls(c, in, CALLS_LENGTH) || c_search__calls(c, in, CALLS_ISINSTANCE);
}

/* Does what calls a C function look so? An address at a fixed place is no such function's. */
static bool may_be_it(const struct c_search *c, const struct insn *in, const struct c_state *state)
{
	if (saves_stack(c) && !state->saved)
		return false;
	if (in->kind == INSN_CALL_INDIRECT && !in->target)
		return result_is_used(c, in);
	return is_known(c, in) || (saves_stack(c) && result_is_used(c, in));
}

static bool is_direct(const struct insn *in)
{
	return in->kind == INSN_CALL || in->target;
}

/* The site of an entry behind the call that tells a tool about it. */
static int add_monitored(struct walk *w, const struct insn *call, const struct c_state *before)
{
	struct c_search *c = w->c;
	const struct insn *in = flow__at(c->s->flow, call->vaddr + call->len);
	struct regs regs = before->regs;
	struct c_spot spot = { .regs = &regs, .kind = entry_kind(c->op), .in_frame = true };

	spot.called = call->vaddr + call->len;
	c_ways__step_regs(&regs, call);
	for (int i = 0; in && i < MAX_LINE; i++, in = flow__next(c->s->flow, in)) {
		spot.in = in;
		if (in->emulated || in->kind != INSN_PLAIN)
			return c_search__add(c, &spot);
		regs__step(&regs, in);
	}
	return -ENOENT;
}

/* ---- exits ------------------------------------------------------------------------------- */

/* Is that where another handler's entry is? */
static bool is_others_entry(const struct c_search *c, const struct insn *in)
{
	for (size_t i = 0; i < c->plan->n; i++) {
		const struct c_place *place = &c->plan->places[i];

		if (place->site.vaddr == in->vaddr && place->site.kind != VTBPF_C_EXIT)
			return place->name != c->op->name;
	}
	return false;
}

static void come_to(struct walk *w, uint64_t vaddr, bool told)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->lines[i].from == vaddr)
			return;
	}
	if (w->n < w->c->family.n)
		w->lines[w->n++] = (struct c_line){ vaddr, told };
}

/* Another handler's call may only be come to through an entry. */
static int take_shared(const struct walk *w, const struct insn *in)
{
	for (size_t i = 0; i < w->n_calls; i++) {
		if (w->calls[i] == in->vaddr)
			return -ENOENT;
	}
	return 0;
}

static int take_exit(struct walk *w, const struct insn *in, const struct c_state *state)
{
	w->found++;
	if (w->n_calls == VTBPF_MAX_C_SITES)
		return -ENOSPC;
	w->calls[w->n_calls++] = in->vaddr;
	return c_search__add_exit(w->c, in, &state->regs);
}

/* Takes a call; false when the way ends there. */
static bool take_call(struct walk *w, const struct insn *in, const struct c_state *state,
		      bool *told)
{
	const struct c_opcode *op = w->c->op;

	if (c_search__calls(w->c, in, CALLS_TLS) || !may_be_it(w->c, in, state))
		return true;
	if (op->handler == C_HANDLER_SHARED) {
		w->err = take_shared(w, in);
		return false;
	}
	if (is_direct(in) && !w->direct)
		return false;
	if (c_search__is_instrumented(op) && !*told) {
		w->told++;
		*told = true;
		w->err = add_monitored(w, in, state);
		return true;
	}
	w->err = take_exit(w, in, state);
	return false;
}

static void follow(struct walk *w, struct c_line line)
{
	const struct flow *flow = w->c->s->flow;
	const struct insn *in = flow__at(flow, line.from);
	struct c_state state = { .saved = false };

	for (int i = 0; in && i < MAX_WAY && !w->err; i++, in = flow__next(flow, in)) {
		if (i && c_ways__of(&w->c->family, in->vaddr)) {
			come_to(w, in->vaddr, line.told);
			return;
		}
		arrive(w->c, in, &state);
		if (is_others_entry(w->c, in) || in->kind == INSN_JUMP_INDIRECT ||
		    in->kind == INSN_RETURN || in->kind == INSN_TRAP)
			return;
		if ((in->kind == INSN_CALL || in->kind == INSN_CALL_INDIRECT) &&
		    !take_call(w, in, &state, &line.told))
			return;
		if (in->kind == INSN_BRANCH)
			come_to(w, in->target, line.told);
		c_ways__step(&w->c->family, &state, in);
	}
}

static int walk_from_handler(struct walk *w, bool direct)
{
	w->n = w->found = w->told = 0;
	w->direct = direct;
	come_to(w, c_search__handler(w->c, w->c->op), false);
	for (size_t i = 0; i < w->n && !w->err; i++)
		follow(w, w->lines[i]);
	return w->err;
}

/* Where the call is one of a function, none by address is found. */
static int add_exits(struct walk *w)
{
	uint8_t handler = w->c->op->handler;
	int err = walk_from_handler(w, handler == C_HANDLER_KNOWN);

	if (!err && !w->found && !w->direct)
		err = walk_from_handler(w, true);
	return err || w->found || handler == C_HANDLER_APPEND ? err : -ENOENT;
}

/* They tell first, and then do as the others; those of 3.13 go on in them. */
static int add_instrumented(struct walk *w)
{
	int err;

	if (!saves_stack(w->c))
		return 0;
	err = walk_from_handler(w, true);
	return err || w->told ? err : -ENOENT;
}

/* ---- all --------------------------------------------------------------------------------- */

static bool is_here(const struct c_opcode *op)
{
	return op->handler != C_HANDLER_SHARED && op->handler != C_HANDLER_EX &&
	       !c_search__is_instrumented(op);
}

static int find_all(struct c_search *c, struct walk *w)
{
	int err = 0;

	for (c->op = c->ops; c->op->name && !err; c->op++) {
		if (is_here(c->op))
			err = add_entry(c);
	}
	for (c->op = c->ops; c->op->name && !err; c->op++) {
		if (is_here(c->op))
			err = add_exits(w);
		else if (is_generic(c->op))
			err = add_instrumented(w);
	}
	for (c->op = c->ops; c->op->name && !err; c->op++) {
		if (c->op->handler == C_HANDLER_SHARED)
			err = walk_from_handler(w, true);
	}
	return err;
}

int c_stack_sites__find(struct c_search *c)
{
	struct walk w = { .c = c };
	uint64_t handlers[MAX_OPS];
	size_t n = 0;
	int err;

	for (const struct c_opcode *op = c->ops; op->name && n < MAX_OPS; op++)
		handlers[n++] = c_search__handler(c, op);
	c->family.s = c->s;
	c->family.stack_reg = c->stack_reg;
	c->family.frame_stack = c->s->py->minor >= C_KEEPS_STACK ? c->s->py->frame_instr + 8 : 0;
	err = c_ways__find(&c->family, handlers, n);
	w.lines = err ? NULL : calloc(c->family.n, sizeof(*w.lines));
	if (!err)
		err = w.lines ? find_all(c, &w) : -ENOMEM;
	free(w.lines);
	c_ways__fini(&c->family);
	return err;
}
