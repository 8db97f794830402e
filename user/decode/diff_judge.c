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
 *
 * Of one run each, functions that take a part of the time that matters are compared at the same pace of the
 * machine instead (diff_pace.c).
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "diff_judging.h"

#define CHANCE_MAX 0.01	  /* that any of all the functions is accused by accident */
#define CHANGE_MIN 0.05	  /* less is of no consequence */
#define ERROR_NS 15.0	  /* the same, of very short functions */
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
/* Of one run each: what takes no part of the time that matters is off by so much for its luck with memory
 * and caches alone (measured: up to 70 % in functions of the standard library of 1,000 calls). */
#define SMALL_ERROR 0.15
#define SEEN_SIGMA 3.5 /* standard errors that a function must be off to be accused, about */

/* ---- all functions ---------------------------------------------------------------------- */

static bool can_judge(const struct diff *d, struct diff_entry *e)
{
	size_t k, n;

	for (k = 0; k < DIFF_SIDES; k++) {
		n = e->function[k] < 0 ? 0 : diff_runs__with(&d->side[k], e->function[k]);
		if (!n || (d->side[k].n_runs > 1 && n < 2))
			return false;
		e->brief |= diff_runs__brief(&d->side[k], e->function[k]);
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
			for (kind = 0; diff_runs__counts(side, m) && kind < DIFF_TIMES; kind++) {
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
	double least = DIFF_ERROR_MIN * DIFF_ERROR_MIN;
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
	double error = DIFF_ERROR_MIN * DIFF_ERROR_MIN, tiny;

	tiny = diff__is_sampled(j->d) ? 0 : ERROR_NS / fmax(ns, 1);
	error = (error + tiny * tiny) / runs;
	error = fmax(error, j->scatter[q] * j->scatter[q]);
	error += square(shift_part(j) * j->shift[q]);
	error += UNSTEADY_PART * UNSTEADY_PART * j->unsteady / runs;
	if (e->brief)
		error += j->brief_scatter[q] * j->brief_scatter[q];
	if (j->n_paced && !j->paced[e - j->d->entries].matters)
		error += SMALL_ERROR * SMALL_ERROR;
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
			error = fmax(error, j->estimates[i][q].error + common_error(j, e, q));
		j->value[n++] = sqrt(j->paced[i].matters ? j->paced[i].error : error);
	}
	return n ? fmax(SEEN_SIGMA * diff_stats__median(j->value, n), log1p(CHANGE_MIN)) : 0;
}

/* Is it there as well where nothing is taken off? */
static bool is_plain(double plain, double change)
{
	return fabs(plain) >= CHANGE_MIN / 2 && (plain > 0) == (change > 0);
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
	if (!is_plain(plain, change))
		return;
	e->verdict = e->change > 0 ? DIFF_SLOWER : DIFF_FASTER;
}

static void judge_paced(const struct judging *j, struct diff_entry *e, size_t functions)
{
	const struct diff_paced *paced = &j->paced[e - j->d->entries];
	double chance = erfc(fabs(paced->change) / sqrt(2 * paced->error));

	e->change = exp(paced->change) - 1;
	chance = fmin(chance * tries(j, e, functions), 1);
	e->confidence = 1 - chance;
	if (chance > CHANCE_MAX || fabs(e->change) <= CHANGE_MIN)
		return;
	if (!paced->follows && !is_plain(paced->plain, paced->change))
		return;
	e->verdict = e->change > 0 ? DIFF_SLOWER : DIFF_FASTER;
}

static int estimate(struct judging *j, int q)
{
	struct diff *d = j->d;
	size_t i;
	int k, err = 0;

	for (k = 0; k < DIFF_SIDES && !err; k++) {
		err = diff_runs__find_offsets(j, k, q);
		if (!err)
			j->between[k][false] = diff_runs__usual_variance(j, k, q, false);
		if (!err)
			j->between[k][true] = diff_runs__usual_variance(j, k, q, true);
	}
	for (i = 0; i < d->n_entries && !err; i++) {
		for (k = 0; k < DIFF_SIDES && d->entries[i].judged; k++)
			diff_runs__add(j, &d->entries[i], k, q);
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
	if (!err)
		err = diff_pace__estimate(d, j->paced);
	for (i = 0; i < d->n_entries; i++)
		j->n_paced += j->paced[i].matters;
	for (i = 0; i < d->n_entries && !err; i++) {
		if (j->paced[i].matters)
			judge_paced(j, &d->entries[i], d->n_judged);
		else if (d->entries[i].judged)
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
	j.paced = calloc(d->n_entries + 1, sizeof(*j.paced));
	if (j.estimates && j.value && j.paced)
		err = judge_all(&j);
	free(j.estimates);
	free(j.value);
	free(j.paced);
	return err;
}
