/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a value of the interpreter function is: the registers and words of the stack that
 * surely hold it at each instruction, whichever way led there. A compiler moves a long-lived value
 * out of its register and back; only following all ways shows where it can be relied on.
 */
#ifndef VTBPF_HOLD_H
#define VTBPF_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "flow.h"
#include "insn.h"

struct hold;

/*
 * Follows the value that instruction def puts in register reg, or that reg holds at the entry of
 * the function (the flow's first root) when def is NULL; `size` bytes of it count, 8 or 4. Words
 * of the stack to which the compiler moves a register are taken to be written by no pointer. NULL
 * and errno ENOMEM.
 */
struct hold *hold__new(const struct flow *f, const struct insn *def, uint8_t reg, uint8_t size);
void hold__free(struct hold *h);

/* Registers that hold the value just before `in`, an instruction of the flow, as a bit mask. */
uint32_t hold__regs(const struct hold *h, const struct insn *in);

/* Does `in` compare the value, or a bit of it, with 0? */
bool hold__is_test(const struct hold *h, const struct insn *in);

#endif
