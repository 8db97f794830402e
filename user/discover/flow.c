// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../array.h"
#include "flow.h"
#include "function_ref.h"
#include "jump_table.h"

#define MAX_INSNS 200000 /* the largest interpreter function known has 17,000 */
#define MAX_GAP 4096	 /* further apart lie different functions */
#define MAX_SWEEPS 8
#define MAX_ROOTS 65536

/* Functions that do not return: what follows a call of one is other code. */
static const char *const no_return[] = {
	"_Py_FatalErrorFunc",	      "_Py_FatalErrorFormat",
	"_Py_FatalError_TstateNULL",  "Py_FatalError",
	"_Py_FatalRefcountErrorFunc", "abort",
	"__stack_chk_fail",	      "__assert_fail",
};
#define N_NO_RETURN (sizeof(no_return) / sizeof(*no_return))

struct edge {
	uint64_t to, from;
};

struct addrs {
	uint64_t *at;
	size_t n, room;
};

struct flow {
	const struct elf_image *img;
	struct decoder *decoder;
	struct insn *insns; /* sorted by vaddr once walked */
	size_t n_insns, room;
	struct edge *edges; /* of branches and jumps, sorted by target */
	size_t n_edges;
	struct addrs roots;
	struct function_ref no_return[N_NO_RETURN];
	uint8_t *seen[16]; /* one bit a byte of each code segment: an instruction starts here */
};

static int addrs__push(struct addrs *a, uint64_t vaddr)
{
	if (ARRAY_RESERVE(a->at, a->room, a->n + 1))
		return -ENOMEM;
	a->at[a->n++] = vaddr;
	return 0;
}

/* Marks vaddr as seen; false when it was already or is no code. */
static bool mark(struct flow *f, uint64_t vaddr)
{
	size_t i;

	for (i = 0; i < f->img->n_segments; i++) {
		const struct elf_segment *seg = &f->img->segments[i];
		uint64_t at = vaddr - seg->vaddr;

		if (!f->seen[i] || vaddr < seg->vaddr || at >= seg->size)
			continue;
		if (f->seen[i][at / 8] >> at % 8 & 1)
			return false;
		f->seen[i][at / 8] |= (uint8_t)(1u << at % 8);
		return true;
	}
	return false;
}

static int add_insn(struct flow *f, const struct insn *in)
{
	if (f->n_insns == MAX_INSNS)
		return -EFBIG;
	if (ARRAY_RESERVE(f->insns, f->room, f->n_insns + 1))
		return -ENOMEM;
	f->insns[f->n_insns++] = *in;
	return 0;
}

static bool leads_on(const struct insn *in)
{
	return in->kind == INSN_JUMP || in->kind == INSN_BRANCH;
}

static bool calls_no_return(const struct flow *f, const struct insn *in)
{
	struct function_callee to = function_ref__callee(f->img, f->decoder, in);
	size_t i;

	for (i = 0; i < N_NO_RETURN; i++) {
		if (function_ref__is(&f->no_return[i], &to))
			return true;
	}
	return false;
}

/* Adds the cases that the indirect jump at the end of the run jumps to through a table, if they can
 * all be read. */
static int add_cases(struct flow *f, const struct insn *run, struct addrs *todo)
{
	size_t n = (size_t)(f->insns + f->n_insns - run), i;
	struct jump_table t;
	uint64_t vaddr;
	int err = 0;

	if (!jump_table__find(run, n, &t) || f->roots.n + t.n > MAX_ROOTS)
		return 0;
	for (i = 0; i < t.n; i++) {
		if (!jump_table__entry(&t, f->img, i, &vaddr))
			return 0;
	}
	for (i = 0; !err && i < t.n && jump_table__entry(&t, f->img, i, &vaddr); i++) {
		err = addrs__push(&f->roots, vaddr);
		if (!err)
			err = addrs__push(todo, vaddr);
	}
	return err;
}

/* Decodes straight on from vaddr to the end of the run; where it leads is left in `todo`. */
static int walk_run(struct flow *f, uint64_t vaddr, struct addrs *todo)
{
	size_t first = f->n_insns;
	struct insn in;
	int err = 0;

	while (!err && mark(f, vaddr) && decoder__insn(f->decoder, f->img, vaddr, &in)) {
		if (calls_no_return(f, &in))
			in.kind = INSN_TRAP;
		err = add_insn(f, &in);
		if (!err && leads_on(&in))
			err = addrs__push(todo, in.target);
		if (!err && in.kind == INSN_JUMP_INDIRECT)
			err = add_cases(f, f->insns + first, todo);
		if (insn__ends(&in))
			break;
		vaddr += in.len;
	}
	return err;
}

static int walk_from(struct flow *f, uint64_t vaddr)
{
	struct addrs todo = { 0 };
	int err = addrs__push(&todo, vaddr);

	while (!err && todo.n)
		err = walk_run(f, todo.at[--todo.n], &todo);
	free(todo.at);
	return err;
}

static int by_vaddr(const void *a, const void *b)
{
	const struct insn *x = a, *y = b;

	return (x->vaddr > y->vaddr) - (x->vaddr < y->vaddr);
}

static int by_target(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->to != y->to)
		return x->to > y->to ? 1 : -1;
	return (x->from > y->from) - (x->from < y->from);
}

/* Where the code of a gap begins, behind the padding; `next` when it is padding only. */
static uint64_t skip_padding(struct flow *f, uint64_t vaddr, uint64_t next)
{
	struct insn in;

	while (vaddr < next && decoder__insn(f->decoder, f->img, vaddr, &in) && in.nop)
		vaddr += in.len;
	return vaddr < next ? vaddr : next;
}

/* Decodes what lies in the gaps between the instructions found so far. Returns how many gaps there
 * were, or -errno. */
static int sweep_gaps(struct flow *f)
{
	size_t n = f->n_insns, i;
	int gaps = 0, err;

	for (i = 0; i + 1 < n; i++) {
		uint64_t end = f->insns[i].vaddr + f->insns[i].len;
		uint64_t next = f->insns[i + 1].vaddr;

		if (end >= next || next - end > MAX_GAP)
			continue;
		end = skip_padding(f, end, next);
		if (end == next)
			continue;
		err = addrs__push(&f->roots, end);
		if (!err)
			err = walk_from(f, end);
		if (err)
			return err;
		gaps++;
	}
	qsort(f->insns, f->n_insns, sizeof(*f->insns), by_vaddr);
	return f->n_insns > n ? gaps : 0;
}

static int collect_edges(struct flow *f)
{
	size_t i;

	f->edges = calloc(f->n_insns + 1, sizeof(*f->edges));
	if (!f->edges)
		return -ENOMEM;
	for (i = 0; i < f->n_insns; i++) {
		const struct insn *in = &f->insns[i];

		if (leads_on(in))
			f->edges[f->n_edges++] =
				(struct edge){ .to = in->target, .from = in->vaddr };
	}
	qsort(f->edges, f->n_edges, sizeof(*f->edges), by_target);
	return 0;
}

static int alloc_seen(struct flow *f)
{
	size_t i;

	for (i = 0; i < f->img->n_segments; i++) {
		const struct elf_segment *seg = &f->img->segments[i];

		if (!seg->exec)
			continue;
		f->seen[i] = calloc(1, seg->size / 8 + 1);
		if (!f->seen[i])
			return -ENOMEM;
	}
	return 0;
}

static int build(struct flow *f, const uint64_t *roots, size_t n_roots)
{
	int err = alloc_seen(f), sweeps;
	size_t i;

	for (i = 0; i < N_NO_RETURN; i++)
		function_ref__find(f->img, no_return[i], &f->no_return[i]);
	for (i = 0; !err && i < n_roots; i++) {
		err = addrs__push(&f->roots, roots[i]);
		if (!err)
			err = walk_from(f, roots[i]);
	}
	if (err)
		return err;
	if (!f->n_insns)
		return -ENOENT;
	qsort(f->insns, f->n_insns, sizeof(*f->insns), by_vaddr);
	for (sweeps = 0; sweeps < MAX_SWEEPS; sweeps++) {
		err = sweep_gaps(f);
		if (err <= 0)
			break;
	}
	return err < 0 ? err : collect_edges(f);
}

struct flow *flow__new(const struct elf_image *img, struct decoder *d, const uint64_t *roots,
		       size_t n_roots)
{
	struct flow *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return NULL;
	f->img = img;
	f->decoder = d;
	err = build(f, roots, n_roots);
	if (err) {
		flow__free(f);
		errno = -err;
		return NULL;
	}
	return f;
}

void flow__free(struct flow *f)
{
	size_t i;

	if (!f)
		return;
	for (i = 0; i < sizeof(f->seen) / sizeof(*f->seen); i++)
		free(f->seen[i]);
	free(f->roots.at);
	free(f->edges);
	free(f->insns);
	free(f);
}

const struct insn *flow__insns(const struct flow *f, size_t *n)
{
	*n = f->n_insns;
	return f->insns;
}

const struct insn *flow__at(const struct flow *f, uint64_t vaddr)
{
	size_t lo = 0, hi = f->n_insns;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->insns[mid].vaddr == vaddr)
			return &f->insns[mid];
		if (f->insns[mid].vaddr < vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* Index of the first edge whose target is >= vaddr. */
static size_t first_edge(const struct flow *f, uint64_t vaddr)
{
	size_t lo = 0, hi = f->n_edges;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->edges[mid].to < vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

size_t flow__joins(const struct flow *f, uint64_t lo, uint64_t hi)
{
	size_t i = first_edge(f, lo), n = 0;

	for (; i < f->n_edges && f->edges[i].to <= hi; i++)
		n++;
	return n;
}

const struct insn *flow__next(const struct flow *f, const struct insn *in)
{
	if (in->kind == INSN_JUMP)
		return flow__at(f, in->target);
	return insn__ends(in) ? NULL : flow__at(f, in->vaddr + in->len);
}

const struct insn *flow__before(const struct flow *f, const struct insn *in)
{
	const struct insn *prev = in - 1;

	if (in == f->insns || insn__ends(prev) || prev->vaddr + prev->len != in->vaddr)
		return NULL;
	return prev;
}

size_t flow__predecessors(const struct flow *f, const struct insn *in, const struct insn **out,
			  size_t max)
{
	const struct insn *prev = flow__before(f, in);
	size_t i = first_edge(f, in->vaddr), n = 0;

	if (prev && n++ < max)
		out[0] = prev;
	for (; i < f->n_edges && f->edges[i].to == in->vaddr; i++) {
		if (n++ < max)
			out[n - 1] = flow__at(f, f->edges[i].from);
	}
	return n;
}

bool flow__is_root(const struct flow *f, uint64_t vaddr)
{
	size_t i;

	for (i = 0; i < f->roots.n; i++) {
		if (f->roots.at[i] == vaddr)
			return true;
	}
	return false;
}

const uint64_t *flow__roots(const struct flow *f, size_t *n)
{
	*n = f->roots.n;
	return f->roots.at;
}

/* ---- reachability ---------------------------------------------------------------------------- */

/* A set of instructions that grows from its first members. */
struct front {
	const struct flow *f;
	uint8_t *in; /* one per instruction */
	size_t *todo, n_todo;
};

static int front__init(struct front *r, const struct flow *f)
{
	*r = (struct front){ .f = f };
	r->in = calloc(f->n_insns, 1);
	r->todo = calloc(f->n_insns, sizeof(*r->todo));
	return r->in && r->todo ? 0 : -ENOMEM;
}

static void front__fini(struct front *r)
{
	free(r->in);
	free(r->todo);
}

static void front__add(struct front *r, uint64_t vaddr)
{
	const struct insn *in = flow__at(r->f, vaddr);
	size_t i;

	if (!in)
		return;
	i = (size_t)(in - r->f->insns);
	if (!r->in[i]) {
		r->in[i] = 1;
		r->todo[r->n_todo++] = i;
	}
}

static bool front__has(const struct front *r, uint64_t vaddr)
{
	const struct insn *in = flow__at(r->f, vaddr);

	return in && r->in[in - r->f->insns];
}

static void front__add_successors(struct front *r, const struct insn *in)
{
	size_t i;

	if (leads_on(in))
		front__add(r, in->target);
	if (!insn__ends(in))
		front__add(r, in->vaddr + in->len);
	if (in->kind == INSN_JUMP_INDIRECT) {
		for (i = 1; i < r->f->roots.n; i++) /* the first is the entry of the function */
			front__add(r, r->f->roots.at[i]);
	}
}

static bool is_one_of(uint64_t vaddr, const uint64_t *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (list[i] == vaddr)
			return true;
	}
	return false;
}

bool flow__reaches(const struct flow *f, uint64_t from, uint64_t to, const uint64_t *walls,
		   size_t n)
{
	struct front r;
	bool found = true; /* what could not be proved is taken to be so */

	if (front__init(&r, f) == 0) {
		front__add(&r, from);
		while (r.n_todo && !front__has(&r, to)) {
			const struct insn *in = &f->insns[r.todo[--r.n_todo]];

			if (!is_one_of(in->vaddr, walls, n))
				front__add_successors(&r, in);
		}
		found = front__has(&r, to);
	}
	front__fini(&r);
	return found;
}
