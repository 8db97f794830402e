// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "regs.h"

void regs__init(struct regs *r)
{
	uint8_t i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < INSN_REGS; i++)
		r->from[i] = i;
	for (i = 0; i < REGS_WORDS; i++)
		r->words[i].value.from = INSN_NO_REG;
	r->int_reg = INSN_NO_REG;
}

static struct regs_value value_of(const struct regs *r, uint8_t reg)
{
	struct regs_value v = { INSN_NO_REG, 0 };

	if (reg < INSN_REGS)
		v = (struct regs_value){ r->from[reg], r->add[reg] };
	return v;
}

static void set_value(struct regs *r, uint8_t reg, struct regs_value v)
{
	if (reg >= INSN_REGS || v.from == INSN_NO_REG)
		return;
	r->from[reg] = v.from;
	r->add[reg] = v.add;
}

/* ---- words of the stack ---------------------------------------------------------------------- */

/* Whether `in` moves 8 bytes between registers and words of the stack. */
static bool moves_words(const struct regs *r, const struct insn *in, uint8_t spill, uint8_t any)
{
	return (in->shape == spill && in->size == 8 && (!in->on_fp || r->fp_is_frame)) ||
	       (in->shape == any && in->on_fp && r->fp_is_frame);
}

static struct regs_value word_value(const struct regs *r, bool on_fp, int64_t at)
{
	uint8_t i;

	for (i = 0; i < REGS_WORDS; i++) {
		const struct regs_word *w = &r->words[i];

		if (w->value.from != INSN_NO_REG && w->on_fp == on_fp && w->at == at)
			return w->value;
	}
	return (struct regs_value){ INSN_NO_REG, 0 };
}

static void set_word(struct regs *r, bool on_fp, int64_t at, struct regs_value v)
{
	uint8_t i;

	if (v.from == INSN_NO_REG || at != (int32_t)at)
		return;
	for (i = 0; i < REGS_WORDS; i++) {
		if (r->words[i].value.from != INSN_NO_REG)
			continue;
		r->words[i] = (struct regs_word){ v, on_fp, (int32_t)at };
		return;
	}
}

/* Forgets what `in` overwrites. How far the two pointers are apart is not known; arguments that lie
 * on the stack are the callee's to change. */
static void forget_words(struct regs *r, const struct insn *in)
{
	bool is_call = in->kind == INSN_CALL || in->kind == INSN_CALL_INDIRECT;
	uint8_t i;

	for (i = 0; i < REGS_WORDS; i++) {
		struct regs_word *w = &r->words[i];
		bool moved = w->on_fp ? in->moves_fp : in->sp_lost || in->sp_add;
		bool apart = w->on_fp == in->on_fp &&
			     (in->wrote_at + in->wrote <= w->at || w->at + 8 <= in->wrote_at);

		if (moved || is_call || (in->wrote && !apart && (!in->on_fp || r->fp_is_frame)))
			w->value.from = INSN_NO_REG;
	}
}

/* ---- instructions ---------------------------------------------------------------------------- */

/* What `in` puts into its first register. */
static struct regs_value arriving(const struct regs *r, const struct insn *in)
{
	struct regs_value v = { INSN_NO_REG, 0 };

	if (moves_words(r, in, SHAPE_RELOAD, SHAPE_LOAD))
		return word_value(r, in->on_fp, in->disp);
	if (in->shape != SHAPE_COPY && in->shape != SHAPE_COPY_INT)
		return v;
	v = value_of(r, in->src);
	v.add += in->disp;
	if (in->shape == SHAPE_COPY_INT && v.from != r->int_reg)
		v.from = INSN_NO_REG;
	return v;
}

void regs__step(struct regs *r, const struct insn *in)
{
	struct regs_value first = arriving(r, in), second = { INSN_NO_REG, 0 };
	bool spills = moves_words(r, in, SHAPE_SPILL, SHAPE_STORE) && !in->sp_add;
	struct regs_value src = value_of(r, in->src), pair = value_of(r, in->pair);
	uint8_t i;

	if (in->pair < INSN_REGS && moves_words(r, in, SHAPE_RELOAD, SHAPE_LOAD))
		second = word_value(r, in->on_fp, in->disp + 8);
	for (i = 0; i < INSN_REGS; i++) {
		if (in->writes >> i & 1)
			r->from[i] = INSN_NO_REG;
	}
	set_value(r, in->dst, first);
	set_value(r, in->pair, second);
	forget_words(r, in);
	if (!spills)
		return;
	set_word(r, in->on_fp, in->disp, src);
	if (in->pair < INSN_REGS)
		set_word(r, in->on_fp, in->disp + 8, pair);
}

void regs__meet(struct regs *r, const struct regs *other)
{
	uint8_t i;

	for (i = 0; i < INSN_REGS; i++) {
		if (r->from[i] != other->from[i] || r->add[i] != other->add[i])
			r->from[i] = INSN_NO_REG;
	}
	for (i = 0; i < REGS_WORDS; i++) {
		struct regs_word *w = &r->words[i];
		struct regs_value v = word_value(other, w->on_fp, w->at);

		if (v.from != w->value.from || v.add != w->value.add)
			w->value.from = INSN_NO_REG;
	}
}

/* A register, or INSN_NO_REG. */
static uint8_t find_register(const struct regs *r, uint8_t from, int64_t add)
{
	uint8_t i;

	if (regs__holds(r, from, from, add))
		return from;
	for (i = 0; i < INSN_REGS; i++) {
		if (regs__holds(r, i, from, add))
			return i;
	}
	return INSN_NO_REG;
}

bool regs__find_place(const struct regs *r, uint8_t from, int64_t add, struct regs_place *place)
{
	uint8_t i;

	*place = (struct regs_place){ .reg = find_register(r, from, add) };
	for (i = 0; place->reg == INSN_NO_REG && i < REGS_WORDS; i++) {
		const struct regs_word *w = &r->words[i];

		if (w->value.from != from || w->value.add != add || from == INSN_NO_REG)
			continue;
		place->in_word = true;
		place->on_fp = w->on_fp;
		place->at = w->at;
		return true;
	}
	return place->reg != INSN_NO_REG;
}
