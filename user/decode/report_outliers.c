// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that took far longer than their function usually does. What is usual is told by the median and
 * by how far calls are from it as a rule, both as ratios: durations are spread so, and neither is moved
 * by the outliers themselves. Calls within a call of the same function are not compared: they are parts
 * of it.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "report_stats.h"

#define CALLS_MIN 20	   /* of fewer nothing is usual */
#define DEVIATIONS 6	   /* so many standard deviations, as the median of deviations has them */
#define NORMAL 1.4826	   /* standard deviations in that median, of a normal distribution */
#define DEVIATION_MIN 0.1  /* a function of great regularity may be 1.8 times as long */
#define RARE 0.98	   /* what more than 2 in 100 calls do is no exception: */
#define RARE_FACTOR 1.5	   /* an outlier takes that much longer */
#define EXCESS_MIN 50000.0 /* ns: less is the noise of every machine */

static void set_limit(struct function_stats *st)
{
	const struct sketch *s = function_stats__outer(st);
	double limit;

	st->limit = INFINITY;
	if (s->n < CALLS_MIN)
		return;
	st->usual = sketch__quantile(s, 0.5);
	st->deviation = sketch__log_deviation(s, st->usual) * NORMAL;
	st->limit = st->usual * exp(DEVIATIONS * fmax(st->deviation, DEVIATION_MIN));
	limit = sketch__at(s, RARE) * RARE_FACTOR;
	if (limit > st->limit)
		st->limit = limit;
	if (st->usual + EXCESS_MIN > st->limit)
		st->limit = st->usual + EXCESS_MIN;
}

/* ---- the greatest so many, in a heap with the least on top ------------------------------ */

static double excess(const struct report_outlier *o)
{
	return (double)o->dur - o->usual;
}

static void sift_down(struct report *r, size_t i)
{
	struct report_outlier *o = r->outliers, swap;
	size_t least, child;

	for (;; i = least) {
		least = i;
		for (child = 2 * i + 1; child <= 2 * i + 2 && child < r->n_outliers; child++) {
			if (excess(&o[child]) < excess(&o[least]))
				least = child;
		}
		if (least == i)
			return;
		swap = o[i];
		o[i] = o[least];
		o[least] = swap;
	}
}

static void keep(struct report *r, const struct report_outlier *o)
{
	size_t i;

	r->all_outliers++;
	if (r->n_outliers < REPORT_OUTLIERS_MAX) {
		r->outliers[r->n_outliers++] = *o;
		if (r->n_outliers == REPORT_OUTLIERS_MAX) {
			for (i = REPORT_OUTLIERS_MAX / 2; i--;)
				sift_down(r, i);
		}
		return;
	}
	if (excess(o) <= excess(&r->outliers[0]))
		return;
	r->outliers[0] = *o;
	sift_down(r, 0);
}

static int by_excess(const void *a, const void *b)
{
	double x = excess(a), y = excess(b);

	return (x < y) - (x > y);
}

/* ---- the walk --------------------------------------------------------------------------- */

static int enter(void *arg, struct walk_frame *f, const struct walk_frame *parent)
{
	struct report_making *m = arg;
	struct function_stats *st = &m->stats[f->function];
	const struct report_outlier o = {
		.function = f->function,
		.track = m->thread->track,
		.start = f->start,
		.dur = f->end - f->start,
		.usual = st->usual,
	};

	(void)parent;
	if (st->active++ || f->flags)
		return 0;
	if ((double)o.dur > st->limit)
		keep(m->r, &o);
	return report_drift__note(m, st, f);
}

static int leave(void *arg, struct walk_frame *f, const struct walk_frame *parent)
{
	struct report_making *m = arg;

	(void)parent;
	m->stats[f->function].active--;
	return 0;
}

int report_outliers__find(struct report_making *m)
{
	const struct walk_visitor v = { .counted = true, .enter = enter, .leave = leave, .arg = m };
	struct report *r = m->r;
	size_t i;
	int err = 0;

	r->outliers = calloc(REPORT_OUTLIERS_MAX, sizeof(*r->outliers));
	if (!r->outliers)
		return -ENOMEM;
	for (i = 0; i < m->p->n_functions; i++)
		set_limit(&m->stats[i]);
	for (i = 0; i < r->n_threads && !err; i++) {
		m->thread = &r->threads[i];
		if (!m->thread->track->is_gaps)
			err = call_walk__run(m->p, m->thread->track, &v);
	}
	qsort(r->outliers, r->n_outliers, sizeof(*r->outliers), by_excess);
	return err;
}
