// SPDX-License-Identifier: GPL-2.0-only
/* What the runs of one side together say of a function, and how sure that is. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "diff_judging.h"

#define CALLS_MIN 10	/* of a run that is the only one: fewer say nothing */
#define PRIOR_FREEDOM 8 /* the usual of all functions counts like so many runs more */
#define GROUP_MIN 3	/* functions: of fewer, nothing is usual */

bool diff_runs__counts(const struct diff_side *side, const struct diff_measure *m)
{
	return m && m->n >= (side->n_runs == 1 ? CALLS_MIN : 1);
}

size_t diff_runs__with(const struct diff_side *side, int64_t function)
{
	size_t k, n = 0;

	for (k = 0; k < side->n_runs; k++)
		n += diff_runs__counts(side, diff_run__measure(&side->runs[k], function));
	return n;
}

static double mean_of(const struct diff_side *side, const struct diff_entry *e, int which, int q)
{
	const struct diff_measure *m;
	size_t k, n = 0;
	double sum = 0;

	for (k = 0; k < side->n_runs; k++) {
		m = diff_run__measure(&side->runs[k], e->function[which]);
		if (!diff_runs__counts(side, m))
			continue;
		sum += m->times[e->times].log_ns[q] - side->runs[k].offset[q];
		n++;
	}
	return sum / (double)n;
}

/* Was it called so seldom that a run has no median to speak of? */
static bool is_rare(const struct diff_side *side, const struct diff_entry *e, int which)
{
	return e->n[which] < CALLS_MIN * side->n_runs;
}

/* By how much the run is slower than the side's mean, for all functions alike. */
static double find_offset(struct judging *j, int which, size_t run, int q)
{
	struct diff_side *side = &j->d->side[which];
	const struct diff_entry *e;
	const struct diff_measure *m;
	size_t i, n = 0;

	for (i = 0; i < j->d->n_entries; i++) {
		e = &j->d->entries[i];
		if (!e->judged || e->brief || is_rare(side, e, which) ||
		    diff_runs__with(side, e->function[which]) < side->n_runs)
			continue;
		m = diff_run__measure(&side->runs[run], e->function[which]);
		j->value[n++] = m->times[e->times].log_ns[q] - mean_of(side, e, which, q);
	}
	diff_stats__sort(j->value, n);
	return n < GROUP_MIN ? 0 : diff_stats__common(j->value, n);
}

int diff_runs__find_offsets(struct judging *j, int which, int q)
{
	struct diff_side *side = &j->d->side[which];
	double *offset = calloc(side->n_runs + 1, sizeof(*offset));
	size_t k;

	if (!offset)
		return -ENOMEM;
	for (k = 0; side->n_runs > 1 && k < side->n_runs; k++)
		offset[k] = find_offset(j, which, k, q);
	for (k = 0; k < side->n_runs; k++)
		side->runs[k].offset[q] = offset[k];
	free(offset);
	return 0;
}

/* Variance of one function between the side's runs. */
static double variance(const struct diff_side *side, const struct diff_entry *e, int which, int q)
{
	double mean = mean_of(side, e, which, q), sum = 0, value;
	size_t k, n = 0;

	for (k = 0; k < side->n_runs; k++) {
		const struct diff_measure *m =
			diff_run__measure(&side->runs[k], e->function[which]);

		if (!diff_runs__counts(side, m))
			continue;
		value = m->times[e->times].log_ns[q] - side->runs[k].offset[q] - mean;
		sum += value * value;
		n++;
	}
	return n > 1 ? sum / (double)(n - 1) : 0;
}

double diff_runs__usual_variance(struct judging *j, int which, int q, bool brief)
{
	const struct diff_side *side = &j->d->side[which];
	const struct diff_entry *e;
	size_t i, n = 0;

	if (side->n_runs < 2)
		return 0;
	for (i = 0; i < j->d->n_entries; i++) {
		e = &j->d->entries[i];
		if (e->judged && e->brief == brief && !is_rare(side, e, which))
			j->value[n++] = variance(side, e, which, q);
	}
	return fmax(n ? diff_stats__median(j->value, n) : 0, DIFF_ERROR_MIN * DIFF_ERROR_MIN / 2);
}

void diff_runs__add(struct judging *j, const struct diff_entry *e, int which, int q)
{
	struct estimate *to = &j->estimates[e - j->d->entries][q];
	const struct diff_side *side = &j->d->side[which];
	int64_t function = e->function[which];
	double n = (double)diff_runs__with(side, function), within = 0, square, freedom = 0, prior;
	const struct diff_measure *m;
	size_t k;

	for (k = 0; k < side->n_runs; k++) {
		m = diff_run__measure(&side->runs[k], function);
		if (!diff_runs__counts(side, m))
			continue;
		within += m->times[e->times].error[q] * m->times[e->times].error[q] / n;
		freedom += m->freedom;
	}
	square = within;
	if (side->n_runs > 1) {
		prior = is_rare(side, e, which) ? 0 : PRIOR_FREEDOM;
		freedom = prior + n - 1;
		square = (prior * j->between[which][e->brief] +
			  (n - 1) * variance(side, e, which, q)) /
			 freedom;
		square = fmax(square, prior > 0 ? within : j->between[which][e->brief]);
	}
	to->change += (which == DIFF_AFTER ? 1 : -1) * mean_of(side, e, which, q);
	to->error += square / n;
	to->freedom += freedom;
}

bool diff_runs__brief(const struct diff_side *side, int64_t function)
{
	const struct diff_measure *m;
	size_t k;

	for (k = 0; k < side->n_runs; k++) {
		m = diff_run__measure(&side->runs[k], function);
		if (diff_runs__counts(side, m) && m->brief)
			return true;
	}
	return false;
}
