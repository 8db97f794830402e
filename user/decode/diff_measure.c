// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions of one run in numbers. Calls are walked twice: for the distribution of self times, and
 * for how even it is over the run. For that the calls of a function are cut into blocks, each of so many
 * that follow one another, and counted by block how many are below the quantile: what differs between
 * blocks beyond chance (the machine was busy for a while) makes the quantile uncertain. This is the
 * interval of Woodruff (1952) for quantiles of samples in clusters.
 *
 * Then all that is done again with times as the machine would have needed at its full speed, as all that
 * ran at the same moment tells it (wander.h). Of what computes, these are the more even ones, and of what
 * waits the plain ones.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call_walk.h"
#include "diff_parts.h"
#include "report.h"
#include "wander.h"

#define BLOCKS 32
#define WEIGHT_MAX 100000 /* ns: long waits must not hide what the machine does */
#define CELL_NS 20000000
#define CELLS_MIN 32
#define CELLS_MAX 1024
#define CELLS_CALLS 100 /* of a function, for it to be looked at by cell */
#define EXCESS_MAX 0.3	/* a call counts no more than that for its cell */
#define WIDTH 1.5	/* or than so many times the distance of the quartiles */
#define WIDE_MIN 0.75	/* the machine itself may make them that different */
#define FINER 2		/* than the sketch's usual 32 buckets to the doubling: 0.4 % either way */

/* Samples of one function come in a row: they tell as much as this part of them alone. */
#define SAMPLES_WORTH 0.5

static const double quantile[DIFF_QUANTILES] = { 0.25, 0.5 };

struct times {
	struct sketch self;
	double at[DIFF_QUANTILES];
	uint32_t (*below)[DIFF_QUANTILES]; /* by block, calls below the quantile */
	uint64_t next;			   /* number of the call that comes next */
};

struct gathered {
	struct times times[DIFF_TIMES];
	struct wander_cells wander;
	struct diff_cell *cells;
	double usual, most; /* that the cells' excess is of, and of one call */
};

struct measuring {
	const struct profile *p;
	struct gathered *functions;
	struct wander *wander;
	uint32_t n_cells;
	int kind;
	bool again; /* it is the second walk of that kind */
};

/* Of the n calls of a function, those from begin to end are in that block. */
static uint64_t block_begin(uint64_t n, unsigned int block)
{
	return (n * block + BLOCKS - 1) / BLOCKS;
}

static unsigned int block_of(uint64_t n, uint64_t call)
{
	return (unsigned int)(call * BLOCKS / n);
}

static double log_of(double ns)
{
	return log(fmax(ns, 0.5));
}

static uint32_t count_cells(const struct profile *p)
{
	uint64_t n = (p->end - p->start) / CELL_NS;

	return n < CELLS_MIN ? CELLS_MIN : n > CELLS_MAX ? CELLS_MAX : (uint32_t)n;
}

static void add_to_cell(struct measuring *m, struct gathered *g, uint64_t at, double excess)
{
	double part = (double)(at - m->p->start) / fmax((double)(m->p->end - m->p->start), 1);
	uint32_t cell = (uint32_t)fmin(fmax(part, 0) * m->n_cells, m->n_cells - 1);

	/* A sum as yet. */
	g->cells[cell].excess += (float)fmin(fmax(excess, -g->most), g->most);
	g->cells[cell].calls++;
}

static void look_again(struct measuring *m, struct gathered *g, uint64_t at, double self)
{
	struct times *t = &g->times[m->kind];
	unsigned int block = block_of(t->self.n, t->next), q;
	double usual = t->at[DIFF_QUANTILES - 1];

	for (q = 0; q < DIFF_QUANTILES; q++)
		t->below[block][q] += self < t->at[q];
	if (wander_cells__are_spread(&g->wander))
		wander__note(m->wander, at, t->next, log_of(self) - log_of(usual),
			     fmin(usual, WEIGHT_MAX));
	if (g->cells && m->kind == DIFF_PLAIN)
		add_to_cell(m, g, at, log_of(self) - g->usual);
	t->next++;
}

static int leave(void *arg, struct walk_frame *f, const struct walk_frame *parent)
{
	struct measuring *m = arg;
	struct gathered *g = &m->functions[f->function];
	uint64_t dur = f->end - f->start, inner = f->inner_ns < dur ? f->inner_ns : dur;
	double self = (double)(dur - inner);

	(void)parent;
	if (f->flags) /* its time is cut off */
		return 0;
	if (m->kind == DIFF_EVEN)
		self *= exp(-wander__slowness(m->wander, f->start));
	if (m->again) {
		look_again(m, g, f->start, self);
		return 0;
	}
	if (m->kind == DIFF_PLAIN)
		wander__visit(m->wander, &g->wander, f->start);
	return sketch__add(&g->times[m->kind].self, (uint64_t)(self + 0.5));
}

static int enter(void *arg, struct walk_frame *f, const struct walk_frame *parent)
{
	(void)arg;
	(void)f;
	(void)parent;
	return 0;
}

static int walk(struct measuring *m)
{
	const struct walk_visitor v = { .enter = enter, .leave = leave, .arg = m };
	size_t i;
	int err = 0;

	for (i = 0; i < m->p->n_tracks && !err; i++) {
		if (!m->p->tracks[i]->is_gaps)
			err = call_walk__run(m->p, m->p->tracks[i], &v);
	}
	return err;
}

/* A call that lost the CPU must not count; where there are short and long calls, all of them must: a
 * median of these may be the one or the other. */
static void set_limits(struct gathered *g)
{
	const struct sketch *s = &g->times[DIFF_PLAIN].self;

	g->usual = log_of(sketch__quantile(s, 0.5));
	g->most = fmax(EXCESS_MAX, WIDTH * (log_of(sketch__quantile(s, 0.75)) -
					    log_of(sketch__quantile(s, 0.25))));
}

/* Of what is seen all over the run. */
static int make_cells(struct measuring *m)
{
	struct gathered *g;
	size_t i;

	for (i = 0; i < m->p->n_functions; i++) {
		g = &m->functions[i];
		if (g->times[DIFF_PLAIN].self.n < CELLS_CALLS ||
		    !wander_cells__are_spread(&g->wander))
			continue;
		g->cells = calloc(m->n_cells, sizeof(*g->cells));
		if (!g->cells)
			return -ENOMEM;
		set_limits(g);
	}
	return 0;
}

static int find_quantiles(struct measuring *m)
{
	struct times *t;
	size_t i;
	int q;

	for (i = 0; i < m->p->n_functions; i++) {
		t = &m->functions[i].times[m->kind];
		if (!t->self.n)
			continue;
		t->below = calloc(BLOCKS, sizeof(*t->below));
		if (!t->below)
			return -ENOMEM;
		for (q = 0; q < DIFF_QUANTILES; q++)
			t->at[q] = sketch__quantile(&t->self, quantile[q]);
	}
	return m->kind == DIFF_PLAIN ? make_cells(m) : 0;
}

static int gather(struct measuring *m, int kind)
{
	int err;

	m->kind = kind;
	m->again = false;
	err = walk(m);
	if (!err)
		err = find_quantiles(m);
	m->again = true;
	return err ? err : walk(m);
}

/* The standard error of the part of calls that is below quantile q. */
static double part_error(const struct times *t, int q)
{
	uint64_t n = t->self.n, size;
	double below = 0, sum = 0, expected, chance;
	unsigned int b;

	for (b = 0; b < BLOCKS; b++)
		below += t->below[b][q];
	for (b = 0; b < BLOCKS; b++) {
		size = block_begin(n, b + 1) - block_begin(n, b);
		expected = below / (double)n * (double)size;
		sum += (t->below[b][q] - expected) * (t->below[b][q] - expected);
	}
	chance = sqrt(quantile[q] * (1 - quantile[q]) / (double)n);
	return fmax(sqrt(sum) / (double)n, chance);
}

/* The standard error of quantile q, as a logarithm. */
static double quantile_error(const struct times *t, int q)
{
	double error = part_error(t, q);
	double low = sketch__quantile(&t->self, fmax(quantile[q] - error, 0));
	double high = sketch__quantile(&t->self, fmin(quantile[q] + error, 1));

	return (log_of(high) - log_of(low)) / 2;
}

static void take_cells(struct diff_measure *to, struct gathered *g, uint32_t n)
{
	uint32_t i;

	free(to->cells);
	to->cells = g->cells;
	g->cells = NULL;
	for (i = 0; to->cells && i < n; i++) {
		if (to->cells[i].calls > 0)
			to->cells[i].excess /= to->cells[i].calls;
	}
}

static void conclude(struct diff_measure *to, const struct gathered *g, const struct wander *w)
{
	const struct times *t;
	double error;
	int kind, q;

	to->n = g->times[DIFF_PLAIN].self.n;
	if (!to->n)
		return;
	to->brief = !wander_cells__are_spread(&g->wander);
	to->usual = g->usual;
	to->wide = fmax(g->most - WIDE_MIN, 0);
	to->values.self_p50 = g->times[DIFF_PLAIN].at[DIFF_QUANTILES - 1];
	to->freedom = (double)(to->n < BLOCKS ? to->n : BLOCKS) - 1;
	for (kind = 0; kind < DIFF_TIMES; kind++) {
		t = &g->times[kind];
		for (q = 0; q < DIFF_QUANTILES; q++) {
			error = quantile_error(t, q);
			to->times[kind].log_ns[q] = log_of(t->at[q]);
			to->times[kind].error[q] =
				sqrt(error * error + wander__variance(w, &g->wander));
		}
	}
}

static void release(struct measuring *m)
{
	size_t i;
	int kind;

	for (i = 0; m->functions && i < m->p->n_functions; i++) {
		for (kind = 0; kind < DIFF_TIMES; kind++) {
			sketch__release(&m->functions[i].times[kind].self);
			free(m->functions[i].times[kind].below);
		}
		free(m->functions[i].cells);
	}
	free(m->functions);
	free(m->wander);
}

static int measure_calls(struct diff_run *run, const struct profile *p, const uint32_t *number_of)
{
	struct measuring m = { .p = p };
	int kind, err = -ENOMEM;
	size_t i;

	m.functions = calloc(p->n_functions + 1, sizeof(*m.functions));
	m.wander = malloc(sizeof(*m.wander));
	if (!m.functions || !m.wander)
		goto out;
	wander__init(m.wander, p->start, p->end);
	m.n_cells = run->n_cells = count_cells(p);
	for (i = 0; i < p->n_functions; i++) {
		for (kind = 0; kind < DIFF_TIMES; kind++)
			m.functions[i].times[kind].self.finer = FINER;
	}
	err = gather(&m, DIFF_PLAIN);
	if (err)
		goto out;
	wander__measure(m.wander);
	err = gather(&m, DIFF_EVEN);
	if (err)
		goto out;
	wander__finish(m.wander);
	run->unsteady = sqrt(m.wander->coarse + m.wander->fine);
	for (i = 0; i < p->n_functions; i++) {
		conclude(&run->measures[number_of[i]], &m.functions[i], m.wander);
		take_cells(&run->measures[number_of[i]], &m.functions[i], m.n_cells);
	}
out:
	release(&m);
	return err;
}

static void measure_samples(struct diff_run *run, const struct report *r, const uint32_t *number_of)
{
	struct diff_measure *m;
	uint64_t all = 0, n;
	double part;
	size_t i;
	int q;

	for (i = 0; i < r->p->n_functions; i++)
		all += r->functions[i].self_samples;
	run->exposure = (double)all;
	for (i = 0; i < r->p->n_functions; i++) {
		n = r->functions[i].self_samples;
		if (!n)
			continue;
		m = &run->measures[number_of[i]];
		m->n = n;
		m->freedom = (double)n;
		part = (double)n / (double)all;
		for (q = 0; q < DIFF_QUANTILES; q++) {
			m->times[DIFF_PLAIN].log_ns[q] = log(part);
			m->times[DIFF_PLAIN].error[q] =
				sqrt((1 - part) / (SAMPLES_WORTH * (double)n));
		}
	}
}

static void take_report(struct diff_run *run, const struct report *r, const uint32_t *number_of)
{
	double scale = r->p->in_windows ? 1 / r->p->coverage : 1;
	const struct report_function *f;
	struct diff_values *v;
	size_t i;

	for (i = 0; i < r->p->n_functions; i++) {
		f = &r->functions[i];
		v = &run->measures[number_of[i]].values;
		v->calls = (double)f->calls * scale;
		v->self = (double)f->self * scale;
		v->total = (double)f->total * scale;
		v->min = (double)f->min;
		v->mean = f->mean;
		v->p50 = f->p50;
		v->p99 = f->p99;
		v->max = (double)f->max;
	}
}

int diff_measure__run(struct diff_run *run, const struct profile *p, const uint32_t *number_of)
{
	struct report r;
	int err = report__make(&r, p);

	run->period = p->period;
	run->wall = p->wall;
	run->whole = !p->in_windows && !p->lost && !p->period;
	run->exposure = p->coverage;
	if (p->lost)
		run->exposure *= (double)p->calls / (double)(p->calls + p->lost);
	if (!err)
		take_report(run, &r, number_of);
	if (!err && profile__is_sampled(p))
		measure_samples(run, &r, number_of);
	else if (!err)
		err = measure_calls(run, p, number_of);
	report__release(&r);
	return err;
}
