// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "report_stats.h"

#define CHANCE_MAX 0.001 /* that any of all the functions is named by accident */
#define CHANGE_MIN 0.05	 /* over the trace: less is of no consequence */
#define FORECAST_MIN 1.5 /* as long as now: a nearer threshold is crossed by chance */

/*
 * What waited for a CPU or ran into a pause of the machine says nothing of the function, and such calls
 * come in bursts: beyond so many usual deviations from the median they count no more than that.
 */
#define CLIP 3
#define DEVIATION_MIN 0.02

int report_drift__note(struct report_making *m, struct function_stats *st,
		       const struct walk_frame *f)
{
	const struct profile *p = m->p;
	double most = CLIP * fmax(st->deviation, DEVIATION_MIN), from_usual;

	if (st->usual <= 0 || p->end <= p->start)
		return 0;
	if (!st->trend)
		st->trend = calloc(1, sizeof(*st->trend));
	if (!st->trend)
		return -ENOMEM;
	from_usual = log(fmax((double)(f->end - f->start), 0.5) / st->usual);
	from_usual = fmin(fmax(from_usual, -most), most);
	trend__add(st->trend, (double)(f->start - p->start) / (double)(p->end - p->start),
		   from_usual);
	return 0;
}

/* The first of 1, 2, 5, 10, 20, 50, ... that is not less. */
static double round_above(double value)
{
	double unit = pow(10, floor(log10(value)));
	double times = value / unit;

	return unit * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

bool report_drift__forecast(const struct report *r, const struct report_drift *d, double *threshold,
			    double *until)
{
	double now = r->functions[d->function].p99;
	/* Per cent of the begin; by now it takes so much more. */
	double growth = d->percent_per_min / 100 / (1 + d->change);

	if (d->change <= 0 || now <= 0)
		return false;
	*threshold = round_above(FORECAST_MIN * now);
	*until = (*threshold / now - 1) / growth * 60e9;
	return true;
}

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
