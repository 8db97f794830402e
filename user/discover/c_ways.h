/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known at each place of the code of a family of opcode handlers: where the frame and the
 * interpreter's stack pointer are, whichever of the handlers led there. Handlers that give up go
 * on in another one's code, and those that do the same thing share some.
 */
#ifndef VTBPF_C_WAYS_H
#define VTBPF_C_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "regs.h"
#include "sites.h"

struct c_state {
	struct regs regs;
	bool saved;  /* the stack pointer has been written to the frame */
	bool called; /* something has been called: words of the stack hold if read later */
};

/* A straight line of code that several ways lead into, or a branch. */
struct c_way {
	uint64_t from;
	struct c_state state; /* that holds at its beginning */
	bool pending;
};

struct c_ways {
	const struct site_search *s;
	uint8_t stack_reg;    /* the interpreter's stack pointer at the start of each handler */
	uint16_t frame_stack; /* frame -> where it is kept; 0: nowhere */
	struct c_way *at;
	size_t n;
};

/* Follows all ways from the n handlers to where they dispatch. w->s, stack_reg and frame_stack are
 * given; what it allocates c_ways__fini() frees. 0, -ENOMEM, or -ENOENT when there are too many. */
int c_ways__find(struct c_ways *w, const uint64_t *handlers, size_t n);
void c_ways__fini(struct c_ways *w);

/* Does the code from vaddr on read that word of the stack on some way before it writes it? */
bool c_ways__reads_word(const struct flow *flow, uint64_t vaddr, const struct regs_place *word);

/* The one that begins at vaddr, or NULL. */
const struct c_way *c_ways__of(const struct c_ways *w, uint64_t vaddr);

/* Takes the effect of one instruction into account. Words of the stack are taken to outlive a call:
 * code that reads one behind it relies on that, as it cannot with what it has passed. */
void c_ways__step_regs(struct regs *regs, const struct insn *in);
void c_ways__step(const struct c_ways *w, struct c_state *state, const struct insn *in);

#endif
