// SPDX-License-Identifier: GPL-2.0-only
/*
 * generator.throw() and its kin from CPython 3.11 on: they call _PyEval_EvalFrameDefault with
 * throwflag set, and the frame goes on at its exception handler, so that no RESUME is executed
 * (Python/ceval.c: `if (throwflag)`). The function asks for its third argument, once or
 * on a few ways; where they meet when it is set is the site. Where that cannot be proved,
 * PyTraceBack_Here tells of each frame that an exception reaches, the thrown-into one among them:
 * right as well, but hit far more often.
 */
#include <errno.h>

#include "hold.h"
#include "sites.h"

#define MAX_BLOCK 32
#define MAX_LINES 8

/* The arguments, wherever the compiler keeps them. */
struct throw_args {
	struct hold *frame, *flag;
};

/* The straight lines that are taken when throwflag is set, one for each place that asks for it. */
struct throw_lines {
	const struct insn *branches[MAX_LINES];
	const struct insn *starts[MAX_LINES];
	size_t n;
};

static const struct insn *set_side(const struct site_search *s, const struct insn *branch)
{
	uint64_t next = branch->vaddr + branch->len;

	return flow__at(s->flow, branch->cond == COND_NONZERO ? branch->target : next);
}

/* False when some question is not understood. */
static bool find_lines(const struct site_search *s, const struct throw_args *args,
		       struct throw_lines *l)
{
	const struct insn *insns, *branch;
	size_t n, i;

	insns = flow__insns(s->flow, &n);
	for (i = 0; i < n; i++) {
		if (!hold__is_test(args->flag, &insns[i]))
			continue;
		branch = sites__deciding_branch(s->flow, &insns[i]);
		if (!branch || branch->cond == COND_OTHER || l->n == MAX_LINES)
			return false;
		l->branches[l->n] = branch;
		l->starts[l->n] = set_side(s, branch);
		if (!l->starts[l->n++])
			return false;
	}
	return l->n > 0;
}

/* Is `in` on one of the lines, before they branch or call? */
static bool on_line(const struct site_search *s, const struct insn *start, const struct insn *in)
{
	int i;

	for (i = 0; start && i < MAX_BLOCK; i++, start = flow__next(s->flow, start)) {
		if (start == in)
			return true;
		if (start->kind != INSN_PLAIN && start->kind != INSN_JUMP)
			return false;
	}
	return false;
}

static bool on_any_line(const struct site_search *s, const struct throw_lines *l,
			const struct insn *in)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (on_line(s, l->starts[i], in))
			return true;
	}
	return false;
}

static bool is_throw_edge(const struct site_search *s, const struct throw_lines *l,
			  const struct insn *from, const struct insn *to)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (l->branches[i] == from)
			return l->starts[i] == to && from->target != from->vaddr + from->len;
	}
	return on_any_line(s, l, from);
}

/* Only what throwflag leads to leads to `in`. */
static bool is_throw_only(const struct site_search *s, const struct throw_lines *l,
			  const struct insn *in)
{
	const struct insn *from[MAX_LINES];
	size_t n = flow__predecessors(s->flow, in, from, MAX_LINES), i;

	if (n > MAX_LINES || flow__is_root(s->flow, in->vaddr))
		return false;
	for (i = 0; i < n; i++) {
		if (!is_throw_edge(s, l, from[i], in))
			return false;
	}
	return true;
}

/* Is each instruction of the lines up to `site` reached by them only, and is it on all of them? */
static bool is_common(const struct site_search *s, const struct throw_lines *l,
		      const struct insn *site)
{
	const struct insn *in;
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (!on_line(s, l->starts[i], site))
			return false;
		for (in = l->starts[i]; in != site; in = flow__next(s->flow, in)) {
			if (!is_throw_only(s, l, in))
				return false;
		}
	}
	return is_throw_only(s, l, site);
}

/* The first emulated instruction that is on all lines, and the register of the frame there. */
static bool choose_on_lines(const struct site_search *s, const struct throw_args *args,
			    const struct throw_lines *l, struct site_choice *c)
{
	const struct insn *in = l->starts[0];
	int i;

	for (i = 0; in && i < MAX_BLOCK; i++, in = flow__next(s->flow, in)) {
		if (in->emulated && is_common(s, l, in)) {
			c->vaddr = in->vaddr;
			c->frame_reg = sites__pick_reg(s, hold__regs(args->frame, in));
			return c->frame_reg != INSN_NO_REG;
		}
		if (in->kind != INSN_PLAIN && in->kind != INSN_JUMP)
			return false;
	}
	return false;
}

static bool find_block_site(const struct site_search *s, struct site_choice *c)
{
	uint16_t machine = s->img->machine;
	struct throw_args args = {
		.frame = hold__new(s->flow, NULL, insn__arg_reg(machine, 1), 8),
		.flag = hold__new(s->flow, NULL, insn__arg_reg(machine, 2), 4),
	};
	struct throw_lines lines = { .n = 0 };
	bool found = args.frame && args.flag && find_lines(s, &args, &lines) &&
		     choose_on_lines(s, &args, &lines, c);

	hold__free(args.frame);
	hold__free(args.flag);
	return found;
}

bool sites__calls(const struct site_search *s, const struct function_ref *ref)
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
	if (!ref.vaddr || !sites__calls(s, &ref)) {
		sites__note(s, "Calls entered by generator.throw() cannot be seen in this build.");
		return 0;
	}
	sites__note(
		s,
		"generator.throw() is seen by way of PyTraceBack_Here, which costs a hit for each "
		"frame that any exception passes.");
	return sites__add_function(s, ref.vaddr, 0, &c);
}

int sites__throw(const struct site_search *s)
{
	struct site_choice c = {
		.kind = VTBPF_SITE_THROW,
		.instr_reg = VTBPF_NO_REG,
		.name = "throwflag",
	};

	if (!find_block_site(s, &c))
		return add_traceback(s);
	c.entry = c.vaddr;
	return sites__add(s, &c);
}
