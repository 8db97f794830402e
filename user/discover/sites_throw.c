// SPDX-License-Identifier: GPL-2.0-only
/*
 * generator.throw() and its kin from CPython 3.11 on: they call _PyEval_EvalFrameDefault with
 * throwflag set, and the frame goes on at its exception handler, so that no RESUME is executed
 * (Python/ceval.c: `if (throwflag)`). The function asks for its third argument once; the block
 * taken when it is set is the site. Where that cannot be proved, PyTraceBack_Here tells of each
 * frame that an exception reaches, the thrown-into one among them: right as well, but hit far more
 * often.
 */
#include <errno.h>

#include "function_ref.h"
#include "regs.h"
#include "sites.h"

#define MAX_PROLOGUE 400
#define MAX_PENDING 16
#define MAX_BLOCK 32
#define MAX_COPIES 16

/* A place in the prologue and what is known there. */
struct place {
	const struct insn *in;
	struct regs regs;
	bool tested; /* the flags tell whether throwflag is set */
};

/* The function's prologue, followed up to the branch on throwflag. */
struct prologue {
	uint8_t frame, flag; /* registers of the arguments */
	struct place branch;
	uint8_t tested_reg;
	const struct insn *test;
	uint64_t copies[MAX_COPIES]; /* instructions that put the arguments into registers */
	size_t n_copies;
	struct place pending[MAX_PENDING]; /* other sides of the branches passed */
	size_t n_pending;
	int budget;
};

static void note_copy(struct prologue *p, const struct place *at)
{
	const struct insn *in = at->in;
	bool copies = (in->shape == SHAPE_COPY && !in->disp &&
		       regs__holds(&at->regs, in->src, p->frame, 0)) ||
		      (in->shape == SHAPE_COPY_INT && regs__holds(&at->regs, in->src, p->flag, 0));

	if (copies && p->n_copies < MAX_COPIES)
		p->copies[p->n_copies++] = in->vaddr;
}

static void note_test(struct prologue *p, struct place *at)
{
	const struct insn *in = at->in;

	if (in->shape == SHAPE_TEST && regs__holds(&at->regs, in->src, p->flag, 0)) {
		at->tested = true;
		p->test = in;
		p->tested_reg = in->src;
	} else if (in->writes_flags) {
		at->tested = false;
	}
}

/* Follows straight code; the other side of each branch is left for later. True at the branch on
 * throwflag. */
static bool follow(const struct site_search *s, struct prologue *p, struct place at)
{
	for (; at.in && p->budget-- > 0; at.in = flow__next(s->flow, at.in)) {
		if (at.in->kind == INSN_BRANCH && at.tested) {
			p->branch = at;
			return at.in->cond != COND_OTHER;
		}
		if (at.in->kind == INSN_BRANCH && p->n_pending < MAX_PENDING) {
			p->pending[p->n_pending] = at;
			p->pending[p->n_pending++].in = flow__at(s->flow, at.in->target);
		}
		note_copy(p, &at);
		note_test(p, &at);
		regs__step(&at.regs, at.in);
	}
	return false;
}

static bool follow_prologue(const struct site_search *s, struct prologue *p)
{
	struct place start = { .in = flow__at(s->flow, s->eval) };
	size_t next;

	*p = (struct prologue){
		.frame = insn__arg_reg(s->img->machine, 1),
		.flag = insn__arg_reg(s->img->machine, 2),
		.budget = MAX_PROLOGUE,
	};
	regs__init(&start.regs);
	start.regs.int_reg = p->flag;
	if (follow(s, p, start))
		return true;
	for (next = 0; next < p->n_pending; next++) {
		if (follow(s, p, p->pending[next]))
			return true;
	}
	return false;
}

/* Does the tested register hold throwflag, whichever way led there? */
static bool test_is_sure(const struct site_search *s, const struct prologue *p)
{
	uint32_t written = flow__written_before(s->flow, p->test->vaddr, p->copies, p->n_copies);

	return !(written >> p->tested_reg & 1);
}

/* First instruction of the block that only throwflag leads to, or NULL. */
static const struct insn *throw_block(const struct site_search *s, const struct prologue *p)
{
	const struct insn *before, *in;
	uint64_t start = p->branch.in->target;

	if (p->branch.in->cond == COND_ZERO) {
		start = p->branch.in->vaddr + p->branch.in->len;
		return flow__joins(s->flow, start, start) ? NULL : flow__at(s->flow, start);
	}
	in = flow__at(s->flow, start);
	if (!in || flow__joins(s->flow, start, start) != 1)
		return NULL;
	before = flow__insns(s->flow, &(size_t){ 0 });
	if (in == before)
		return in;
	before = in - 1;
	return insn__ends(before) || before->vaddr + before->len != start ? in : NULL;
}

/* A register that holds the frame in the block, whichever way led there. */
static uint8_t frame_in(const struct site_search *s, const struct prologue *p,
			const struct insn *site, const struct regs *regs)
{
	uint8_t i;
	uint32_t written = flow__written_before(s->flow, site->vaddr, p->copies, p->n_copies);

	for (i = 0; i < INSN_REGS; i++) {
		if (regs__holds(regs, i, p->frame, 0) && !(written >> i & 1))
			return i;
	}
	return INSN_NO_REG;
}

static bool choose_in_block(const struct site_search *s, const struct prologue *p,
			    struct site_choice *c)
{
	const struct insn *in = throw_block(s, p);
	struct regs regs = p->branch.regs;
	int i;

	for (i = 0; in && i < MAX_BLOCK; i++, in = flow__at(s->flow, in->vaddr + in->len)) {
		if (i && flow__joins(s->flow, in->vaddr, in->vaddr))
			return false;
		if (in->emulated) {
			c->vaddr = in->vaddr;
			c->frame_reg = frame_in(s, p, in, &regs);
			return c->frame_reg != INSN_NO_REG;
		}
		if (in->kind != INSN_PLAIN)
			return false;
		regs__step(&regs, in);
	}
	return false;
}

/* Does the evaluation function call it, or was it inlined there? */
static bool calls(const struct site_search *s, const struct function_ref *ref)
{
	size_t n, i;
	const struct insn *insns = flow__insns(s->flow, &n);

	for (i = 0; i < n; i++) {
		if (function_ref__is_called(ref, s->img, s->decoder, &insns[i]))
			return true;
	}
	return false;
}

static int add_traceback(const struct site_search *s)
{
	struct site_choice c = { .kind = VTBPF_SITE_TRACEBACK, .name = "PyTraceBack_Here" };
	struct function_ref ref;

	function_ref__find(s->img, c.name, &ref);
	if (!ref.vaddr || !calls(s, &ref)) {
		sites__note(s, "Calls entered by generator.throw() cannot be seen in this build.");
		return 0;
	}
	return sites__add_function(s, ref.vaddr, 0, &c);
}

int sites__throw(const struct site_search *s)
{
	struct prologue p;
	struct site_choice c = {
		.kind = VTBPF_SITE_THROW,
		.instr_reg = VTBPF_NO_REG,
		.entry = s->eval,
		.name = "throwflag",
	};

	if (follow_prologue(s, &p) && test_is_sure(s, &p) && choose_in_block(s, &p, &c)) {
		c.entry = c.vaddr;
		return sites__add(s, &c);
	}
	return add_traceback(s);
}
