// SPDX-License-Identifier: GPL-2.0-only
#include "wander.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FINE_NS 20000000ull
#define SPREAD 8       /* coarse cells */
#define CELLS_MIN 8    /* that tell something */
#define EXCESS_MAX 0.5 /* one call counts no more than that */
#define FASTEST 10     /* one cell in so many is about as fast as the machine can be */
#define USUAL 0.02     /* variance, where nothing can be told: 14 % */

void wander__init(struct wander *w, uint64_t start, uint64_t end)
{
	uint64_t cells;

	memset(w, 0, sizeof(*w));
	w->start = start;
	w->span = end > start ? end - start : 1;
	cells = w->span / FINE_NS / WANDER_COARSE * WANDER_COARSE;
	w->n_fine = cells < WANDER_COARSE   ? WANDER_COARSE :
		    cells > WANDER_FINE_MAX ? WANDER_FINE_MAX :
					      (uint32_t)cells;
}

static uint32_t cell_of(const struct wander *w, uint64_t at)
{
	double part = at > w->start ? (double)(at - w->start) / (double)w->span : 0;
	uint32_t cell = (uint32_t)(part * w->n_fine);

	return cell < w->n_fine ? cell : w->n_fine - 1;
}

void wander__visit(const struct wander *w, struct wander_cells *cells, uint64_t at)
{
	uint32_t fine = cell_of(w, at), coarse = fine / (w->n_fine / WANDER_COARSE);

	cells->fine += fine + 1 != cells->last_fine && cells->fine < w->n_fine;
	cells->coarse += coarse + 1 != cells->last_coarse && cells->coarse < WANDER_COARSE;
	cells->last_fine = fine + 1;
	cells->last_coarse = coarse + 1;
}

bool wander_cells__are_spread(const struct wander_cells *cells)
{
	return cells->coarse >= SPREAD;
}

void wander__note(struct wander *w, uint64_t at, uint64_t no, double excess, double usual_ns)
{
	uint32_t cell = cell_of(w, at);

	w->sum[cell][no % 2] += usual_ns * fmin(fmax(excess, -EXCESS_MAX), EXCESS_MAX);
	w->weight[cell][no % 2] += usual_ns;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void wander__measure(struct wander *w)
{
	double sorted[WANDER_FINE_MAX] = {}, weight, fastest;
	uint32_t i, n = 0;

	for (i = 0; i < w->n_fine; i++) {
		weight = w->weight[i][0] + w->weight[i][1];
		w->slowness[i] = weight > 0 ? (w->sum[i][0] + w->sum[i][1]) / weight : NAN;
		if (weight > 0)
			sorted[n++] = w->slowness[i];
	}
	qsort(sorted, n, sizeof(*sorted), by_value);
	fastest = n ? sorted[n / FASTEST] : 0;
	for (i = 0; i < w->n_fine; i++)
		w->slowness[i] = isnan(w->slowness[i]) ? 0 : w->slowness[i] - fastest;
	memset(w->sum, 0, sizeof(w->sum));
	memset(w->weight, 0, sizeof(w->weight));
}

double wander__slowness(const struct wander *w, uint64_t at)
{
	return w->slowness[cell_of(w, at)];
}

/* Covariance of the two halves over cells, each of `width` fine ones. Negative: too little is known. */
static double covariance(const struct wander *w, uint32_t width)
{
	double a = 0, b = 0, ab = 0, mean[2];
	double weight[2];
	uint32_t i, k, cells = 0;

	for (i = 0; i + width <= w->n_fine; i += width) {
		double sum[2] = {};

		weight[0] = weight[1] = 0;
		for (k = i; k < i + width; k++) {
			sum[0] += w->sum[k][0];
			sum[1] += w->sum[k][1];
			weight[0] += w->weight[k][0];
			weight[1] += w->weight[k][1];
		}
		if (weight[0] <= 0 || weight[1] <= 0)
			continue;
		mean[0] = sum[0] / weight[0];
		mean[1] = sum[1] / weight[1];
		a += mean[0];
		b += mean[1];
		ab += mean[0] * mean[1];
		cells++;
	}
	if (cells < CELLS_MIN)
		return -1;
	return fmax((ab - a * b / cells) / (cells - 1), 0);
}

void wander__finish(struct wander *w)
{
	double fine = covariance(w, 1);

	w->coarse = covariance(w, w->n_fine / WANDER_COARSE);
	if (w->coarse < 0)
		w->coarse = USUAL;
	w->fine = fmax(fine - w->coarse, 0);
}

/* What is spread over all cells has seen all there is. */
static double part(double variance, uint32_t n, uint32_t of)
{
	return n ? variance / n * (1 - (double)n / of) : 0;
}

double wander__variance(const struct wander *w, const struct wander_cells *cells)
{
	return part(w->coarse, cells->coarse, WANDER_COARSE) +
	       part(w->fine, cells->fine, w->n_fine);
}
