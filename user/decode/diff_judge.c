// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which functions are slower or faster. For each function, quartile and median of its self times are
 * compared as logarithms of their ratios; both must have changed by more than 5 %, in the same direction,
 * and beyond what chance makes of it.
 *
 * Two runs of the same program differ by more than the spread within them: another frequency of the CPU,
 * another layout of memory, neighbours in the cache. What all functions share is taken off (shift); how
 * far functions usually are from that is an error that each of them has (scatter), and never less than
 * experience says. Of several runs, what differs between them tells the same directly; few runs tell it
 * badly of one function, so that it is averaged with the usual of all functions, as Smyth (2004) does
 * for genes.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "diff_parts.h"

#define CALLS_MIN 10	  /* of a run that is the only one: fewer say nothing */
#define CHANCE_MAX 0.01	  /* that any of all the functions is accused by accident */
#define CHANGE_MIN 0.05	  /* less is of no consequence */
#define ERROR_MIN 0.015	  /* between two runs, however even each of them is */
#define ERROR_NS 15.0	  /* the same, of very short functions */
#define PRIOR_FREEDOM 8	  /* the usual of all functions counts like so many runs more */
#define GROUP_MIN 3	  /* functions: of fewer, nothing is usual */
#define SUREST 5	  /* of the functions, by standard error: the usual is told by all that */
#define SURE_FACTOR 2	  /* are so many times as unsure at most */
#define UNSTEADY_PART 0.5 /* of what the machine wandered, one function may be off */
#define SHIFT_PART 0.25	  /* and of the shift, unless so many functions tell how they scatter */
#define TELLING_MIN 10	  /* about it: then that is known, and this much remains */
#define SHIFT_REST 0.05
#define BRIEF_MIN 20	 /* functions that were called for a short while: of fewer, the error is */
#define BRIEF_ERROR 0.05 /* this; else so much that one in twenty */
#define BRIEF_PART 0.95	 /* exceeds it so many times */
#define BRIEF_SIGMA 1.5
#define SEEN_SIGMA 3.5 /* standard errors that a function must be off to be accused, about */

/* Logarithms, of one function at one quantile. */
struct estimate {
	double change;	/* AFTER less BEFORE */
	double error;	/* of each side's own runs, squared */
	double freedom; /* degrees of */
};

struct judging {
	struct diff *d;
	struct estimate (*estimates)[DIFF_QUANTILES]; /* by entry */
	double *value;				      /* scratch, one for each entry */
	/* Variance between runs, usual: of functions that are called all the time, and of brief ones. */
	double between[DIFF_SIDES][2];
	double shift[DIFF_QUANTILES], scatter[DIFF_QUANTILES];
	double brief_scatter[DIFF_QUANTILES];
	size_t n_telling; /* functions that shift and scatter were found by */
	double unsteady;  /* mean square of all runs */
	double self;	  /* of all functions that are judged, ns */
};

/* ---- runs of one side ------------------------------------------------------------------- */

static bool counts(const struct diff_side *side, const struct diff_measure *m)
{
	return m && m->n >= (side->n_runs == 1 ? CALLS_MIN : 1);
}

/* In how many runs was it seen? */
static size_t runs_with(const struct diff_side *side, int64_t function)
{
	size_t k, n = 0;

	for (k = 0; k < side->n_runs; k++)
		n += counts(side, diff_run__measure(&side->runs[k], function));
	return n;
}

static double mean_of(const struct diff_side *side, const struct diff_entry *e, int which, int q)
{
	const struct diff_measure *m;
	size_t k, n = 0;
	double sum = 0;

	for (k = 0; k < side->n_runs; k++) {
		m = diff_run__measure(&side->runs[k], e->function[which]);
		if (!counts(side, m))
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
		    runs_with(side, e->function[which]) < side->n_runs)
			continue;
		m = diff_run__measure(&side->runs[run], e->function[which]);
		j->value[n++] = m->times[e->times].log_ns[q] - mean_of(side, e, which, q);
	}
	diff_stats__sort(j->value, n);
	return n < GROUP_MIN ? 0 : diff_stats__common(j->value, n);
}

static int find_offsets(struct judging *j, int which, int q)
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

		if (!counts(side, m))
			continue;
		value = m->times[e->times].log_ns[q] - side->runs[k].offset[q] - mean;
		sum += value * value;
		n++;
	}
	return n > 1 ? sum / (double)(n - 1) : 0;
}

static double usual_variance(struct judging *j, int which, int q, bool brief)
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
	return fmax(n ? diff_stats__median(j->value, n) : 0, ERROR_MIN * ERROR_MIN / 2);
}

/* Adds what one side knows of a function: its mean, how sure that is. */
static void add_side(struct judging *j, const struct diff_entry *e, int which, int q)
{
	struct estimate *to = &j->estimates[e - j->d->entries][q];
	const struct diff_side *side = &j->d->side[which];
	int64_t function = e->function[which];
	double n = (double)runs_with(side, function), within = 0, square, freedom = 0, prior;
	const struct diff_measure *m;
	size_t k;

	for (k = 0; k < side->n_runs; k++) {
		m = diff_run__measure(&side->runs[k], function);
		if (!counts(side, m))
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

/* ---- all functions ---------------------------------------------------------------------- */

static bool is_brief(const struct diff_side *side, int64_t function)
{
	const struct diff_measure *m;
	size_t k;

	for (k = 0; k < side->n_runs; k++) {
		m = diff_run__measure(&side->runs[k], function);
		if (counts(side, m) && m->brief)
			return true;
	}
	return false;
}

static bool can_judge(const struct diff *d, struct diff_entry *e)
{
	size_t k, n;

	for (k = 0; k < DIFF_SIDES; k++) {
		n = e->function[k] < 0 ? 0 : runs_with(&d->side[k], e->function[k]);
		if (!n || (d->side[k].n_runs > 1 && n < 2))
			return false;
		e->brief |= is_brief(&d->side[k], e->function[k]);
	}
	return true;
}

/* What follows the speed of the machine is more even when that is taken off, what waits is not. */
static enum diff_times better_times(const struct diff *d, const struct diff_entry *e)
{
	const struct diff_side *side;
	const struct diff_measure *m;
	double sum[DIFF_TIMES] = {}, error;
	size_t i, k;
	int kind;

	for (i = 0; i < DIFF_SIDES; i++) {
		side = &d->side[i];
		for (k = 0; k < side->n_runs; k++) {
			m = diff_run__measure(&side->runs[k], e->function[i]);
			for (kind = 0; counts(side, m) && kind < DIFF_TIMES; kind++) {
				error = m->times[kind].error[DIFF_QUANTILES - 1];
				sum[kind] += error * error;
			}
		}
	}
	return sum[DIFF_EVEN] < sum[DIFF_PLAIN] ? DIFF_EVEN : DIFF_PLAIN;
}

static bool tells_usual(const struct diff_entry *e)
{
	return e->judged && !e->brief;
}

/* Standard errors up to which a function helps to tell what is usual, squared. */
static double sure_enough(struct judging *j, int q)
{
	double least = ERROR_MIN * ERROR_MIN;
	size_t i, n = 0;

	for (i = 0; i < j->d->n_entries; i++) {
		if (tells_usual(&j->d->entries[i]))
			j->value[n++] = j->estimates[i][q].error;
	}
	if (n < SUREST)
		return INFINITY;
	diff_stats__sort(j->value, n);
	return fmax(j->value[SUREST - 1], least) * SURE_FACTOR * SURE_FACTOR;
}

/* Functions scatter by their own errors, which each of them has anyway, and by this. */
static double own_scatter(struct judging *j, double scatter, double most, int q)
{
	size_t i, n = 0;

	for (i = 0; i < j->d->n_entries; i++) {
		if (tells_usual(&j->d->entries[i]) && j->estimates[i][q].error <= most)
			j->value[n++] = j->estimates[i][q].error;
	}
	return sqrt(fmax(scatter * scatter - diff_stats__median(j->value, n), 0));
}

/* Shift and scatter of those that are sure of themselves. */
static void find_usual(struct judging *j, int q)
{
	double most = sure_enough(j, q);
	size_t i, n = 0;

	for (i = 0; i < j->d->n_entries; i++) {
		if (tells_usual(&j->d->entries[i]) && j->estimates[i][q].error <= most)
			j->value[n++] = j->estimates[i][q].change;
	}
	if (!n)
		return;
	j->n_telling = n;
	diff_stats__sort(j->value, n);
	j->shift[q] = diff_stats__common(j->value, n);
	j->scatter[q] = own_scatter(j, diff_stats__scatter(j->value, n, j->shift[q]), most, q);
	j->d->shift = exp(j->shift[q]) - 1;
}

/* Of what was called for a short while only, all that happened to be called then may be slower by
 * accident: what few of them exceed. */
static void find_brief(struct judging *j, int q)
{
	size_t i, n = 0;

	for (i = 0; i < j->d->n_entries; i++) {
		if (j->d->entries[i].judged && j->d->entries[i].brief)
			j->value[n++] = fabs(j->estimates[i][q].change - j->shift[q]);
	}
	j->brief_scatter[q] = BRIEF_ERROR;
	if (n < BRIEF_MIN)
		return;
	diff_stats__sort(j->value, n);
	j->brief_scatter[q] =
		fmax(j->value[(size_t)(BRIEF_PART * (double)n)] / BRIEF_SIGMA, BRIEF_ERROR / 2);
}

static double smaller(double a, double b)
{
	if ((a > 0) != (b > 0))
		return 0;
	return fabs(a) < fabs(b) ? a : b;
}

static double square(double x)
{
	return x * x;
}

static double shift_part(const struct judging *j)
{
	return j->n_telling < TELLING_MIN ? SHIFT_PART : SHIFT_REST;
}

/* What no run tells of itself: squared. */
static double common_error(const struct judging *j, const struct diff_entry *e, int q)
{
	size_t before = j->d->side[DIFF_BEFORE].n_runs, after = j->d->side[DIFF_AFTER].n_runs;
	double runs = (double)(before < after ? before : after);
	double ns = fmin(e->values[DIFF_BEFORE].self_p50, e->values[DIFF_AFTER].self_p50);
	double error = ERROR_MIN * ERROR_MIN, tiny;

	tiny = diff__is_sampled(j->d) ? 0 : ERROR_NS / fmax(ns, 1);
	error = (error + tiny * tiny) / runs;
	error = fmax(error, j->scatter[q] * j->scatter[q]);
	error += square(shift_part(j) * j->shift[q]);
	error += UNSTEADY_PART * UNSTEADY_PART * j->unsteady / runs;
	if (e->brief)
		error += j->brief_scatter[q] * j->brief_scatter[q];
	return error;
}

/*
 * Of many functions some are off by chance; the chance of each is multiplied by so much (Bonferroni).
 * Half of what may be wrong is shared by all alike, half by the part of the time that they take: there are
 * hundreds that run once in a while, and few that matter.
 */
static double tries(const struct judging *j, const struct diff_entry *e, size_t functions)
{
	double self = e->values[DIFF_BEFORE].self + e->values[DIFF_AFTER].self;

	return 1 / (0.5 / (double)functions + 0.5 * (j->self > 0 ? self / j->self : 0));
}

/* The least change, as a logarithm, that is seen of most functions that take a hundredth of the time or
 * more. */
static double resolution(struct judging *j)
{
	const struct diff_entry *e;
	double self, error;
	size_t i, n = 0;
	int q;

	for (i = 0; i < j->d->n_entries; i++) {
		e = &j->d->entries[i];
		self = e->values[DIFF_BEFORE].self + e->values[DIFF_AFTER].self;
		if (!e->judged || self < j->self / 100)
			continue;
		for (q = 0, error = 0; q < DIFF_QUANTILES; q++)
			error = fmax(error, sqrt(j->estimates[i][q].error + common_error(j, e, q)));
		j->value[n++] = error;
	}
	return n ? fmax(SEEN_SIGMA * diff_stats__median(j->value, n), log1p(CHANGE_MIN)) : 0;
}

static void judge(const struct judging *j, struct diff_entry *e, size_t functions)
{
	const struct estimate *est = j->estimates[e - j->d->entries];
	double change = 0, plain = 0, chance = 0, value;
	int q;

	for (q = 0; q < DIFF_QUANTILES; q++) {
		value = est[q].change - j->shift[q];
		change = q ? smaller(change, value) : value;
		plain = q ? smaller(plain, est[q].change) : est[q].change;
		value /= sqrt(est[q].error + common_error(j, e, q));
		chance = fmax(chance, diff_stats__chance(value, est[q].freedom));
	}
	e->change = exp(change) - 1;
	chance = fmin(chance * tries(j, e, functions), 1);
	e->confidence = 1 - chance;
	if (chance > CHANCE_MAX || fabs(e->change) <= CHANGE_MIN)
		return;
	/* What waits does so as long on a slow machine: the shift alone is no change. */
	if (e->times == DIFF_EVEN && j->n_telling >= TELLING_MIN)
		plain = change;
	if (fabs(plain) < CHANGE_MIN / 2 || (plain > 0) != (change > 0))
		return;
	e->verdict = e->change > 0 ? DIFF_SLOWER : DIFF_FASTER;
}

static int estimate(struct judging *j, int q)
{
	struct diff *d = j->d;
	size_t i;
	int k, err = 0;

	for (k = 0; k < DIFF_SIDES && !err; k++) {
		err = find_offsets(j, k, q);
		if (!err)
			j->between[k][false] = usual_variance(j, k, q, false);
		if (!err)
			j->between[k][true] = usual_variance(j, k, q, true);
	}
	for (i = 0; i < d->n_entries && !err; i++) {
		for (k = 0; k < DIFF_SIDES && d->entries[i].judged; k++)
			add_side(j, &d->entries[i], k, q);
	}
	if (!err)
		find_usual(j, q);
	if (!err)
		find_brief(j, q);
	return err;
}

static double unsteadiness(const struct diff *d)
{
	const struct diff_side *side;
	double sum = 0;
	size_t i, k, n = 0;

	for (i = 0; i < DIFF_SIDES; i++) {
		side = &d->side[i];
		for (k = 0; k < side->n_runs; k++, n++)
			sum += side->runs[k].unsteady * side->runs[k].unsteady;
	}
	return sum / (double)n;
}

static int judge_all(struct judging *j)
{
	struct diff *d = j->d;
	struct diff_entry *e;
	size_t i;
	int q, err = 0;

	for (i = 0; i < d->n_entries; i++) {
		e = &d->entries[i];
		e->judged = can_judge(d, e);
		if (e->judged && !diff__is_sampled(d))
			e->times = better_times(d, e);
		d->n_judged += e->judged;
		if (e->judged)
			j->self += e->values[DIFF_BEFORE].self + e->values[DIFF_AFTER].self;
		d->n_unjudged += !e->judged && e->function[0] >= 0 && e->function[1] >= 0;
	}
	j->unsteady = unsteadiness(d);
	for (q = 0; q < DIFF_QUANTILES && !err; q++)
		err = estimate(j, q);
	for (i = 0; i < d->n_entries && !err; i++) {
		if (d->entries[i].judged)
			judge(j, &d->entries[i], d->n_judged);
	}
	if (!err)
		d->resolution = exp(resolution(j)) - 1;
	if (!err && !diff__is_sampled(d))
		diff_calls__judge(d, j->value);
	return err;
}

int diff_judge__entries(struct diff *d)
{
	struct judging j = { .d = d };
	int err = -ENOMEM;

	j.estimates = calloc(d->n_entries + 1, sizeof(*j.estimates));
	j.value = calloc(d->n_entries + 1, sizeof(*j.value));
	if (j.estimates && j.value)
		err = judge_all(&j);
	free(j.estimates);
	free(j.value);
	return err;
}
