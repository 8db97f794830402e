// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "hold.h"

#define MAX_SPILLS 32

/* What is known at an instruction. Less is known where ways meet. */
struct known {
	bool reached;
	bool sp_known;
	bool fp_known;
	bool queued;
	int64_t sp, fp;	 /* stack and frame pointer, counted from the former's value at the entry */
	uint32_t regs;	 /* that hold the value */
	uint32_t spills; /* words of the stack that do: bits of hold.spill_at */
};

struct hold {
	const struct flow *flow;
	const struct insn *insns, *def;
	uint8_t def_reg;
	size_t n;
	struct known *known; /* one an instruction */
	struct known roots;  /* what is known at every indirect jump */
	int64_t spill_at[MAX_SPILLS];
	unsigned int n_spills;
	uint8_t size;
	size_t *todo, n_todo;
};

/* ---- what one instruction does --------------------------------------------------------------- */

static unsigned int size_of(const struct insn *in)
{
	return in->size ? in->size : 8;
}

/* Where disp lies from what `in` addresses memory with, counted as the stack pointer is. */
static bool stack_at(const struct known *k, const struct insn *in, int64_t disp, int64_t *at)
{
	*at = (in->on_fp ? k->fp : k->sp) + disp;
	return in->on_fp ? k->fp_known : k->sp_known;
}

/* The word of the stack at which `in` moves the first register of a pair, or the second. */
static bool moved_at(const struct known *k, const struct insn *in, bool second, int64_t *at)
{
	return stack_at(k, in, in->disp + (second ? size_of(in) : 0), at);
}

static uint32_t spill_bit(const struct hold *h, const struct known *k, const struct insn *in,
			  bool second)
{
	unsigned int i;
	int64_t at;

	for (i = 0; moved_at(k, in, second, &at) && i < h->n_spills; i++) {
		if (h->spill_at[i] == at)
			return 1u << i;
	}
	return 0;
}

static uint32_t new_spill_bit(struct hold *h, const struct known *k, const struct insn *in,
			      bool second)
{
	uint32_t bit = spill_bit(h, k, in, second);
	int64_t at;

	if (bit || !moved_at(k, in, second, &at) || h->n_spills == MAX_SPILLS)
		return bit;
	h->spill_at[h->n_spills] = at;
	return 1u << h->n_spills++;
}

/* Forgets the words that overlap [at, at + len). */
static void overwrite(const struct hold *h, struct known *k, int64_t at, int64_t len)
{
	unsigned int i;

	for (i = 0; i < h->n_spills; i++) {
		if (h->spill_at[i] < at + len && at < h->spill_at[i] + h->size)
			k->spills &= ~(1u << i);
	}
}

static void move_pointers(const struct hold *h, struct known *k, const struct insn *in)
{
	if (in->sets_fp) {
		k->fp_known = k->sp_known;
		k->fp = k->sp + in->disp;
	} else if (in->moves_fp) {
		k->fp_known = false;
	}
	if (in->sp_lost)
		k->sp_known = false;
	if (in->sp_add > 0 && k->sp_known)
		overwrite(h, k, k->sp, in->sp_add); /* given back */
	k->sp += in->sp_add;
}

static bool holds(const struct known *k, uint8_t reg)
{
	return reg < INSN_REGS && k->regs >> reg & 1;
}

static uint32_t bit_of(uint8_t reg)
{
	return reg < INSN_REGS ? 1u << reg : 0;
}

/* A store or load of any pointer is one of a word of the stack if the frame pointer is used. */
static bool is_shape(const struct known *k, const struct insn *in, uint8_t spill, uint8_t any)
{
	return in->shape == spill || (in->shape == any && in->on_fp && k->fp_known);
}

/* The registers in which the value arrives. */
static uint32_t arriving(const struct hold *h, const struct known *k, const struct insn *in)
{
	uint32_t regs = 0;

	if ((in->shape == SHAPE_COPY && !in->disp) || (in->shape == SHAPE_COPY_INT && h->size == 4))
		return holds(k, in->src) ? bit_of(in->dst) : 0;
	if (!is_shape(k, in, SHAPE_RELOAD, SHAPE_LOAD) || size_of(in) < h->size)
		return 0;
	if (spill_bit(h, k, in, false) & k->spills)
		regs |= bit_of(in->dst);
	if (in->pair < INSN_REGS && spill_bit(h, k, in, true) & k->spills)
		regs |= bit_of(in->pair);
	return regs;
}

/* The words of the stack to which the value is moved. */
static uint32_t spilled(struct hold *h, const struct known *k, const struct insn *in)
{
	uint32_t words = 0;

	if (!is_shape(k, in, SHAPE_SPILL, SHAPE_STORE) || size_of(in) < h->size)
		return 0;
	if (holds(k, in->src))
		words |= new_spill_bit(h, k, in, false);
	if (holds(k, in->pair))
		words |= new_spill_bit(h, k, in, true);
	return words;
}

static void step(struct hold *h, struct known *k, const struct insn *in)
{
	uint32_t arrived = arriving(h, k, in), words = spilled(h, k, in);
	int64_t at;

	if (in->wrote && stack_at(k, in, in->wrote_at, &at))
		overwrite(h, k, at, in->wrote);
	else if (in->wrote && !in->on_fp)
		k->spills = 0;
	k->spills |= words;
	k->regs = (k->regs & ~in->writes) | arrived;
	move_pointers(h, k, in);
}

/* ---- all ways -------------------------------------------------------------------------------- */

/* Brings what is known at one end of a way to the other one; true when less is known there now. */
static bool meet(struct known *to, const struct known *from)
{
	struct known was = *to;

	if (!to->reached) {
		*to = *from;
		to->queued = was.queued;
		return true;
	}
	to->regs &= from->regs;
	to->spills &= from->spills;
	if (!from->sp_known || from->sp != to->sp)
		to->sp_known = false;
	if (!from->fp_known || from->fp != to->fp)
		to->fp_known = false;
	return to->regs != was.regs || to->spills != was.spills || to->sp_known != was.sp_known ||
	       to->fp_known != was.fp_known;
}

static void arrive(struct hold *h, uint64_t vaddr, const struct known *k)
{
	const struct insn *in = flow__at(h->flow, vaddr);
	size_t i;

	if (!in)
		return;
	i = (size_t)(in - h->insns);
	if (!meet(&h->known[i], k) || h->known[i].queued)
		return;
	h->known[i].queued = true;
	h->todo[h->n_todo++] = i;
}

static void arrive_at_roots(struct hold *h, const struct known *k)
{
	const uint64_t *roots;
	size_t n, i;

	if (!meet(&h->roots, k))
		return;
	roots = flow__roots(h->flow, &n);
	for (i = 1; i < n; i++) /* the first is the entry of the function */
		arrive(h, roots[i], &h->roots);
}

static void leave(struct hold *h, size_t i)
{
	const struct insn *in = &h->insns[i];
	struct known k = h->known[i];

	step(h, &k, in);
	if (in == h->def) {
		k.regs = 1u << h->def_reg;
		k.spills = 0;
	}
	if (in->kind == INSN_JUMP || in->kind == INSN_BRANCH)
		arrive(h, in->target, &k);
	if (!insn__ends(in))
		arrive(h, in->vaddr + in->len, &k);
	if (in->kind == INSN_JUMP_INDIRECT)
		arrive_at_roots(h, &k);
}

struct hold *hold__new(const struct flow *f, const struct insn *def, uint8_t reg, uint8_t size)
{
	struct known entry = { .reached = true, .sp_known = true, .regs = def ? 0 : 1u << reg };
	struct hold *h = calloc(1, sizeof(*h));
	size_t n;

	if (!h)
		return NULL;
	h->flow = f;
	h->def = def;
	h->def_reg = reg;
	h->size = size;
	h->insns = flow__insns(f, &h->n);
	h->known = calloc(h->n, sizeof(*h->known));
	h->todo = calloc(h->n, sizeof(*h->todo));
	if (!h->known || !h->todo) {
		hold__free(h);
		errno = ENOMEM;
		return NULL;
	}
	arrive(h, flow__roots(f, &n)[0], &entry);
	while (h->n_todo) {
		size_t i = h->todo[--h->n_todo];

		h->known[i].queued = false;
		leave(h, i);
	}
	return h;
}

void hold__free(struct hold *h)
{
	if (!h)
		return;
	free(h->known);
	free(h->todo);
	free(h);
}

uint32_t hold__regs(const struct hold *h, const struct insn *in)
{
	return h->known[in - h->insns].regs;
}

bool hold__is_test(const struct hold *h, const struct insn *in)
{
	const struct known *k = &h->known[in - h->insns];

	if (in->shape == SHAPE_TEST_SPILL)
		return in->size == h->size && spill_bit(h, k, in, false) & k->spills;
	return (in->shape == SHAPE_TEST || in->kind == INSN_BRANCH) && holds(k, in->src);
}
