// SPDX-License-Identifier: GPL-2.0-only
#include "report_writer.h"

#include <stdlib.h>
#include <string.h>

struct order {
	const struct report *r;
	enum report_sort sort;
};

static double value_of(const struct report_function *f, enum report_sort sort)
{
	switch (sort) {
	case REPORT_BY_TOTAL:
		return (double)f->total;
	case REPORT_BY_CALLS:
		return (double)f->calls;
	case REPORT_BY_MIN:
		return (double)f->min;
	case REPORT_BY_MEAN:
		return f->mean;
	case REPORT_BY_P50:
		return f->p50;
	case REPORT_BY_P99:
		return f->p99;
	case REPORT_BY_MAX:
		return (double)f->max;
	default:
		return (double)f->self;
	}
}

static int compare_text(const struct profile_text *a, const struct profile_text *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int by = n ? memcmp(a->p, b->p, n) : 0;

	return by ? by : (a->n > b->n) - (a->n < b->n);
}

static int compare_functions(const struct order *o, uint32_t a, uint32_t b)
{
	const struct profile_function *f = o->r->p->functions;
	double x, y;

	if (o->sort != REPORT_BY_NAME) {
		x = value_of(&o->r->functions[a], o->sort);
		y = value_of(&o->r->functions[b], o->sort);
		if (x != y)
			return x < y ? 1 : -1;
	}
	return compare_text(&f[a].name, &f[b].name) ?: (a > b) - (a < b);
}

static int by_order(const void *a, const void *b, void *arg)
{
	return compare_functions(arg, *(const uint32_t *)a, *(const uint32_t *)b);
}

uint32_t *report_writer__order(const struct report *r, enum report_sort sort, size_t *n)
{
	uint32_t *order = calloc(r->p->n_functions + 1, sizeof(*order));
	struct order o = { r, sort };
	size_t i;

	*n = 0;
	for (i = 0; order && i < r->p->n_functions; i++) {
		if (r->functions[i].calls || r->functions[i].self)
			order[(*n)++] = (uint32_t)i;
	}
	if (order)
		qsort_r(order, *n, sizeof(*order), by_order, &o);
	return order;
}

static int by_file(const void *a, const void *b, void *arg)
{
	const struct report_file *x = a, *y = b;
	const enum report_sort *sort = arg;
	uint64_t vx = x->self, vy = y->self;

	if (*sort == REPORT_BY_TOTAL) {
		vx = x->total;
		vy = y->total;
	} else if (*sort == REPORT_BY_CALLS) {
		vx = x->calls;
		vy = y->calls;
	}
	if (*sort != REPORT_BY_NAME && vx != vy)
		return vx < vy ? 1 : -1;
	return compare_text(&x->name, &y->name);
}

void report_writer__sort_files(const struct report *r, enum report_sort sort)
{
	qsort_r(r->files, r->n_files, sizeof(*r->files), by_file, &sort);
}

/* On one thread there are fewer numbers: by any other, the order is that of all threads. */
static int by_here(const void *a, const void *b, void *arg)
{
	const struct report_thread_function *x = a, *y = b;
	const struct order *o = arg;
	uint64_t vx = 0, vy = 0;

	if (o->sort == REPORT_BY_SELF) {
		vx = x->self;
		vy = y->self;
	} else if (o->sort == REPORT_BY_TOTAL) {
		vx = x->total;
		vy = y->total;
	} else if (o->sort == REPORT_BY_CALLS) {
		vx = x->calls;
		vy = y->calls;
	}
	if (vx != vy)
		return vx < vy ? 1 : -1;
	return compare_functions(o, x->function, y->function);
}

void report_writer__sort_here(const struct report *r, struct report_thread *th,
			      enum report_sort sort)
{
	struct order o = { r, sort };

	if (th->n_functions)
		qsort_r(th->functions, th->n_functions, sizeof(*th->functions), by_here, &o);
}

uint64_t report_writer__scaled(const struct profile *p, uint64_t seen)
{
	if (!p->in_windows || p->coverage <= 0)
		return seen;
	return (uint64_t)((double)seen / p->coverage + 0.5);
}
