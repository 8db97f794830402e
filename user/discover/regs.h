/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Follows values through registers along straight code: which register holds what another one held
 * at the start, plus a constant.
 */
#ifndef VTBPF_REGS_H
#define VTBPF_REGS_H

#include <stdint.h>

#include "insn.h"

struct regs {
	uint8_t from[INSN_REGS]; /* the register that held the value at the start, or INSN_NO_REG */
	int64_t add[INSN_REGS];
	uint8_t int_reg; /* a register that held an int at the start, or INSN_NO_REG */
};

/* At the start each register holds its own value. */
static inline void regs__init(struct regs *r)
{
	uint8_t i;

	for (i = 0; i < INSN_REGS; i++) {
		r->from[i] = i;
		r->add[i] = 0;
	}
	r->int_reg = INSN_NO_REG;
}

/* Takes the effect of one instruction into account. */
static inline void regs__step(struct regs *r, const struct insn *in)
{
	uint8_t from = INSN_NO_REG, i;
	int64_t add = 0;

	if ((in->shape == SHAPE_COPY || in->shape == SHAPE_COPY_INT) && in->src < INSN_REGS) {
		from = r->from[in->src];
		add = r->add[in->src] + in->disp;
		if (in->shape == SHAPE_COPY_INT && from != r->int_reg)
			from = INSN_NO_REG;
	}
	for (i = 0; i < INSN_REGS; i++) {
		if (in->writes >> i & 1)
			r->from[i] = INSN_NO_REG;
	}
	if (in->dst < INSN_REGS && from != INSN_NO_REG) {
		r->from[in->dst] = from;
		r->add[in->dst] = add;
	}
}

/* Keeps what holds on both of two ways that meet. */
static inline void regs__meet(struct regs *r, const struct regs *other)
{
	uint8_t i;

	for (i = 0; i < INSN_REGS; i++) {
		if (r->from[i] != other->from[i] || r->add[i] != other->add[i])
			r->from[i] = INSN_NO_REG;
	}
}

/* Does reg hold what `from` held at the start, plus add? */
static inline bool regs__holds(const struct regs *r, uint8_t reg, uint8_t from, int64_t add)
{
	return reg < INSN_REGS && from != INSN_NO_REG && r->from[reg] == from && r->add[reg] == add;
}

/* A register that holds what `from` held at the start, plus add: `from` itself if it still does.
 * INSN_NO_REG when there is none. */
static inline uint8_t regs__find(const struct regs *r, uint8_t from, int64_t add)
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

#endif
