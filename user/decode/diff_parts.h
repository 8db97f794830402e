/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to decode/diff*.c. */
#ifndef VTBPF_DIFF_PARTS_H
#define VTBPF_DIFF_PARTS_H

#include "diff.h"

/* ---- diff_measure.c --------------------------------------------------------------------- */

/* Measures the functions of a run. number_of: the profile's functions in the side's names. 0 or a
 * negative errno. */
int diff_measure__run(struct diff_run *run, const struct profile *p, const uint32_t *number_of);

/* ---- diff_names.c ----------------------------------------------------------------------- */

/* Makes the entries: which function of one side is which of the other. 0 or -ENOMEM. */
int diff_names__match(struct diff *d);

/* ---- diff_judge.c ----------------------------------------------------------------------- */

/* Verdicts of functions that are in both: slower, faster, same. 0 or -ENOMEM. */
int diff_judge__entries(struct diff *d);

/* ---- diff_pace.c ------------------------------------------------------------------------ */

struct diff_paced {
	bool known;    /* else the rest is not */
	bool matters;  /* it is often and long enough called for this alone to be enough */
	double change; /* of self time, at the same pace of the machine: a logarithm */
	double error;  /* its variance */
	double plain;  /* change, whatever the pace was */
	bool follows; /* it is known how the function follows the pace, and plain does not matter */
};

/* One run against one other, each of the entries that are judged; `to`: zeroed, one for each entry. Of
 * several runs, or too few functions, none is known. 0 or -ENOMEM. */
int diff_pace__estimate(struct diff *d, struct diff_paced *to);

/* ---- diff_calls.c ----------------------------------------------------------------------- */

/* Whose number of calls changed, of all entries. value: scratch, one for each. */
void diff_calls__judge(struct diff *d, double *value);

/* ---- diff_stats.c ----------------------------------------------------------------------- */

void diff_stats__sort(double *value, size_t n);

/* Sorts them, of which there is one at least. */
double diff_stats__median(double *value, size_t n);

/* What is common to the sorted values: their median, if three quarters of them lie about there or beyond;
 * otherwise what three quarters have, or 0. Where some functions are slower and the others are as they
 * were, that is no property of the machine. */
double diff_stats__common(const double *value, size_t n);

/* The standard deviation of the sorted values, of which some may lie anywhere. Changes them. */
double diff_stats__scatter(double *value, size_t n, double shift);

/* How likely is it that |t| is that great by chance? Student's distribution by the approximation of
 * Wallace (1959), which is off by less than a hundredth of z. */
double diff_stats__chance(double t, double freedom);

/* ---- all -------------------------------------------------------------------------------- */

/* NULL when the run has no such function. */
static inline const struct diff_measure *diff_run__measure(const struct diff_run *run,
							   int64_t function)
{
	if (function < 0 || (size_t)function >= run->n)
		return NULL;
	return &run->measures[function];
}

#endif
