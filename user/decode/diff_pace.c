// SPDX-License-Identifier: GPL-2.0-only
/*
 * One run against another, function by function, each at the same pace of the machine.
 *
 * A machine is fast and slow in turns, and functions do not all follow it by the same factor: what waits
 * does not at all, what is short of memory does more than what computes. So the calls of a function are
 * averaged over cells of about 20 ms, and what the cell's other functions took beyond their usual is the
 * pace of the cell. How much the function follows the pace (its slope) is told by the cells of both runs;
 * what then remains between the runs is its change. The pace weighs functions by how evenly they follow
 * it, and so all is done several times: it is one factor of a factor analysis, without a function's own
 * part in it.
 *
 * How uncertain the change is cannot be told by the number of calls: a function that wanders off the
 * common pace for a while within a run does so between runs, too, and about as far. So its error is the
 * scatter of its own averages over sixteenths of the runs, which is no smaller for being measured often.
 * To that comes what no run shows: where in memory things happen to lie, and with what others have left
 * in the caches. Where more functions are off than that explains, all are less sure.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diff_parts.h"

#define FUNCTIONS_MIN 4 /* of fewer, no pace can be told */
#define CELLS_MIN 8	/* of each run, that the function was called in */
#define CALLS_MOST 20	/* of one cell that count */
#define ROUNDS 4
#define ROBUST_ROUNDS 4
#define OUTLIER 1.9	  /* mean deviations beyond which a cell counts less */
#define SLOPE_SPREAD 0.25 /* how much the slopes of functions differ from 1 */
#define SLOPE_KNOWN 0.1	  /* standard error */
#define SLOPE_MIN 0.3
#define SLOPE_MAX 3.0
#define LEAST_VARIANCE 1e-5
#define BLOCKS 16     /* of each run */
#define BLOCK_MAX 0.3 /* a cell counts no more than that for a block */
#define NORMAL_MEDIAN 1.4826
#define WIDE_ERROR 0.15	  /* for long and short calls, how many there are of each may change */
#define ERROR_MIN 0.01	  /* between two runs, however even each of them is */
#define ERROR_NS 15.0	  /* the same, of very short functions */
#define CALLER_ERROR 0.06 /* where hardly any of the time is the function's own */
#define SCALE_MIN 8	  /* functions that tell whether all are less sure than they say: three */
#define SCALE_PART 0.75	  /* in four of them are expected to be */
#define SCALE_SIGMA 1.15  /* so many standard errors off at most */
#define CALLS_MIN 500	  /* of fewer in a run, and what takes less than this part of the time, */
#define SELF_MIN 0.01	  /* this alone is not enough */
#define OUTER_PART 0.7	  /* of the blocks' standard deviation: few may differ, and widely */

struct paced {
	struct diff_entry *e;
	const struct diff_measure *m[DIFF_SIDES];
	double usual; /* of both runs */
	double level, slope, change;
	double precision; /* 1 / variance of a cell with one call; 0: tells nothing */
};

/* One cell, as one function is fitted to it. */
struct point {
	int side;
	uint32_t block;
	double pace, noise; /* of the others; its variance */
	double value, weight, rest;
};

struct pacing {
	struct diff *d;
	struct paced *functions;
	size_t n;
	uint32_t begin[DIFF_SIDES + 1]; /* cells of the sides, one behind the other */
	double *sum, *weight;		/* by cell, of all functions */
	struct point *points;		/* scratch, one for each cell */
	double *changes;		/* scratch, one for each function */
	bool rough;			/* precisions are not known yet */
};

struct line {
	double weight[DIFF_SIDES], value[DIFF_SIDES], pace[DIFF_SIDES];
	double slope, slope_error;
};

static const struct diff_cell *cell_of(const struct pacing *p, const struct paced *f, int side,
				       uint32_t cell)
{
	return &f->m[side]->cells[cell - p->begin[side]];
}

static double value_of(const struct paced *f, int side, const struct diff_cell *c)
{
	return f->m[side]->usual + (double)c->excess - f->usual;
}

static double calls_of(const struct diff_cell *c)
{
	return fmin((double)c->calls, CALLS_MOST);
}

/* What the function says of the pace in the cell, and how much that weighs. */
static double share_of(const struct paced *f, int side, const struct diff_cell *c, double *weight)
{
	double half = side == DIFF_AFTER ? 0.5 : -0.5;

	*weight = calls_of(c) * f->precision * f->slope * f->slope;
	return (value_of(f, side, c) - f->level - f->change * half) / f->slope;
}

static void add_up(struct pacing *p)
{
	const struct diff_cell *c;
	double value, weight;
	uint32_t i;
	size_t k;
	int side;

	memset(p->sum, 0, p->begin[DIFF_SIDES] * sizeof(*p->sum));
	memset(p->weight, 0, p->begin[DIFF_SIDES] * sizeof(*p->weight));
	for (k = 0; k < p->n; k++) {
		for (side = 0; side < DIFF_SIDES; side++) {
			for (i = p->begin[side]; i < p->begin[side + 1]; i++) {
				c = cell_of(p, &p->functions[k], side, i);
				value = share_of(&p->functions[k], side, c, &weight);
				p->sum[i] += weight * value;
				p->weight[i] += weight;
			}
		}
	}
}

/* The cells that the function and others were called in; 0 where one run has too few. */
static size_t find_points(struct pacing *p, const struct paced *f)
{
	size_t n = 0, before = 0;
	const struct diff_cell *c;
	double value, weight, rest;
	uint32_t i;
	int side;

	for (side = 0; side < DIFF_SIDES; side++) {
		before = n;
		for (i = p->begin[side]; i < p->begin[side + 1]; i++) {
			c = cell_of(p, f, side, i);
			value = share_of(f, side, c, &weight);
			rest = p->weight[i] - weight;
			if (c->calls == 0 || rest <= p->weight[i] * 1e-6)
				continue;
			p->points[n++] = (struct point){
				.side = side,
				.block = (i - p->begin[side]) * BLOCKS /
						 (p->begin[side + 1] - p->begin[side]) +
					 (uint32_t)side * BLOCKS,
				.pace = (p->sum[i] - weight * value) / rest,
				.noise = p->rough ? 0 : 1 / rest,
				.value = value_of(f, side, c),
				.weight = calls_of(c),
			};
		}
		if (n - before < CELLS_MIN)
			return 0;
	}
	return n;
}

/* How much a cell counts that is so far off, where that much is usual. */
static double trust(const struct point *at, double deviation)
{
	double off = fabs(at->rest);

	return at->weight * (off > OUTLIER * deviation ? OUTLIER * deviation / off : 1);
}

static void find_means(struct line *l, const struct point *points, size_t n, double deviation)
{
	double w;
	size_t i;
	int side;

	memset(l, 0, sizeof(*l));
	for (i = 0; i < n; i++) {
		side = points[i].side;
		w = trust(&points[i], deviation);
		l->weight[side] += w;
		l->value[side] += w * points[i].value;
		l->pace[side] += w * points[i].pace;
	}
	for (side = 0; side < DIFF_SIDES; side++) {
		l->value[side] /= l->weight[side];
		l->pace[side] /= l->weight[side];
	}
}

/*
 * The slope within the runs. That the pace is uncertain itself makes it look flatter, which the pace's
 * own variance corrects; where the machine was steady there is nothing to see, and it is 1 as of most.
 */
static void find_slope(struct line *l, const struct point *points, size_t n, double deviation)
{
	double xx = 0, xy = 0, noise = 0, rest = 0, w, x, prior, sure, known;
	size_t i;

	for (i = 0; i < n; i++) {
		w = trust(&points[i], deviation);
		x = points[i].pace - l->pace[points[i].side];
		xx += w * x * x;
		xy += w * x * (points[i].value - l->value[points[i].side]);
		noise += w * points[i].noise;
		rest += w * fmin(points[i].rest * points[i].rest, 1);
	}
	rest = fmax(rest / (double)n, LEAST_VARIANCE);
	sure = fmax(xx - noise, 0);
	prior = SLOPE_SPREAD * SLOPE_SPREAD;
	known = prior * sure * sure;
	l->slope =
		1 + (known + rest * xx > 0 ? prior * sure * (xy - sure) / (known + rest * xx) : 0);
	l->slope = fmin(fmax(l->slope, 0), SLOPE_MAX);
	l->slope_error = known + rest * xx > 0 ? sqrt(prior * rest * xx / (known + rest * xx)) :
						 SLOPE_SPREAD;
}

static double find_rests(const struct line *l, struct point *points, size_t n)
{
	double sum = 0;
	size_t i;
	int side;

	for (i = 0; i < n; i++) {
		side = points[i].side;
		points[i].rest = points[i].value - l->value[side] -
				 l->slope * (points[i].pace - l->pace[side]);
		sum += fabs(points[i].rest);
	}
	return fmax(sum / (double)n, 1e-6);
}

static void fit(struct line *l, struct point *points, size_t n)
{
	double deviation = INFINITY;
	size_t i;

	for (i = 0; i < n; i++)
		points[i].rest = 0;
	for (i = 0; i < ROBUST_ROUNDS; i++) {
		find_means(l, points, n, deviation);
		find_slope(l, points, n, deviation);
		deviation = find_rests(l, points, n);
	}
}

/* ---- functions -------------------------------------------------------------------------- */

static void fit_function(struct pacing *p, struct paced *f)
{
	size_t n = find_points(p, f), i;
	double sum = 0;
	struct line l;

	if (!n) {
		f->precision = 0;
		return;
	}
	fit(&l, p->points, n);
	for (i = 0; i < n; i++)
		sum += p->points[i].weight * fmin(p->points[i].rest * p->points[i].rest, 0.04);
	f->slope = fmax(l.slope, SLOPE_MIN);
	f->change = l.value[DIFF_AFTER] - l.value[DIFF_BEFORE] -
		    l.slope * (l.pace[DIFF_AFTER] - l.pace[DIFF_BEFORE]);
	f->level = (l.value[DIFF_AFTER] + l.value[DIFF_BEFORE] -
		    l.slope * (l.pace[DIFF_AFTER] + l.pace[DIFF_BEFORE])) /
		   2;
	f->precision = 1 / (LEAST_VARIANCE + sum / (double)n);
}

/* What all functions have changed by is the pace's, and no change. */
static void center(struct pacing *p)
{
	size_t k, n = 0;
	double common;

	for (k = 0; k < p->n; k++) {
		if (p->functions[k].precision > 0)
			p->changes[n++] = p->functions[k].change;
	}
	if (!n)
		return;
	common = diff_stats__median(p->changes, n);
	for (k = 0; k < p->n; k++)
		p->functions[k].change -= common;
}

static double block_scatter(struct pacing *p, size_t n)
{
	double sum[BLOCKS * DIFF_SIDES] = {}, weight[BLOCKS * DIFF_SIDES] = {};
	double mean[BLOCKS * DIFF_SIDES] = {}, off[BLOCKS * DIFF_SIDES] = {}, middle, square = 0;
	size_t i, k = 0;

	for (i = 0; i < n; i++) {
		const struct point *at = &p->points[i];

		sum[at->block] += at->weight * fmin(fmax(at->rest, -BLOCK_MAX), BLOCK_MAX);
		weight[at->block] += at->weight;
	}
	for (i = 0; i < BLOCKS * DIFF_SIDES; i++) {
		if (weight[i] > 0)
			mean[k++] = sum[i] / weight[i];
	}
	middle = diff_stats__median(mean, k);
	for (i = 0; i < k; i++) {
		off[i] = fabs(mean[i] - middle);
		square += off[i] * off[i];
	}
	return fmax(NORMAL_MEDIAN * diff_stats__median(off, k),
		    OUTER_PART * sqrt(square / (double)k));
}

/* What no run shows. */
static double hidden_error(const struct paced *f)
{
	const struct diff_values *v = f->e->values;
	double self = v[DIFF_BEFORE].self + v[DIFF_AFTER].self;
	double total = v[DIFF_BEFORE].total + v[DIFF_AFTER].total;
	double inner = fmax(1 - self / fmax(total, 1), 0);
	double tiny = ERROR_NS / fmax(fmin(v[DIFF_BEFORE].self_p50, v[DIFF_AFTER].self_p50), 1);
	double wide = WIDE_ERROR * fmax(f->m[DIFF_BEFORE]->wide, f->m[DIFF_AFTER]->wide);
	double caller = CALLER_ERROR * inner * inner;

	return ERROR_MIN * ERROR_MIN + tiny * tiny + wide * wide + caller * caller;
}

static void conclude(struct pacing *p, const struct paced *f, struct diff_paced *to)
{
	size_t n = find_points(p, f);
	double scatter, pace;
	struct line l;

	if (!n)
		return;
	fit(&l, p->points, n);
	scatter = block_scatter(p, n);
	pace = l.pace[DIFF_AFTER] - l.pace[DIFF_BEFORE];
	to->known = true;
	to->plain = l.value[DIFF_AFTER] - l.value[DIFF_BEFORE];
	to->follows = l.slope_error <= SLOPE_KNOWN;
	to->change = l.value[DIFF_AFTER] - l.value[DIFF_BEFORE] - l.slope * pace;
	to->error =
		scatter * scatter + hidden_error(f) + l.slope_error * l.slope_error * pace * pace;
}

/* ---- all -------------------------------------------------------------------------------- */

static bool matters(const struct paced *f, double all)
{
	const struct diff_values *v = f->e->values;
	const struct diff_measure *const *m = f->m;

	return m[DIFF_BEFORE]->n >= CALLS_MIN && m[DIFF_AFTER]->n >= CALLS_MIN &&
	       v[DIFF_BEFORE].self + v[DIFF_AFTER].self >= SELF_MIN * all;
}

/* Are they further off than their errors explain? */
static void scale_errors(struct pacing *p, struct diff_paced *to)
{
	struct diff_paced *at;
	size_t k, n = 0;
	double scale;

	for (k = 0; k < p->n; k++) {
		at = &to[p->functions[k].e - p->d->entries];
		if (at->known)
			p->changes[n++] = fabs(at->change) / sqrt(at->error);
	}
	if (n < SCALE_MIN)
		return;
	diff_stats__sort(p->changes, n);
	scale = fmax(p->changes[(size_t)(SCALE_PART * (double)(n - 1))] / SCALE_SIGMA, 1);
	for (k = 0; k < p->n; k++)
		to[p->functions[k].e - p->d->entries].error *= scale * scale;
}

static void find_what_matters(struct pacing *p, struct diff_paced *to)
{
	const struct paced *f;
	double all = 0;
	size_t i;

	for (i = 0; i < p->d->n_entries; i++) {
		if (p->d->entries[i].judged)
			all += p->d->entries[i].values[DIFF_BEFORE].self +
			       p->d->entries[i].values[DIFF_AFTER].self;
	}
	for (f = p->functions; f < p->functions + p->n; f++)
		to[f->e - p->d->entries].matters = matters(f, all);
}

static void take(struct pacing *p, struct diff_entry *e)
{
	struct paced *f = &p->functions[p->n];
	double self = 0;
	int side;

	memset(f, 0, sizeof(*f));
	f->e = e;
	for (side = 0; side < DIFF_SIDES; side++) {
		f->m[side] = diff_run__measure(p->d->side[side].runs, e->function[side]);
		if (!e->judged || !f->m[side] || !f->m[side]->cells)
			return;
		self += f->m[side]->values.self;
		f->usual += f->m[side]->usual / DIFF_SIDES;
	}
	f->slope = 1;
	f->precision = sqrt(self);
	p->n++;
}

static int allocate(struct pacing *p)
{
	size_t cells;
	int side;

	for (side = 0; side < DIFF_SIDES; side++)
		p->begin[side + 1] = p->begin[side] + p->d->side[side].runs[0].n_cells;
	cells = p->begin[DIFF_SIDES] + 1;
	p->functions = calloc(p->d->n_entries + 1, sizeof(*p->functions));
	p->changes = calloc(p->d->n_entries + 1, sizeof(*p->changes));
	p->sum = calloc(cells, sizeof(*p->sum));
	p->weight = calloc(cells, sizeof(*p->weight));
	p->points = calloc(cells, sizeof(*p->points));
	if (!p->functions || !p->changes || !p->sum || !p->weight || !p->points)
		return -ENOMEM;
	return 0;
}

static void estimate(struct pacing *p, struct diff_paced *to)
{
	size_t k;
	int i;

	p->rough = true;
	for (i = 1; i < ROUNDS; i++) {
		add_up(p);
		for (k = 0; k < p->n; k++)
			fit_function(p, &p->functions[k]);
		center(p);
		p->rough = false;
	}
	add_up(p);
	for (k = 0; k < p->n; k++)
		conclude(p, &p->functions[k], &to[p->functions[k].e - p->d->entries]);
	scale_errors(p, to);
	find_what_matters(p, to);
}

int diff_pace__estimate(struct diff *d, struct diff_paced *to)
{
	struct pacing p = { .d = d };
	size_t i;
	int err = 0;

	if (d->side[DIFF_BEFORE].n_runs != 1 || d->side[DIFF_AFTER].n_runs != 1)
		return 0;
	err = allocate(&p);
	for (i = 0; i < d->n_entries && !err; i++)
		take(&p, &d->entries[i]);
	if (!err && p.n >= FUNCTIONS_MIN)
		estimate(&p, to);
	free(p.functions);
	free(p.changes);
	free(p.sum);
	free(p.weight);
	free(p.points);
	return err;
}
