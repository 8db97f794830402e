// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bytes of the code are searched for the offset of gcstate->collecting; the unwind table says in
 * which functions the hits lie, and those are decoded from their first byte, so that a probe never
 * lands inside an instruction. Up to 3.12 the flag is written by plain stores. Since 3.13 it is
 * exchanged atomically, often by an address computed before: then all atomic exchanges of ints of that
 * function are probed. The BPF side counts only what makes the interpreter's own number of collections
 * grow, so a site too many does no harm.
 */
#include "gc_sites.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "elf_functions.h"
#include "insn.h"
#include "int_write.h"
#include "py_layout.h"

#define MAX_INSNS (1 << 20) /* of all of them */
#define MAX_PARTS 8	    /* of one function, besides the first */
#define RINGS_SINCE 15	    /* see enum vtbpf_gc_stats */
#define RUNTIME_UP_TO 8	    /* the state lies in _PyRuntime */
#define ATOMIC_SINCE 13

struct search {
	struct elf_image *img;
	struct decoder *decoder;
	struct elf_functions functions;
	const struct probe_plan *plan;
	struct gc_plan *gc;
	uint32_t collecting; /* from what a register points to */
	uint64_t fixed;	     /* its address, where it has one; else 0 */
	bool begins, ends;   /* such a site was found */
	bool full;
	size_t left;		   /* instructions that may still be decoded */
	struct function_set found; /* functions that name it */
};

/* One instruction of a function. */
struct step {
	struct insn in;
	struct int_write w;
	bool parsed;
};

/* ---- which functions -------------------------------------------------------------------- */

/* Is the opcode of one that int_write.h knows among the bytes before the displacement? */
static bool looks_right(const struct elf_segment *seg, uint64_t at)
{
	static const char opcodes[] = "\xc7\x89\x87\xb1\x8d";

	for (uint64_t i = at < 3 ? 0 : at - 3; i + 1 < at; i++)
		if (memchr(opcodes, seg->bytes[i], sizeof(opcodes) - 1))
			return true;
	return false;
}

static void search_segment(struct search *s, const struct elf_segment *seg)
{
	for (uint64_t at = 0; at + 4 <= seg->size; at++) {
		uint64_t vaddr = seg->vaddr + at;
		uint32_t word;

		memcpy(&word, seg->bytes + at, sizeof(word));
		/* Relative to the end of the instruction: behind it lies a constant, or nothing. */
		if (word != s->collecting &&
		    !(s->fixed && (vaddr + 4 + (uint64_t)(int64_t)(int32_t)word == s->fixed ||
				   vaddr + 8 + (uint64_t)(int64_t)(int32_t)word == s->fixed)))
			continue;
		if (looks_right(seg, at))
			function_set__add(&s->found, &s->functions, vaddr);
	}
}

/* ---- one function ----------------------------------------------------------------------- */

static bool is_stack(const struct search *s, uint8_t reg)
{
	return reg == insn__sp_reg(s->img->machine);
}

/* Does it name gcstate->collecting? */
static bool is_named(const struct search *s, const struct step *st)
{
	if (!st->parsed || is_stack(s, st->w.base))
		return false;
	if (st->w.base == VTBPF_GC_BASE_IP)
		return s->fixed && st->in.vaddr + (uint64_t)st->w.disp == s->fixed;
	return st->w.disp == s->collecting;
}

/* What lies at [start, end), *n instructions; NULL when there is no memory for them. */
static struct step *decode(struct search *s, const struct extent *e, size_t *n)
{
	size_t room = 1024;
	struct step *steps = malloc(room * sizeof(*steps));
	uint64_t vaddr = e->start;

	for (*n = 0; steps && vaddr < e->end && s->left; s->left--) {
		struct step *st = &steps[*n], *grown;

		if (!decoder__insn(s->decoder, s->img, vaddr, &st->in))
			break;
		st->parsed = int_write__parse(elf_image__bytes(s->img, vaddr, st->in.len),
					      st->in.len, &st->w);
		vaddr += st->in.len;
		if (++*n < room)
			continue;
		room *= 2;
		grown = realloc(steps, room * sizeof(*steps));
		if (!grown)
			free(steps);
		steps = grown;
	}
	s->full |= !s->left;
	return steps;
}

static void add_place(struct search *s, const struct step *st, const struct step *probed)
{
	struct gc_plan *gc = s->gc;
	struct gc_place *p = &gc->places[gc->n];

	for (size_t i = 0; i < gc->n; i++)
		if (gc->places[i].vaddr == probed->in.vaddr)
			return;
	if (gc->n == VTBPF_MAX_GC_SITES) {
		s->full = true;
		return;
	}
	*p = (struct gc_place){ .vaddr = probed->in.vaddr };
	p->site.base = st->w.base;
	p->site.disp = st->w.disp;
	if (st->w.base == VTBPF_GC_BASE_IP)
		p->site.disp -= (int64_t)(probed->in.vaddr - st->in.vaddr);
	p->site.value_reg = st->w.value_reg;
	p->site.value = (uint8_t)st->w.value;
	if (!probed->in.refused && elf_image__offset(s->img, p->vaddr, &p->offset))
		gc->n++;
}

/* Plain stores of 1 and 0; of a register, which may hold either, where the flag is set besides. */
static void add_stores(struct search *s, const struct step *steps, size_t n)
{
	bool sets = false;

	for (size_t i = 0; i < n; i++)
		sets |= is_named(s, &steps[i]) && steps[i].w.how == INT_STORE &&
			steps[i].w.value == 1;
	for (size_t i = 0; i < n; i++) {
		const struct int_write *w = &steps[i].w;
		bool fits = w->value_reg == VTBPF_NO_REG ? w->value == 0 || w->value == 1 : sets;

		if (!is_named(s, &steps[i]) || w->how != INT_STORE || !fits)
			continue;
		add_place(s, &steps[i], &steps[i]);
		s->begins |= w->value == 1;
		s->ends |= w->value_reg != VTBPF_NO_REG || w->value == 0;
	}
}

static bool is_fence(const struct search *s, const struct step *st)
{
	static const uint8_t mfence[] = { 0x0f, 0xae, 0xf0 };

	return st->in.len == sizeof(mfence) &&
	       !memcmp(elf_image__bytes(s->img, st->in.vaddr, sizeof(mfence)), mfence,
		       sizeof(mfence));
}

/* Atomic ones: lock cmpxchg, behind which the kernel takes a probe, and it is known whether it did
 * anything; xchg, or mov and a fence. */
static void add_exchanges(struct search *s, const struct step *steps, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		const struct step *st = &steps[i], *next = &steps[i + 1];
		size_t before = s->gc->n;

		if (!st->parsed || is_stack(s, st->w.base) || st->w.how == INT_ADDRESS ||
		    (!is_named(s, st) && st->w.disp))
			continue;
		if (st->w.how == INT_COMPARE) {
			add_place(s, st, next);
			if (s->gc->n > before)
				s->gc->places[before].site.flags = VTBPF_GC_SITE_IF_ZERO;
			s->begins |= s->gc->n > before;
		} else if (st->w.how == INT_EXCHANGE || is_fence(s, next)) {
			add_place(s, st, st);
			s->ends |= s->gc->n > before;
		}
	}
}

/* Parts of the function that the compiler put elsewhere: what its branches lead to. */
static size_t find_parts(const struct search *s, const struct extent *e, const struct step *steps,
			 size_t n, struct extent *parts)
{
	size_t n_parts = 0;

	for (size_t i = 0; i < n && n_parts < MAX_PARTS; i++) {
		const struct insn *in = &steps[i].in;
		struct extent *p = &parts[n_parts];
		bool known = false;

		if ((in->kind != INSN_BRANCH && in->kind != INSN_JUMP) ||
		    (in->target >= e->start && in->target < e->end) ||
		    !elf_functions__at(&s->functions, in->target, &p->start, &p->end))
			continue;
		for (size_t k = 0; k < n_parts; k++)
			known |= parts[k].start == p->start;
		n_parts += !known;
	}
	return n_parts;
}

static int add_part(struct search *s, const struct extent *e)
{
	size_t n;
	struct step *steps = decode(s, e, &n);

	if (!steps)
		return -ENOMEM;
	add_exchanges(s, steps, n);
	free(steps);
	return 0;
}

static int look_at_function(struct search *s, const struct extent *e)
{
	struct extent parts[MAX_PARTS];
	size_t n, n_parts = 0;
	struct step *steps = decode(s, e, &n);
	bool atomic = false;
	int err = 0;

	if (!steps)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		atomic |= is_named(s, &steps[i]) && steps[i].w.how != INT_STORE;
	if (s->plan->layout.minor < ATOMIC_SINCE) {
		add_stores(s, steps, n);
	} else if (atomic) {
		add_exchanges(s, steps, n);
		n_parts = find_parts(s, e, steps, n, parts);
	}
	for (size_t i = 0; !err && i < n_parts; i++)
		err = add_part(s, &parts[i]);
	free(steps);
	return err;
}

/* ---- all -------------------------------------------------------------------------------- */

static int fail(char *why, size_t size, const char *what)
{
	snprintf(why, size, "%s: leave out --gc, or trace another build of the same version", what);
	return -ENOTSUP;
}

static int read_layout(struct search *s)
{
	const struct py_layout *known = py_layout__find(s->plan->layout.minor);
	struct py_layout l;
	const uint8_t *raw = NULL;

	if (!known)
		return -EINVAL;
	l = *known;
	if (l.minor >= PY_DEBUG_OFFSETS_SINCE && s->plan->runtime_vaddr)
		raw = elf_image__bytes(s->img, s->plan->runtime_vaddr, PY_DEBUG_OFFSETS_MAX);
	if (l.minor >= PY_DEBUG_OFFSETS_SINCE &&
	    (!raw || py_layout__refine(&l, raw, PY_DEBUG_OFFSETS_MAX)))
		return -EINVAL;
	s->collecting = l.gc_collecting;
	if (l.minor <= RUNTIME_UP_TO && s->plan->runtime_vaddr)
		s->fixed = s->plan->runtime_vaddr + l.gc_collecting;
	s->gc->stats = l.minor >= RINGS_SINCE ? VTBPF_GC_STATS_RINGS : VTBPF_GC_STATS_BEFORE;
	return 0;
}

static int find(struct search *s, char *why, size_t why_size)
{
	int err = 0;

	if (s->img->machine != EM_X86_64)
		return fail(why, why_size, "collections can be seen on x86_64 only");
	if (read_layout(s) || !elf_functions__open(&s->functions, s->img))
		return fail(why, why_size, "the interpreter does not say where its functions are");
	s->decoder = decoder__new(s->img->machine);
	if (!s->decoder)
		return -errno;
	for (size_t i = 0; i < s->img->n_segments; i++)
		if (s->img->segments[i].exec)
			search_segment(s, &s->img->segments[i]);
	for (size_t i = 0; !err && i < s->found.n; i++)
		err = look_at_function(s, &s->found.all[i]);
	if (!err && (!s->begins || !s->ends || s->full || s->found.full))
		err = fail(why, why_size,
			   "the interpreter's machine code does not show where collections begin "
			   "and end");
	return err;
}

int gc_sites__find(int fd, const struct probe_plan *plan, struct gc_plan *gc, char *why,
		   size_t why_size)
{
	struct search s = { .plan = plan, .gc = gc, .left = MAX_INSNS };
	int err;

	memset(gc, 0, sizeof(*gc));
	s.img = elf_image__new(fd);
	if (!s.img)
		return -errno;
	err = find(&s, why, why_size);
	if (err)
		gc->n = 0;
	decoder__free(s.decoder);
	elf_image__free(s.img);
	return err;
}
