// SPDX-License-Identifier: GPL-2.0-only
/*
 * generator.throw() and its kin from CPython 3.11 on: they call _PyEval_EvalFrameDefault with
 * throwflag set, and the frame goes on at its exception handler, so that no RESUME is executed
 * (Python/ceval.c: `if (throwflag)`). The function asks for its third argument once; the block taken
 * when it is set is the site. Where that cannot be proved, PyTraceBack_Here tells of each frame that
 * an exception reaches, the thrown-into one among them: right as well, but hit far more often.
 */
#include <errno.h>

#include "regs.h"
#include "sites.h"

#define MAX_PROLOGUE 160
#define MAX_BLOCK 32
#define MAX_COPIES 8

/* The function's prologue, followed up to the branch on throwflag. */
struct prologue {
	const struct insn *branch;
	struct regs regs;	       /* at the branch */
	uint64_t copies[MAX_COPIES]; /* instructions that put the frame into registers */
	size_t n_copies;
};

static void note_copy(struct prologue *p, const struct insn *in, uint8_t frame)
{
	if (in->shape == SHAPE_COPY && regs__holds(&p->regs, in->src, frame, 0) && !in->disp &&
	    p->n_copies < MAX_COPIES)
		p->copies[p->n_copies++] = in->vaddr;
}

static bool follow_prologue(const struct site_search *s, struct prologue *p)
{
	uint8_t frame = insn__arg_reg(s->img->machine, 1);
	uint8_t flag = insn__arg_reg(s->img->machine, 2);
	const struct insn *in = flow__at(s->flow, s->eval);
	bool tested = false;
	int i;

	*p = (struct prologue){ 0 };
	regs__init(&p->regs);
	p->regs.int_reg = flag;
	for (i = 0; in && i < MAX_PROLOGUE; i++, in = flow__next(s->flow, in)) {
		bool asks = in->shape == SHAPE_TEST && regs__holds(&p->regs, in->src, flag, 0);

		if (in->kind == INSN_BRANCH && tested) {
			p->branch = in;
			return in->cond != COND_OTHER;
		}
		tested = asks || (tested && !in->writes_flags);
		note_copy(p, in, frame);
		regs__step(&p->regs, in);
	}
	return false;
}

/* First instruction of the block that only throwflag leads to, or NULL. */
static const struct insn *throw_block(const struct site_search *s, const struct prologue *p)
{
	const struct insn *before, *in;
	uint64_t start = p->branch->target;

	if (p->branch->cond == COND_ZERO) {
		start = p->branch->vaddr + p->branch->len;
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
	uint8_t frame = insn__arg_reg(s->img->machine, 1), i;
	uint32_t written = flow__written_before(s->flow, site->vaddr, p->copies, p->n_copies);

	for (i = 0; i < INSN_REGS; i++) {
		if (regs__holds(regs, i, frame, 0) && !(written >> i & 1))
			return i;
	}
	return INSN_NO_REG;
}

static bool choose_in_block(const struct site_search *s, const struct prologue *p,
			    struct site_choice *c)
{
	const struct insn *in = throw_block(s, p);
	struct regs regs = p->regs;
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

static int add_traceback(const struct site_search *s)
{
	struct elf_symbol sym;
	struct insn in;
	struct site_choice c = {
		.kind = VTBPF_SITE_TRACEBACK,
		.frame_reg = insn__arg_reg(s->img->machine, 0),
		.instr_reg = VTBPF_NO_REG,
		.name = "PyTraceBack_Here",
	};

	if (!elf_image__symbol(s->img, "PyTraceBack_Here", &sym))
		return -ENOENT;
	c.entry = c.vaddr = sym.vaddr;
	if (decoder__insn(s->decoder, s->img, sym.vaddr, &in) && in.landing_pad)
		c.vaddr += in.len;
	return sites__add(s, &c);
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

	if (follow_prologue(s, &p) && choose_in_block(s, &p, &c)) {
		c.entry = c.vaddr;
		return sites__add(s, &c);
	}
	return add_traceback(s);
}
