// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions: where they reach a frame, and still wait in the thread's state.
 *
 * That is the beginning of PyTraceBack_Here, where the evaluation function calls it. Where it was
 * inlined there (clang, link-time optimisation), it is the question before it, `if
 * (!_PyErr_Occurred(tstate))` behind the label `error` (Python/ceval.c, 3.12 on): the only one after
 * which the frame is asked for its owner. C code that shows in tracebacks still calls the function.
 */
#include <errno.h>

#include "py_layout.h"
#include "sites.h"

#define MAX_QUESTION 4 /* instructions from the load of the exception to its comparison */
#define MAX_LINE 12    /* from the branch to the owner */

/* The first instruction, or the one behind it that the kernel emulates: the function takes the exception
 * out of where it waits without delay, and then it cannot be found there. */
static void choose_first(const struct site_search *s, uint64_t vaddr, struct site_choice *c)
{
	struct insn first, second;

	c->frame_reg = insn__arg_reg(s->img->machine, 0);
	c->instr_reg = VTBPF_NO_REG;
	c->entry = vaddr;
	c->vaddr = vaddr;
	if (decoder__insn(s->decoder, s->img, vaddr, &first) && first.landing_pad &&
	    decoder__insn(s->decoder, s->img, vaddr + first.len, &second) && second.emulated)
		c->vaddr = second.vaddr;
}

/* Exceptions are watched at that site, whatever else it means. */
static void mark(const struct site_search *s, uint64_t vaddr)
{
	struct probe_plan *plan = s->plan;
	size_t i;

	for (i = 0; i < plan->n_sites; i++) {
		if (plan->sites[i].vaddr == vaddr)
			plan->sites[i].site.flags |= VTBPF_SITE_RAISES;
	}
}

static int add(const struct site_search *s, const struct site_choice *c)
{
	int err = sites__add(s, c);

	if (!err)
		mark(s, c->vaddr);
	return err;
}

static int add_function(const struct site_search *s, uint64_t vaddr)
{
	struct site_choice c = { .kind = VTBPF_SITE_EXCEPTION, .name = "PyTraceBack_Here" };

	choose_first(s, vaddr, &c);
	return add(s, &c);
}

/* ---- inlined ---------------------------------------------------------------------------- */

/* The branch that asks whether what `load` loads is NULL, or NULL. */
static const struct insn *null_branch(const struct site_search *s, const struct insn *load)
{
	const struct insn *in = load;
	int i;

	for (i = 0; i < MAX_QUESTION; i++) {
		in = flow__next(s->flow, in);
		if (!in)
			return NULL;
		if (in->src == load->dst && (in->shape == SHAPE_TEST ||
					     (in->kind == INSN_BRANCH && in->cond != COND_OTHER)))
			return sites__deciding_branch(s->flow, in);
		if (in->kind != INSN_PLAIN || in->writes >> load->dst & 1)
			return NULL;
	}
	return NULL;
}

/* Keeps to the line, and leaves the stack alone. */
static bool is_calm(const struct insn *in)
{
	return (in->kind == INSN_PLAIN || in->kind == INSN_BRANCH || in->kind == INSN_JUMP) &&
	       !in->wrote && !in->sp_add && !in->sp_lost;
}

/* Says where at the start of a line a register is that `in`, on it, has changed. */
static bool set_word(const struct site_search *s, const struct insn *in, struct site_choice *c)
{
	if (in->shape != SHAPE_RELOAD || in->size != 8 || in->on_fp ||
	    in->disp != (int16_t)in->disp)
		return false;
	c->frame_reg = insn__sp_reg(s->img->machine);
	c->frame_at = (int16_t)in->disp;
	c->flags = VTBPF_SITE_FRAME_IN_WORD;
	return true;
}

/* The read of the frame's owner on the straight line from `start`, and where the frame is there. */
static const struct insn *owner_read(const struct site_search *s, const struct insn *start,
				     struct site_choice *c)
{
	const struct insn *in, *line[MAX_LINE];
	int n, i;

	for (n = 0, in = start; in && n < MAX_LINE; in = flow__next(s->flow, in)) {
		if (in->shape == SHAPE_LOAD_BYTE && in->base < INSN_REGS &&
		    in->disp == s->plan->layout.frame_owner)
			break;
		if (!is_calm(in))
			return NULL;
		line[n++] = in;
	}
	if (!in || n == MAX_LINE)
		return NULL;
	c->frame_reg = in->base;
	for (i = n - 1; i >= 0; i--) {
		if (line[i]->writes >> in->base & 1)
			return set_word(s, line[i], c) ? in : NULL;
	}
	return in;
}

/* Is it the question that comes before PyTraceBack_Here? */
static bool is_question(const struct site_search *s, const struct insn *load, struct site_choice *c)
{
	const struct insn *branch = null_branch(s, load), *read;

	if (!branch || !branch->emulated || branch->cond == COND_OTHER)
		return false;
	*c = (struct site_choice){
		.kind = VTBPF_SITE_RAISED,
		.instr_reg = VTBPF_NO_REG,
		.vaddr = branch->vaddr,
		.entry = branch->vaddr,
		.name = "error",
	};
	read = owner_read(s,
			  flow__at(s->flow, branch->cond == COND_ZERO ?
						    branch->vaddr + branch->len :
						    branch->target),
			  c);
	return read && !flow__reaches(s->flow, s->eval, read->vaddr, &c->vaddr, 1);
}

/* There must be one only: a copy that is not found would not be noticed. */
static int add_question(const struct site_search *s)
{
	const struct py_layout *py = py_layout__find(s->py->minor);
	struct site_choice c, found = { 0 };
	size_t n, i;
	const struct insn *insns = flow__insns(s->flow, &n);

	if (!py || py->raised_traceback == PY_NO_FIELD || !s->plan->layout.frame_owner)
		return -ENOENT;
	for (i = 0; i < n; i++) {
		if (insns[i].shape != SHAPE_LOAD || insns[i].disp != py->tstate_raised ||
		    insns[i].dst >= INSN_REGS || !is_question(s, &insns[i], &c))
			continue;
		if (found.vaddr)
			return -ENOENT;
		found = c;
	}
	return found.vaddr ? add(s, &found) : -ENOENT;
}

int sites__exception(const struct site_search *s)
{
	struct function_ref ref;
	int err;

	function_ref__find(s->img, "PyTraceBack_Here", &ref);
	if (!ref.vaddr)
		return -ENOENT;
	err = sites__calls(s, &ref) ? 0 : add_question(s);
	return err ? err : add_function(s, ref.vaddr);
}

/* ---- handled ---------------------------------------------------------------------------- */

/*
 * The first instruction of POP_EXCEPT, whatever it costs: the exception that was handled is taken out of
 * the thread's state before the first branch. Up to 3.10 the frame is found in that state, too.
 */
int sites__handled(const struct site_search *s)
{
	bool by_state = s->py->family == FAMILY_FRAME;
	struct site_choice c = {
		.kind = VTBPF_SITE_HANDLED,
		.frame_reg = by_state ? VTBPF_NO_REG : s->frame_reg,
		.instr_reg = by_state ? VTBPF_NO_REG : s->next_reg,
		.vaddr = s->table->handlers[s->py->pop_except],
		.entry = s->table->handlers[s->py->pop_except],
		.name = "POP_EXCEPT",
	};

	return s->table->vaddr ? sites__add(s, &c) : -ENOENT;
}
