// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "report_stats.h"

#define CHANCE_MAX 0.01 /* that any of all the functions is named by accident */
#define CHANGE_MIN 0.05 /* over the trace: less is of no consequence */

static int by_weight(const void *a, const void *b, void *arg)
{
	const struct report_drift *x = a, *y = b;
	const struct report_function *f = arg;
	double wx = fabs(x->change) * (double)f[x->function].total;
	double wy = fabs(y->change) * (double)f[y->function].total;

	return (wx < wy) - (wx > wy);
}

int report_drift__find(struct report_making *m)
{
	double minutes = (double)(m->p->end - m->p->start) / 60e9;
	struct report *r = m->r;
	struct trend_result t;
	size_t i, tried = 0;

	for (i = 0; i < m->p->n_functions; i++)
		tried += m->stats[i].trend && trend__find(m->stats[i].trend, &t);
	if (!tried)
		return 0;
	r->drift = calloc(tried, sizeof(*r->drift));
	if (!r->drift)
		return -ENOMEM;
	for (i = 0; i < m->p->n_functions; i++) {
		if (!m->stats[i].trend || !trend__find(m->stats[i].trend, &t))
			continue;
		/* Who looks at many functions finds chance at work in some of them (Bonferroni). */
		t.chance *= (double)tried;
		if (t.chance > CHANCE_MAX || fabs(t.change) < CHANGE_MIN)
			continue;
		r->drift[r->n_drift++] = (struct report_drift){
			.function = (uint32_t)i,
			.percent_per_min = 100 * t.change / minutes,
			.confidence = 1 - t.chance,
			.change = t.change,
		};
	}
	qsort_r(r->drift, r->n_drift, sizeof(*r->drift), by_weight, r->functions);
	return 0;
}
