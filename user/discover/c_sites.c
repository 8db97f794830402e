// SPDX-License-Identifier: GPL-2.0-only
/*
 * A handler of the CALL family finds what it calls below the interpreter's stack pointer, and
 * calls it at one place of the machine code. Entries are on the handler's straight line, where the
 * frame and that stack pointer are in known places; handlers that give up go on in the generic
 * one, behind its first jumps, so its site is the first conditional branch. What is then seen
 * twice has the same frame, stack pointer and callable, and counts once. Exits are behind every
 * instruction that may call a C function: a hit there ends the C function that its frame has
 * called, if there is one, so one more does no harm.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "c_search.h"

#define MAX_LINE 64		/* instructions looked at in search of a site */
#define MAX_WAYS 512		/* beginnings of straight lines that a handler may reach */
#define MAX_WAY 400		/* instructions of one */
#define MIN_VOTES 8		/* handlers that read the top of the stack */
#define MAX_TOP 8		/* instructions in which they do it */
#define TAKES_CALLABLE_FIRST 13 /* minor version: Python/bytecodes.c, inst(CALL) */

static const char *const function_names[C_FUNCTIONS] = {
	"PyObject_Vectorcall", "PyObject_Call",	  "__tls_get_addr",
	"PyObject_Size",       "PyObject_Length", "PyObject_IsInstance",
};

/* ---- the stack pointer ------------------------------------------------------------------- */

/* The register through which the handler at vaddr reads the topmost word of the stack, at its very
 * beginning; INSN_NO_REG when it does not. */
static uint8_t top_reader(const struct site_search *s, uint64_t vaddr)
{
	const struct insn *in = flow__at(s->flow, vaddr);
	struct regs regs;

	regs__init(&regs);
	for (int i = 0; in && i < MAX_TOP && in->kind == INSN_PLAIN;
	     i++, in = flow__next(s->flow, in)) {
		if (in->shape == SHAPE_LOAD && in->base < INSN_REGS &&
		    regs.from[in->base] != INSN_NO_REG && in->disp + regs.add[in->base] == -8)
			return regs.from[in->base];
		regs__step(&regs, in);
	}
	return INSN_NO_REG;
}

static uint8_t find_stack_reg(const struct site_search *s)
{
	unsigned int votes[INSN_REGS] = { 0 }, all = 0;
	uint8_t best = 0, reg;

	for (int i = 0; i < 256; i++) {
		reg = top_reader(s, s->table->handlers[i]);
		if (reg >= INSN_REGS || reg == s->frame_reg || reg == s->next_reg)
			continue;
		all++;
		if (++votes[reg] > votes[best])
			best = reg;
	}
	return votes[best] >= MIN_VOTES && 4 * votes[best] > 3 * all ? best : INSN_NO_REG;
}

/* ---- places ------------------------------------------------------------------------------ */

/* Where what `reg` held at the handler's start is now. False: nowhere, or too far off. */
static bool set_place(const struct site_search *s, const struct c_spot *spot, uint8_t reg,
		      uint8_t *in_reg, int16_t *at, bool *in_word)
{
	struct regs_place place;

	if (!regs__find_place(spot->regs, reg, 0, &place))
		return false;
	if (place.in_word && spot->called && !c_ways__reads_word(s->flow, spot->called, &place))
		return false;
	*in_reg = place.reg;
	*at = (int16_t)place.at;
	*in_word = place.in_word;
	if (place.in_word)
		*in_reg = place.on_fp ? insn__fp_reg(s->img->machine) :
					insn__sp_reg(s->img->machine);
	return *at == place.at;
}

static bool takes_stack(const struct c_spot *spot)
{
	return !spot->in_frame && (spot->kind == VTBPF_C_SPECIAL || spot->kind == VTBPF_C_APPEND ||
				   spot->kind == VTBPF_C_KW);
}

static int fill_site(const struct c_search *c, const struct c_spot *spot, struct vtbpf_c_site *site)
{
	bool frame_in_word, stack_in_word = false;

	*site = (struct vtbpf_c_site){ .vaddr = spot->in->vaddr, .kind = spot->kind };
	site->stack_reg = VTBPF_NO_REG;
	if (spot->in->refused || !set_place(c->s, spot, c->s->frame_reg, &site->frame_reg,
					    &site->frame_at, &frame_in_word))
		return -ENOENT;
	if (takes_stack(spot) &&
	    !set_place(c->s, spot, c->stack_reg, &site->stack_reg, &site->stack_at, &stack_in_word))
		return -ENOENT;
	site->flags = (frame_in_word ? VTBPF_C_FRAME_IN_WORD : 0) |
		      (stack_in_word ? VTBPF_C_STACK_IN_WORD : 0) |
		      (spot->in_frame ? VTBPF_C_STACK_IN_FRAME : 0);
	return 0;
}

int c_search__add(struct c_search *c, const struct c_spot *spot)
{
	struct c_plan *plan = c->plan;
	struct c_place *place = &plan->places[plan->n];
	int err;

	for (size_t i = 0; i < plan->n; i++) {
		if (plan->places[i].site.vaddr == spot->in->vaddr)
			return plan->places[i].site.kind == spot->kind ? 0 : -ENOENT;
	}
	if (plan->n == VTBPF_MAX_C_SITES)
		return -ENOSPC;
	err = fill_site(c, spot, &place->site);
	if (!err && !elf_image__offset(c->s->img, spot->in->vaddr, &place->offset))
		err = -ENOENT;
	if (err)
		return err;
	place->emulated = spot->in->emulated;
	place->name = c->op->name;
	plan->n++;
	return 0;
}

static int add_site(struct c_search *c, const struct insn *in, const struct regs *regs,
		    uint8_t kind)
{
	struct c_spot spot = { .in = in, .regs = regs, .kind = kind };

	return c_search__add(c, &spot);
}

/* Is all known there that an entry needs? */
static bool has_places(const struct c_search *c, const struct regs *regs)
{
	struct regs_place place;

	return regs__find_place(regs, c->s->frame_reg, 0, &place) &&
	       regs__find_place(regs, c->stack_reg, 0, &place);
}

static void begin_regs(const struct c_search *c, struct regs *regs)
{
	regs__init(regs);
	regs->fp_is_frame = c->s->fp_is_frame;
}

uint64_t c_search__handler(const struct c_search *c, const struct c_opcode *op)
{
	return c->s->table->handlers[op->number];
}

/* ---- entries ----------------------------------------------------------------------------- */

bool c_search__stores_instr(const struct c_search *c, const struct insn *in,
			    const struct regs *regs)
{
	return in->shape == SHAPE_STORE && in->disp == c->s->py->frame_instr &&
	       regs__holds(regs, in->base, c->s->frame_reg, 0);
}

/* The last resort is the first instruction at which all is known: it is single-stepped. */
static int add_entry(struct c_search *c)
{
	const struct insn *in = flow__at(c->s->flow, c_search__handler(c, c->op)), *chosen = NULL;
	uint8_t kind = c->op->handler == C_HANDLER_APPEND ? VTBPF_C_APPEND : VTBPF_C_SPECIAL;
	struct regs regs, at_chosen;
	bool stored = false;

	begin_regs(c, &regs);
	for (int i = 0; in && i < MAX_LINE; i++, in = flow__next(c->s->flow, in)) {
		bool fits = stored && has_places(c, &regs);

		if (fits && (!chosen || in->emulated)) {
			chosen = in;
			at_chosen = regs;
		}
		if (in->kind != INSN_PLAIN || (fits && in->emulated))
			break;
		stored |= c_search__stores_instr(c, in, &regs);
		regs__step(&regs, in);
	}
	return chosen ? add_site(c, chosen, &at_chosen, kind) : -ENOENT;
}

/* ---- exits ------------------------------------------------------------------------------- */

bool c_search__calls(const struct c_search *c, const struct insn *in, int function)
{
	return function_ref__is_called(&c->functions[function], c->s->img, c->s->decoder, in);
}

/* Is the handler one for whatever is called? */
static bool is_generic(const struct c_opcode *op)
{
	return op->handler == C_HANDLER_ANY || op->handler == C_HANDLER_KW ||
	       op->handler == C_HANDLER_EX;
}

/* The call of a function that is given the callable. */
static int add_call(struct c_search *c, const struct insn *call, const struct regs *regs)
{
	if (c_search__calls(c, call, CALLS_TUPLE) || c->op->handler == C_HANDLER_EX)
		return add_site(c, call, regs, VTBPF_C_TUPLE);
	if (c_search__calls(c, call, CALLS_ANY))
		return add_site(c, call, regs, VTBPF_C_VECTOR);
	return 0;
}

int c_search__add_exit(struct c_search *c, const struct insn *call, const struct regs *before)
{
	const struct insn *in = flow__at(c->s->flow, call->vaddr + call->len);
	struct regs regs = *before, at_last;
	struct c_spot spot = { .regs = &at_last, .kind = VTBPF_C_EXIT };
	struct vtbpf_c_site site;

	spot.called = call->vaddr + call->len;
	c_ways__step_regs(&regs, call);
	c->exits++;
	for (int i = 0; in && i < MAX_LINE; i++, in = flow__next(c->s->flow, in)) {
		struct c_spot here = spot;

		here.in = in;
		here.regs = &regs;
		if (fill_site(c, &here, &site))
			break;
		spot.in = in;
		at_last = regs;
		if (in->emulated || in->kind != INSN_PLAIN)
			break;
		regs__step(&regs, in);
	}
	return spot.in ? c_search__add(c, &spot) : -ENOENT;
}

bool c_search__is_instrumented(const struct c_opcode *op)
{
	return !strncmp(op->name, "INSTRUMENTED_", strlen("INSTRUMENTED_"));
}

/* May this be what the handler is for? */
static bool is_the_call(const struct c_search *c, const struct insn *in)
{
	if (c_search__calls(c, in, CALLS_ANY) || c_search__calls(c, in, CALLS_TUPLE))
		return true;
	if (c->op->handler == C_HANDLER_EX) /* the arguments tell which one it is */
		return in->kind == INSN_CALL && !c_search__is_instrumented(c->op);
	return !is_generic(c->op) &&
	       (in->kind == INSN_CALL_INDIRECT || c_search__calls(c, in, CALLS_LEN) ||
		c_search__calls(c, in, CALLS_LENGTH) || c_search__calls(c, in, CALLS_ISINSTANCE));
}

/* Does the handler call something else before that? */
static bool goes_on_behind(const struct c_search *c, const struct insn *in)
{
	return c_search__is_instrumented(c->op) || c_search__calls(c, in, CALLS_TLS);
}

static int add_way(struct c_search *c, uint64_t from, const struct regs *regs)
{
	for (size_t i = 0; i < c->n_ways; i++) {
		if (c->ways[i].from == from)
			return 0;
	}
	if (c->n_ways == MAX_WAYS)
		return -ENOENT;
	c->ways[c->n_ways++] = (struct way){ .from = from, .regs = *regs };
	return 0;
}

static bool is_begun(const struct c_search *c, uint64_t vaddr)
{
	for (size_t i = 0; i < c->n_ways; i++) {
		if (c->ways[i].from == vaddr)
			return true;
	}
	return false;
}

/* Follows one straight line to where it ends, or calls. */
static int follow_way(struct c_search *c, const struct way *way)
{
	const struct insn *in = flow__at(c->s->flow, way->from);
	struct regs regs = way->regs;
	int err = 0;

	for (int i = 0; in && i < MAX_WAY && !err; i++, in = flow__next(c->s->flow, in)) {
		if (i && flow__joins(c->s->flow, in->vaddr, in->vaddr)) {
			if (is_begun(c, in->vaddr))
				return 0;
			return add_way(c, in->vaddr, &regs);
		}
		if (in->kind == INSN_CALL || in->kind == INSN_CALL_INDIRECT) {
			if (!c_search__calls(c, in, CALLS_TLS) && is_the_call(c, in)) {
				err = add_call(c, in, &regs);
				return err ? err : c_search__add_exit(c, in, &regs);
			}
			if (!goes_on_behind(c, in))
				return 0;
		}
		if (in->kind == INSN_JUMP_INDIRECT || in->kind == INSN_RETURN ||
		    in->kind == INSN_TRAP)
			return 0;
		if (in->kind == INSN_BRANCH)
			err = add_way(c, in->target, &regs);
		regs__step(&regs, in);
	}
	return err;
}

/* All ways from the handler's start to the first call. */
static int follow_ways(struct c_search *c)
{
	struct regs regs;
	int err;

	begin_regs(c, &regs);
	c->n_ways = c->exits = 0;
	err = add_way(c, c_search__handler(c, c->op), &regs);
	for (size_t i = 0; i < c->n_ways && !err; i++) {
		struct way way = c->ways[i];

		err = follow_way(c, &way);
	}
	return err;
}

/* INSTRUMENTED_ handlers go on in the others, or call the same functions. Where
 * PyObject_Vectorcall() is inlined, what a generic one calls is not known. */
static int add_exits(struct c_search *c)
{
	int err = follow_ways(c);

	if (err || c->exits || c->op->handler == C_HANDLER_APPEND ||
	    c_search__is_instrumented(c->op))
		return err;
	return -ENOENT;
}

/* ---- all --------------------------------------------------------------------------------- */

static int fill_layout(const struct c_search *c, const struct c_opcode *ops)
{
	static const char *const names[VTBPF_C_TYPES] = { "PyCFunction_Type", "PyCMethod_Type",
							  "PyMethodDescr_Type" };
	struct vtbpf_c_layout *l = &c->plan->layout;
	unsigned int minor = c->s->py->minor;
	struct elf_symbol sym;

	for (int i = 0; i < VTBPF_C_TYPES; i++) {
		if (!elf_image__symbol(c->s->img, names[i], &sym))
			return -ENOENT;
		l->types[i] = sym.vaddr;
	}
	if (!elf_image__symbol(c->s->img, "PyTuple_Type", &sym))
		return -ENOENT;
	l->tuple_type = sym.vaddr;
	if (!elf_image__symbol(c->s->img, "PyMethod_Type", &sym))
		return -ENOENT;
	l->method_type = sym.vaddr;
	for (; ops->name; ops++)
		l->opcodes[ops->number / 64] |= 1ULL << ops->number % 64;
	l->frame_instr = c->s->py->frame_instr;
	l->head = c->s->plan->free_threaded ? 32 : 16;
	l->callable_first = minor >= TAKES_CALLABLE_FIRST;
	return 0;
}

/* Those of CALL_FUNCTION_EX only, or all. */
static int find_by_call(struct c_search *c, bool all)
{
	int err = 0;

	for (c->op = c->ops; c->op->name && !err; c->op++) {
		if (c->op->handler == C_HANDLER_SHARED || (!all && c->op->handler != C_HANDLER_EX))
			continue;
		err = is_generic(c->op) ? 0 : add_entry(c);
		if (!err)
			err = add_exits(c);
	}
	return err;
}

/* Where the functions that call whatever it is are inlined, what it is lies on the interpreter's
 * stack. */
static int find_all(struct c_search *c)
{
	unsigned int minor = c->s->py->minor;
	int err = minor < C_KEEPS_STACK ? find_by_call(c, true) : -ENOENT;

	if (err != -ENOENT || minor < TAKES_CALLABLE_FIRST)
		return err;
	c->plan->n = 0;
	err = find_by_call(c, false);
	return err ? err : c_stack_sites__find(c);
}

int c_sites__find(const struct site_search *s, struct c_plan *plan)
{
	const struct c_opcode *ops = c_opcodes__of(s->py->minor);
	struct c_search c = { .s = s, .plan = plan, .ops = ops };
	int err;

	memset(plan, 0, sizeof(*plan));
	if (!ops || s->table->vaddr == 0)
		return -ENOENT;
	for (int i = 0; i < C_FUNCTIONS; i++)
		function_ref__find(s->img, function_names[i], &c.functions[i]);
	c.stack_reg = find_stack_reg(s);
	if (c.stack_reg == INSN_NO_REG)
		return -ENOENT;
	c.ways = calloc(MAX_WAYS, sizeof(*c.ways));
	if (!c.ways)
		return -ENOMEM;
	err = fill_layout(&c, ops);
	if (!err)
		err = find_all(&c);
	free(c.ways);
	if (err)
		plan->n = 0;
	return err;
}
