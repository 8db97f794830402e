// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "regs.h"
#include "sites.h"

#define MAX_STRAIGHT 48 /* instructions of a handler looked at in search of a site */
#define MIN_VOTES 16 /* handlers that show the store: clang keeps its address in memory in most */
#define CODE_UNIT 2  /* bytes: an instruction has at least one, and its inline cache more */
#define MAX_JOINS 8
#define NO_FIELD 0xffff /* no structure is so large */
#define MAX_PROLOGUE 16 /* and in search of the store of next_instr */

int sites__add(const struct site_search *s, const struct site_choice *choice)
{
	struct probe_plan *plan = s->plan;
	struct probe_site *site;
	struct insn in;
	size_t i;

	for (i = 0; i < plan->n_sites; i++) {
		if (plan->sites[i].vaddr == choice->vaddr)
			return 0;
	}
	if (plan->n_sites == VTBPF_MAX_SITES)
		return -ENOSPC;
	site = &plan->sites[plan->n_sites];
	*site = (struct probe_site){
		.site = { .kind = choice->kind,
			  .frame_reg = choice->frame_reg,
			  .instr_reg = choice->instr_reg,
			  .flags = choice->flags,
			  .frame_at = choice->frame_at,
			  .instr_at = choice->instr_at },
		.mechanism = PROBE_UPROBE,
		.vaddr = choice->vaddr,
	};
	if (!decoder__insn(s->decoder, s->img, choice->vaddr, &in) || in.refused ||
	    !elf_image__offset(s->img, choice->vaddr, &site->offset) ||
	    !elf_image__offset(s->img, choice->entry, &site->entry_offset))
		return -ENOENT;
	site->cost = in.emulated ? COST_EMULATED : COST_SINGLE_STEP;
	snprintf(site->name, sizeof(site->name), "%s", choice->name);
	decoder__text(s->decoder, s->img, choice->vaddr, site->insn, sizeof(site->insn));
	plan->n_sites++;
	return 0;
}

void sites__note(const struct site_search *s, const char *fmt, ...)
{
	struct probe_plan *plan = s->plan;
	va_list ap;

	if (plan->n_notes == PLAN_MAX_NOTES)
		return;
	va_start(ap, fmt);
	vsnprintf(plan->notes[plan->n_notes++], sizeof(plan->notes[0]), fmt, ap);
	va_end(ap);
}

/* ---- registers ------------------------------------------------------------------------------- */

/* Which registers does the handler at vaddr store next_instr from and to? */
static bool stored_registers(const struct site_search *s, uint64_t vaddr, uint8_t *frame,
			     uint8_t *next)
{
	const struct insn *in = flow__at(s->flow, vaddr);
	struct regs regs;
	int i;

	regs__init(&regs);
	for (i = 0; in && i < MAX_PROLOGUE; i++, in = flow__next(s->flow, in)) {
		if (in->shape == SHAPE_STORE && in->disp == s->py->frame_instr &&
		    in->src < INSN_REGS && in->base < INSN_REGS &&
		    regs.from[in->src] != INSN_NO_REG &&
		    regs__holds(&regs, in->base, in->base, 0)) {
			*frame = in->base;
			*next = regs.from[in->src];
			return true;
		}
		if (in->kind != INSN_PLAIN)
			return false;
		regs__step(&regs, in);
	}
	return false;
}

/* Does the function set the machine's frame pointer from the stack pointer, and put nothing else
 * into it than what its caller had there? */
static bool keeps_frame_pointer(const struct site_search *s)
{
	uint8_t fp = insn__fp_reg(s->img->machine);
	const struct insn *in;
	bool sets = false;
	size_t n, i;

	in = flow__insns(s->flow, &n);
	for (i = 0; i < n; i++) {
		bool restores = in[i].shape == SHAPE_RELOAD && in[i].dst == fp;

		if (in[i].moves_fp && !in[i].sets_fp && !restores)
			return false;
		sets |= in[i].sets_fp;
	}
	return sets;
}

int sites__find_registers(struct site_search *s)
{
	unsigned int votes[INSN_REGS][INSN_REGS] = { 0 }, best = 0, all = 0;
	uint8_t frame, next;
	size_t i;

	for (i = 0; i < 256; i++) {
		if (!stored_registers(s, s->table->handlers[i], &frame, &next))
			continue;
		all++;
		if (++votes[frame][next] > best) {
			best = votes[frame][next];
			s->frame_reg = frame;
			s->next_reg = next;
		}
	}
	s->fp_is_frame = keeps_frame_pointer(s);
	return best >= MIN_VOTES && 2 * best > all ? 0 : -ENOENT;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* How a site names a place. False when that is too far from the register. */
static bool name_place(const struct site_search *s, const struct regs_place *place, uint8_t *reg,
		       int16_t *at)
{
	*reg = place->reg;
	*at = (int16_t)place->at;
	if (place->in_word)
		*reg = place->on_fp ? insn__fp_reg(s->img->machine) : insn__sp_reg(s->img->machine);
	return *at == place->at;
}

bool sites__set_frame(const struct site_search *s, const struct regs *regs, uint8_t reg,
		      struct site_choice *choice)
{
	struct regs_place place;

	if (!regs__find_place(regs, reg, 0, &place) ||
	    !name_place(s, &place, &choice->frame_reg, &choice->frame_at))
		return false;
	choice->flags &= (uint8_t)~VTBPF_SITE_FRAME_IN_WORD;
	if (place.in_word)
		choice->flags |= VTBPF_SITE_FRAME_IN_WORD;
	return true;
}

/* What the site knows of next_instr: a place that holds the instruction's start or some code units
 * behind it. A register before a word of the stack. False when there is none. */
static bool set_instr(const struct site_search *s, const struct regs *regs,
		      struct site_choice *choice)
{
	struct regs_place place = { .reg = INSN_NO_REG }, word;
	uint8_t units, found = 0;

	for (units = 0; units <= VTBPF_SITE_ADVANCED_MASK; units++) {
		if (!regs__find_place(regs, s->next_reg, units * CODE_UNIT, &word) ||
		    (word.in_word && place.in_word))
			continue;
		place = word;
		found = units;
		if (!word.in_word)
			break;
	}
	if (!name_place(s, &place, &choice->instr_reg, &choice->instr_at))
		return false;
	choice->flags = (choice->flags & VTBPF_SITE_FRAME_IN_WORD) | found;
	if (place.in_word)
		choice->flags |= VTBPF_SITE_INSTR_IN_WORD;
	return choice->instr_reg != INSN_NO_REG;
}

/* ---- handlers -------------------------------------------------------------------------------- */

/* A line is followed while some place holds what is asked for. It may be lost in between when the
 * caller takes its place: then YIELD_VALUE says which other register had it. */
struct line {
	struct regs regs;
	uint8_t reg;
	bool fp_is_frame, lost;
	uint16_t previous; /* frame -> previous if it may, else NO_FIELD */
};

/*
 * YIELD_VALUE goes on in the caller: `frame = frame->previous`, and then `gen_frame->previous =
 * NULL` (Python/bytecodes.c of 3.12 on). That store names the register of the frame that has
 * yielded, however the compiler came by it.
 */
static void begin_regs(struct regs *regs, bool fp_is_frame)
{
	regs__init(regs);
	regs->fp_is_frame = fp_is_frame;
}

static bool line__has(const struct line *l)
{
	struct regs_place place;

	return regs__find_place(&l->regs, l->reg, 0, &place);
}

static void line__step(struct line *l, const struct insn *in)
{
	bool left = in->shape == SHAPE_LOAD && in->disp == l->previous &&
		    regs__holds(&l->regs, in->base, l->reg, 0);
	bool named = l->lost && in->shape == SHAPE_STORE_ZERO && in->disp == l->previous;

	regs__step(&l->regs, in);
	if (left && !line__has(l))
		l->lost = true;
	if (named) {
		l->regs.from[in->base] = l->reg;
		l->regs.add[in->base] = 0;
		l->lost = false;
	}
}

/* What registers hold at `in` if it is on the straight line of the handler at vaddr. */
static bool regs_on_line(const struct site_search *s, uint64_t vaddr, const struct insn *in,
			 struct regs *regs)
{
	const struct insn *at = flow__at(s->flow, vaddr);
	int i;

	begin_regs(regs, s->fp_is_frame);
	for (i = 0; at && at != in && i < MAX_STRAIGHT; i++, at = flow__next(s->flow, at)) {
		if ((i && flow__joins(s->flow, at->vaddr, at->vaddr)) || at->kind == INSN_JUMP)
			return false;
		regs__step(regs, at);
	}
	return at == in;
}

/* The same for any handler of an opcode that begins calls. */
static bool regs_on_entry_line(const struct site_search *s, const struct insn *in,
			       struct regs *regs)
{
	const struct cpython_opcode *op = s->py->opcodes;
	int i;

	for (i = 0; i < CPYTHON_MAX_OPCODES && op[i].name; i++) {
		if (op[i].kind == VTBPF_SITE_ENTRY &&
		    regs_on_line(s, s->table->handlers[op[i].number], in, regs))
			return true;
	}
	return false;
}

/*
 * RESUME_CHECK gives up by going to RESUME, behind its first instructions (PREDICTED_RESUME of
 * Python/generated_cases.c.h). A site behind that label then sees a call that RESUME_CHECK's site
 * has told of, with the same frame and next_instr: the BPF side drops such an entry. So the handlers
 * that begin calls, and only they, may join the line; what they bring in registers must agree.
 */
static bool line__join(struct line *l, const struct site_search *s, const struct insn *in)
{
	const struct insn *from[MAX_JOINS], *before = flow__before(s->flow, in);
	size_t n = flow__predecessors(s->flow, in, from, MAX_JOINS), i;
	struct regs regs;

	if (n > MAX_JOINS)
		return false;
	for (i = 0; i < n; i++) {
		if (from[i] == before)
			continue;
		if (!regs_on_entry_line(s, from[i], &regs))
			return false;
		regs__meet(&l->regs, &regs);
	}
	return true;
}

/* The first emulated instruction of the line from entry, whatever registers hold there. joins tells
 * whose handlers may join it; NULL: none. */
static const struct insn *follow_line(const struct flow *f, uint64_t entry,
				      const struct site_search *joins, struct line *l)
{
	const struct insn *in = flow__at(f, entry);
	int i;

	begin_regs(&l->regs, l->fp_is_frame);
	for (i = 0; in && i < MAX_STRAIGHT; i++, in = flow__next(f, in)) {
		if (i && flow__joins(f, in->vaddr, in->vaddr) &&
		    !(joins && line__join(l, joins, in)))
			return NULL;
		if (!l->lost && !line__has(l))
			return NULL;
		if (in->emulated)
			return l->lost ? NULL : in;
		if (in->kind != INSN_PLAIN)
			return NULL;
		line__step(l, in);
	}
	return NULL;
}

/*
 * The first instruction on the straight line from entry that the kernel emulates and at which some
 * register, or word of the stack, still holds what `reg` held at entry; regs tells which. Each
 * arrival at entry executes it and nothing else does: nothing leaves the line before it, and no
 * branch joins the line behind the first byte. NULL when there is none.
 */
static const struct insn *emulated_on_line(const struct flow *f, uint64_t entry, uint8_t reg,
					   struct regs *regs)
{
	struct line l = { .reg = reg, .previous = NO_FIELD };
	const struct insn *in = follow_line(f, entry, NULL, &l);

	*regs = l.regs;
	return in;
}

static void find_cheap_site(const struct site_search *s, struct site_choice *choice)
{
	bool begins = choice->kind == VTBPF_SITE_ENTRY, yields = choice->kind == VTBPF_SITE_YIELD;
	struct line l = { .reg = s->frame_reg,
			  .fp_is_frame = s->fp_is_frame,
			  .previous = yields ? s->plan->layout.frame_previous : NO_FIELD };
	const struct insn *in = follow_line(s->flow, choice->entry, begins ? s : NULL, &l);
	struct site_choice cheap = *choice;

	if (!in)
		return;
	cheap.vaddr = in->vaddr;
	if (sites__set_frame(s, &l.regs, s->frame_reg, &cheap) &&
	    (set_instr(s, &l.regs, &cheap) || !begins))
		*choice = cheap;
}

int sites__add_function(const struct site_search *s, uint64_t vaddr, unsigned int arg,
			struct site_choice *choice)
{
	uint8_t reg = insn__arg_reg(s->img->machine, arg);
	struct flow *f = flow__new(s->img, s->decoder, &vaddr, 1);
	const struct insn *in;
	struct regs regs;

	if (!f)
		return -ENOENT;
	in = emulated_on_line(f, vaddr, reg, &regs);
	choice->entry = vaddr;
	choice->vaddr = vaddr;
	choice->frame_reg = reg;
	choice->instr_reg = VTBPF_NO_REG;
	if (in && sites__set_frame(s, &regs, reg, choice))
		choice->vaddr = in->vaddr;
	flow__free(f);
	return sites__add(s, choice);
}

int sites__add_handler(const struct site_search *s, const struct cpython_opcode *op)
{
	struct site_choice choice = {
		.kind = op->kind,
		.frame_reg = s->frame_reg,
		.instr_reg = s->next_reg,
		.vaddr = s->table->handlers[op->number],
		.entry = s->table->handlers[op->number],
		.name = op->name,
	};

	find_cheap_site(s, &choice);
	if (choice.kind != VTBPF_SITE_ENTRY) {
		choice.instr_reg = VTBPF_NO_REG; /* only entries are told apart by it */
		choice.instr_at = 0;
		choice.flags &= VTBPF_SITE_FRAME_IN_WORD;
	}
	return sites__add(s, &choice);
}

uint8_t sites__pick_reg(const struct site_search *s, uint32_t regs)
{
	uint32_t kept = regs & ~insn__caller_saved(s->img->machine);
	uint8_t reg = 0;

	kept = kept ? kept : regs;
	while (reg < INSN_REGS && !(kept >> reg & 1))
		reg++;
	return reg < INSN_REGS ? reg : INSN_NO_REG;
}

const struct insn *sites__deciding_branch(const struct flow *f, const struct insn *cmp)
{
	const struct insn *in = cmp;
	int i;

	if (cmp->kind == INSN_BRANCH) /* compares by itself */
		return cmp;
	for (i = 0; i < MAX_STRAIGHT; i++) {
		in = flow__at(f, in->vaddr + in->len);
		if (!in || flow__joins(f, in->vaddr, in->vaddr))
			return NULL;
		if (in->kind == INSN_BRANCH)
			return in->src == INSN_NO_REG ? in : NULL;
		if (in->kind != INSN_PLAIN || in->writes_flags)
			return NULL;
	}
	return NULL;
}
