// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where frames end from CPython 3.11 on.
 *
 * 3.12 and later end every frame, returned from or unwound, in _PyEval_FrameClearAndPop
 * (Python/ceval.c), which begins by asking whether frame->owner is FRAME_OWNED_BY_THREAD (0).
 * Compilers inline that function, but the question survives: it tells the function where it has no
 * name, and where it was inlined the branches that decide on it are the sites. In 3.11
 * RETURN_VALUE is a handler like others, and unwinding is the one place apart from RETURN_VALUE
 * and RETURN_GENERATOR that asks for frame->is_entry.
 */
#include <errno.h>
#include <string.h>

#include "function_ref.h"
#include "regs.h"
#include "sites.h"

#define CLEAR_AND_POP "_PyEval_FrameClearAndPop"

#define MAX_LINE 120 /* instructions of a handler followed in search of a comparison or a call */
#define MAX_PROLOGUE 32
#define MAX_CALLS 16

/*
 * A frame's byte that is compared with 0: by one instruction, or by one that loads it and another
 * one that compares the register. Instructions of a straight line are shown to it one after
 * another.
 */
struct question {
	uint8_t offset;
	uint8_t reg;   /* that the byte was loaded into; INSN_NO_REG: none */
	uint8_t base;  /* the frame's register where the byte was read */
	uint64_t from; /* address of what read it */
	bool sure;     /* nothing has branched away since then */
};

static bool reads_byte(const struct insn *in, uint8_t offset)
{
	return (in->shape == SHAPE_BYTE_ZERO || in->shape == SHAPE_LOAD_BYTE) && in->disp == offset;
}

/* Does `in` make the comparison? */
static bool question__step(struct question *q, const struct insn *in)
{
	if (q->reg < INSN_REGS && in->src == q->reg &&
	    (in->shape == SHAPE_TEST || (in->kind == INSN_BRANCH && in->cond != COND_OTHER)))
		return true;
	if (reads_byte(in, q->offset)) {
		*q = (struct question){ q->offset, in->dst, in->base, in->vaddr, true };
		return in->shape == SHAPE_BYTE_ZERO;
	}
	if (q->reg < INSN_REGS && in->writes >> q->reg & 1)
		q->reg = INSN_NO_REG;
	if (in->kind == INSN_BRANCH)
		q->sure = false;
	return false;
}

/* The comparison that begins at `in`, or NULL when none does. */
static const struct insn *comparison(const struct site_search *s, const struct insn *in,
				     struct question *q)
{
	int i;

	q->reg = INSN_NO_REG;
	if (question__step(q, in))
		return in;
	for (i = 0; q->reg != INSN_NO_REG && i < MAX_PROLOGUE; i++) {
		in = flow__at(s->flow, in->vaddr + in->len);
		if (!in || insn__ends(in) || flow__joins(s->flow, in->vaddr, in->vaddr))
			return NULL;
		if (question__step(q, in))
			return in;
	}
	return NULL;
}

/* Adds the branch behind a comparison of a frame's byte, when a register still holds the frame. */
static int add_compare_site(const struct site_search *s, const struct question *q,
			    const struct insn *cmp, const char *name)
{
	const struct insn *branch = sites__deciding_branch(s->flow, cmp), *in;
	struct site_choice c = {
		.kind = VTBPF_SITE_EXIT,
		.instr_reg = VTBPF_NO_REG,
		.entry = q->from,
		.name = name,
	};
	struct regs regs;

	if (!branch || !branch->emulated || !q->sure)
		return -ENOENT;
	regs__init(&regs);
	regs.fp_is_frame = s->fp_is_frame;
	for (in = flow__at(s->flow, q->from); in != branch;
	     in = flow__at(s->flow, in->vaddr + in->len))
		regs__step(&regs, in);
	if (!sites__set_frame(s, &regs, q->base, &c))
		return -ENOENT;
	c.vaddr = branch->vaddr;
	return sites__add(s, &c);
}

/* ---- 3.11 ------------------------------------------------------------------------------- */

/* Is the instruction at vaddr on the straight line of opcode's handler? */
static bool on_line_of(const struct site_search *s, uint8_t opcode, uint64_t vaddr)
{
	const struct insn *in = flow__at(s->flow, s->table->handlers[opcode]);
	int i;

	for (i = 0; in && i < MAX_LINE; i++, in = flow__next(s->flow, in)) {
		if (in->vaddr == vaddr)
			return true;
	}
	return false;
}

int sites__is_entry_exits(const struct site_search *s)
{
	size_t n, i, all = 0, added = 0;
	const struct insn *insns = flow__insns(s->flow, &n), *cmp;
	struct question q = { .offset = s->py->is_entry };

	for (i = 0; i < n; i++) {
		cmp = comparison(s, &insns[i], &q);
		if (!cmp)
			continue;
		all++;
		if (on_line_of(s, s->py->return_value, insns[i].vaddr) ||
		    on_line_of(s, s->py->return_generator, insns[i].vaddr))
			continue;
		if (add_compare_site(s, &q, cmp, "exit_unwind") == 0)
			added++;
	}
	return all == 3 && added == 1 ? 0 : -ENOENT;
}

/* ---- 3.12 and later --------------------------------------------------------------------- */

/* Where the function at vaddr asks for the owner of its argument 1, the frame, soon after its
 * entry; 0 when it does not. */
static uint64_t owner_question(const struct site_search *s, uint64_t vaddr)
{
	uint8_t frame = insn__arg_reg(s->img->machine, 1);
	struct question q = { (uint8_t)s->plan->layout.frame_owner, .reg = INSN_NO_REG };
	struct regs regs;
	struct insn in;
	int i;

	regs__init(&regs);
	for (i = 0; i < MAX_PROLOGUE; i++, vaddr += in.len) {
		if (!decoder__insn(s->decoder, s->img, vaddr, &in))
			return 0;
		if (reads_byte(&in, q.offset) && !regs__holds(&regs, in.base, frame, 0))
			return 0;
		if (question__step(&q, &in))
			return q.from;
		if (in.kind != INSN_PLAIN && in.kind != INSN_BRANCH)
			return 0;
		regs__step(&regs, &in);
	}
	return 0;
}

/* Adds the site in the function at vaddr if it is _PyEval_FrameClearAndPop. */
static int add_function_site(const struct site_search *s, uint64_t vaddr)
{
	struct site_choice c = { .kind = VTBPF_SITE_EXIT, .name = CLEAR_AND_POP };

	return owner_question(s, vaddr) ? sites__add_function(s, vaddr, 1, &c) : -ENOENT;
}

/* Instructions on the ways that RETURN_VALUE's handler takes. */
struct handler_ways {
	const struct insn *calls[MAX_CALLS];
	size_t n;
	int budget;
};

static void follow_ways(const struct site_search *s, const struct insn *in, struct handler_ways *w)
{
	const struct insn *other = NULL;

	for (; in && w->n < MAX_CALLS && w->budget-- > 0; in = flow__next(s->flow, in)) {
		if (in->kind == INSN_CALL || in->kind == INSN_CALL_INDIRECT)
			w->calls[w->n++] = in;
		if (in->kind == INSN_BRANCH && !other)
			other = flow__at(s->flow, in->target);
	}
	w->budget = MAX_LINE;
	for (in = other; in && w->n < MAX_CALLS && w->budget-- > 0; in = flow__next(s->flow, in)) {
		if (in->kind == INSN_CALL || in->kind == INSN_CALL_INDIRECT)
			w->calls[w->n++] = in;
	}
}

/* Adds the site in _PyEval_FrameClearAndPop if RETURN_VALUE's handler calls it, and returns its
 * address; else 0. It is known by its name where it has one (3.13 on), else by the question it
 * asks. */
static uint64_t add_called_function(const struct site_search *s)
{
	struct handler_ways w = { .budget = MAX_LINE };
	struct function_ref ref;
	size_t i;

	function_ref__find(s->img, CLEAR_AND_POP, &ref);
	follow_ways(s, flow__at(s->flow, s->table->handlers[s->py->return_value]), &w);
	for (i = 0; i < w.n; i++) {
		uint64_t callee = ref.vaddr ? ref.vaddr : w.calls[i]->target;

		if (ref.vaddr && !function_ref__is_called(&ref, s->img, s->decoder, w.calls[i]))
			continue;
		if (add_function_site(s, callee) == 0)
			return callee;
	}
	return 0;
}

/* Adds a site for each inlined copy, or says -ENOSPC; `apart` is the question of the function itself,
 * which may lie so near that it was taken for a part of the evaluation function. */
static int add_inlined(const struct site_search *s, uint64_t apart, size_t *added)
{
	size_t n, i, asked = 0;
	const struct insn *insns = flow__insns(s->flow, &n), *cmp;
	struct question q = { .offset = (uint8_t)s->plan->layout.frame_owner };
	int err;

	*added = 0;
	for (i = 0; i < n; i++) {
		cmp = comparison(s, &insns[i], &q);
		if (!cmp || q.from == apart)
			continue;
		asked++;
		err = add_compare_site(s, &q, cmp, "inlined frame end");
		if (err == -ENOSPC)
			return err;
		*added += !err;
	}
	if (asked > *added)
		sites__note(s,
			    "%zu of %zu places where frames may end cannot be probed: calls may "
			    "seem to last until the next event.",
			    asked - *added, asked);
	return 0;
}

int sites__owner_exits(const struct site_search *s)
{
	uint64_t called = add_called_function(s);
	struct elf_symbol sym;
	size_t inlined;
	int err = add_inlined(s, called ? owner_question(s, called) : 0, &inlined);

	if (err)
		return err;
	if (!called && inlined && elf_image__symbol(s->img, CLEAR_AND_POP, &sym))
		add_function_site(s, sym.vaddr);
	return called || inlined ? 0 : -ENOENT;
}
