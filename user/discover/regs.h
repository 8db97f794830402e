/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Follows values along straight code: which register, or word of the stack, holds what a register
 * held at the start, plus a constant.
 */
#ifndef VTBPF_REGS_H
#define VTBPF_REGS_H

#include <stdbool.h>
#include <stdint.h>

#include "insn.h"

#define REGS_WORDS 8 /* of the stack that are known at one time */

/* What a register held at the start, plus a constant. */
struct regs_value {
	uint8_t from; /* the register, or INSN_NO_REG: nothing is known */
	int64_t add;
};

struct regs_word {
	struct regs_value value;
	bool on_fp; /* counted from the frame pointer */
	int32_t at; /* else from the stack pointer, as it is now */
};

struct regs {
	uint8_t from[INSN_REGS]; /* the register that held the value at the start, or INSN_NO_REG */
	int64_t add[INSN_REGS];
	uint8_t int_reg;  /* a register that held an int at the start, or INSN_NO_REG */
	bool fp_is_frame; /* the frame pointer is one, not any pointer */
	struct regs_word words[REGS_WORDS];
};

/* Where a value is. */
struct regs_place {
	uint8_t reg; /* INSN_NO_REG: not in a register */
	bool in_word, on_fp;
	int32_t at;
};

/* At the start each register holds its own value. Words of the stack to which the code moves a
 * register are taken to be written by no pointer. */
void regs__init(struct regs *r);

/* Takes the effect of one instruction into account. */
void regs__step(struct regs *r, const struct insn *in);

/* Keeps what holds on both of two ways that meet. */
void regs__meet(struct regs *r, const struct regs *other);

/* Does reg hold what `from` held at the start, plus add? */
static inline bool regs__holds(const struct regs *r, uint8_t reg, uint8_t from, int64_t add)
{
	return reg < INSN_REGS && from != INSN_NO_REG && r->from[reg] == from && r->add[reg] == add;
}

/* Where there is what `from` held at the start, plus add: in `from` itself if it still is, in another
 * register, or in a word of the stack where no register holds it. False when it is in neither. */
bool regs__find_place(const struct regs *r, uint8_t from, int64_t add, struct regs_place *place);

#endif
