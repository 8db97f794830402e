// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "c_ways.h"

#define MAX_WAYS 4096
#define MAX_WAY 400 /* instructions of one */

static struct c_way *find(const struct c_ways *w, uint64_t vaddr)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->at[i].from == vaddr)
			return &w->at[i];
	}
	return NULL;
}

const struct c_way *c_ways__of(const struct c_ways *w, uint64_t vaddr)
{
	return find(w, vaddr);
}

/* How much is known. */
static unsigned int amount(const struct c_state *state)
{
	unsigned int n = state->saved + !state->called;

	for (int i = 0; i < INSN_REGS; i++)
		n += state->regs.from[i] != INSN_NO_REG;
	for (int i = 0; i < REGS_WORDS; i++)
		n += state->regs.words[i].value.from != INSN_NO_REG;
	return n;
}

/* Keeps what holds on both ways that meet, which is not more than before; true when it is less. */
static bool meet(struct c_state *state, const struct c_state *other)
{
	unsigned int before = amount(state);

	regs__meet(&state->regs, &other->regs);
	state->saved &= other->saved;
	state->called |= other->called;
	return amount(state) != before;
}

static int add(struct c_ways *w, uint64_t from, const struct c_state *state)
{
	struct c_way *way = find(w, from);

	if (way) {
		way->pending |= meet(&way->state, state);
		return 0;
	}
	if (w->n == MAX_WAYS)
		return -ENOENT;
	way = &w->at[w->n++];
	way->from = from;
	way->state = *state;
	way->pending = true;
	return 0;
}

/* Does `in`, of that shape, move a word from or to where the frame keeps the stack pointer? */
static bool is_kept_stack(const struct c_ways *w, const struct c_state *state,
			  const struct insn *in, uint8_t shape)
{
	return w->frame_stack && in->shape == shape && in->disp == w->frame_stack &&
	       regs__holds(&state->regs, in->base, w->s->frame_reg, 0);
}

void c_ways__step_regs(struct regs *regs, const struct insn *in)
{
	struct regs before = *regs;

	regs__step(regs, in);
	if (in->kind == INSN_CALL || in->kind == INSN_CALL_INDIRECT)
		memcpy(regs->words, before.words, sizeof(before.words));
}

void c_ways__step(const struct c_ways *w, struct c_state *state, const struct insn *in)
{
	bool reads = state->saved && is_kept_stack(w, state, in, SHAPE_LOAD);

	if (is_kept_stack(w, state, in, SHAPE_STORE))
		state->saved = regs__holds(&state->regs, in->src, w->stack_reg, 0);
	state->called |= in->kind == INSN_CALL || in->kind == INSN_CALL_INDIRECT;
	c_ways__step_regs(&state->regs, in);
	if (reads) {
		state->regs.from[in->dst] = w->stack_reg;
		state->regs.add[in->dst] = 0;
	}
}

static int follow(struct c_ways *w, size_t i)
{
	const struct flow *flow = w->s->flow;
	const struct insn *in = flow__at(flow, w->at[i].from);
	struct c_state state = w->at[i].state;
	int err = 0;

	for (int n = 0; in && n < MAX_WAY && !err; n++, in = flow__next(flow, in)) {
		if (n && (flow__joins(flow, in->vaddr, in->vaddr) || find(w, in->vaddr)))
			return add(w, in->vaddr, &state);
		if (in->kind == INSN_JUMP_INDIRECT || in->kind == INSN_RETURN ||
		    in->kind == INSN_TRAP)
			return 0;
		if (in->kind == INSN_BRANCH)
			err = add(w, in->target, &state);
		c_ways__step(w, &state, in);
	}
	return err;
}

static struct c_way *next_pending(struct c_ways *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->at[i].pending)
			return &w->at[i];
	}
	return NULL;
}

/* Is it the end of a function that gives its caller's frame pointer back: leave, ret? */
static bool leaves(const struct flow *flow, const struct insn *in)
{
	const struct insn *next = flow__at(flow, in->vaddr + in->len);

	return in->sp_lost && next && next->kind == INSN_RETURN;
}

/* Is the machine's frame pointer one throughout? */
static bool keeps_frame_pointer(const struct site_search *s)
{
	uint8_t fp = insn__fp_reg(s->img->machine);
	const struct insn *in;
	bool sets = s->fp_is_frame;
	size_t n;

	in = flow__insns(s->flow, &n);
	for (size_t i = 0; i < n && !s->fp_is_frame; i++) {
		bool restores = in[i].shape == SHAPE_RELOAD && in[i].dst == fp;

		if (in[i].moves_fp && !in[i].sets_fp && !restores && !leaves(s->flow, &in[i]))
			return false;
		sets |= in[i].sets_fp;
	}
	return sets;
}

int c_ways__find(struct c_ways *w, const uint64_t *handlers, size_t n)
{
	struct c_state state = { .saved = false };
	struct c_way *way;
	int err = 0;

	w->n = 0;
	w->at = calloc(MAX_WAYS, sizeof(*w->at));
	if (!w->at)
		return -ENOMEM;
	regs__init(&state.regs);
	state.regs.fp_is_frame = keeps_frame_pointer(w->s);
	for (size_t i = 0; i < n && !err; i++)
		err = add(w, handlers[i], &state);
	while (!err && (way = next_pending(w))) {
		way->pending = false;
		err = follow(w, way - w->at);
	}
	return err;
}

void c_ways__fini(struct c_ways *w)
{
	free(w->at);
	w->at = NULL;
}

/* ---- words of the stack ------------------------------------------------------------------ */

#define MAX_READ_WAYS 128

struct reader {
	uint64_t from[MAX_READ_WAYS];
	size_t n;
	const struct regs_place *word;
};

static void read_on_at(struct reader *r, uint64_t vaddr)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->from[i] == vaddr)
			return;
	}
	if (r->n < MAX_READ_WAYS)
		r->from[r->n++] = vaddr;
}

static bool reads(const struct reader *r, const struct insn *in)
{
	bool loads = in->shape == SHAPE_RELOAD ? in->size == 8 :
						 in->shape == SHAPE_LOAD && in->on_fp;

	return loads && in->on_fp == r->word->on_fp && in->disp == r->word->at;
}

static bool loses(const struct reader *r, const struct insn *in)
{
	int32_t at = r->word->at;

	if (r->word->on_fp ? in->moves_fp : in->sp_lost || in->sp_add)
		return true;
	return in->wrote && in->on_fp == r->word->on_fp && in->wrote_at < at + 8 &&
	       at < in->wrote_at + in->wrote;
}

static bool read_on(struct reader *r, const struct flow *flow, uint64_t from)
{
	const struct insn *in = flow__at(flow, from);

	for (int i = 0; in && i < MAX_WAY; i++, in = flow__next(flow, in)) {
		if (reads(r, in))
			return true;
		if (loses(r, in) || in->kind == INSN_JUMP_INDIRECT || in->kind == INSN_RETURN ||
		    in->kind == INSN_TRAP)
			return false;
		if (in->kind == INSN_BRANCH)
			read_on_at(r, in->target);
		if (in->kind == INSN_JUMP) {
			read_on_at(r, in->target);
			return false;
		}
	}
	return false;
}

bool c_ways__reads_word(const struct flow *flow, uint64_t vaddr, const struct regs_place *word)
{
	struct reader r = { .n = 0, .word = word };

	read_on_at(&r, vaddr);
	for (size_t i = 0; i < r.n; i++) {
		if (read_on(&r, flow, r.from[i]))
			return true;
	}
	return false;
}
