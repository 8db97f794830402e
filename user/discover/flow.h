/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control flow of the interpreter function, followed from its entry and its opcode handlers
 * through every direct branch, wherever the compiler put the code (.cold parts lie far away).
 *
 * Indirect jumps are taken to lead to any root: the handlers, and the cases of each switch whose
 * table can be read. What the walk does not reach (cases of others) is decoded from where the gap
 * begins and counts as a root, too.
 */
#ifndef VTBPF_FLOW_H
#define VTBPF_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf_image.h"
#include "insn.h"

struct flow;

/* Walks the code from the roots. The image and the decoder must outlive the result. NULL and
 * errno. */
struct flow *flow__new(const struct elf_image *img, struct decoder *d, const uint64_t *roots,
		       size_t n_roots);
void flow__free(struct flow *f);

/* All instructions in order of address. */
const struct insn *flow__insns(const struct flow *f, size_t *n);

/* The instruction that starts at vaddr, or NULL. */
const struct insn *flow__at(const struct flow *f, uint64_t vaddr);

/* How many branches and jumps lead into [lo, hi]. Falling into it is not counted, nor are roots. */
size_t flow__joins(const struct flow *f, uint64_t lo, uint64_t hi);

/* The instruction executed next when `in` does not branch away (a jump is followed); NULL when that
 * is not known. */
const struct insn *flow__next(const struct flow *f, const struct insn *in);

/* What lies directly before it in memory and falls through into it, or NULL. */
const struct insn *flow__before(const struct flow *f, const struct insn *in);

/* The instructions that lead to it by branching, jumping or falling through: fills at most max,
 * returns how many there are. Indirect jumps to roots are not among them. */
size_t flow__predecessors(const struct flow *f, const struct insn *in, const struct insn **out,
			  size_t max);

/* Can indirect jumps or a call lead to vaddr? */
bool flow__is_root(const struct flow *f, uint64_t vaddr);

/* The roots: the function's entry first, then what indirect jumps lead to. */
const uint64_t *flow__roots(const struct flow *f, size_t *n);

/* Can control get from `from` to `to` without executing any of the n `walls`? */
bool flow__reaches(const struct flow *f, uint64_t from, uint64_t to, const uint64_t *walls,
		   size_t n);

#endif
