// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stdlib.h>

#include "diff_parts.h"

#define GROUP_MIN 5 /* functions: of fewer, nothing is usual */
#define TAIL_MIN 10 /* functions of which one in five tells how they scatter */
#define TAIL_PART 0.8
#define TAIL_SIGMA 1.28 /* standard deviations, of a normal distribution */
#define TAIL_MAX 0.08

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of sorted values. */
static double middle(const double *value, size_t n)
{
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

double diff_stats__median(double *value, size_t n)
{
	qsort(value, n, sizeof(*value), by_value);
	return middle(value, n);
}

double diff_stats__common(const double *value, size_t n)
{
	double low, high, nearest;

	if (n < 2)
		return 0;
	low = value[(n - 1) / 4];
	high = value[n - 1 - (n - 1) / 4];
	nearest = low > 0 ? low : high < 0 ? high : 0;
	return fabs(nearest) > fabs(middle(value, n)) / 2 ? middle(value, n) : nearest;
}

/* The standard deviation of the values if they are normal but for some of them: from the shortest stretch
 * that holds half of them. Sorts them. */
static double half_scatter(double *value, size_t n)
{
	size_t half = (n + 1) / 2, i;
	double best = INFINITY;

	for (i = 0; i + half <= n; i++)
		best = fmin(best, value[i + half - 1] - value[i]);
	return best / 2 * 1.4826;
}

/* The same from what one in five exceeds: where some functions suffer more from the machine than others.
 * Those may have been changed, too, and so this is limited. */
static double tail_scatter(double *value, size_t n, double shift)
{
	size_t i;

	for (i = 0; i < n; i++)
		value[i] = fabs(value[i] - shift);
	qsort(value, n, sizeof(*value), by_value);
	return fmin(value[(size_t)(TAIL_PART * (double)n)] / TAIL_SIGMA, TAIL_MAX);
}

double diff_stats__scatter(double *value, size_t n, double shift)
{
	double least = n < GROUP_MIN ? 0 : fmin(half_scatter(value, n), TAIL_MAX);

	return n < TAIL_MIN ? least : fmax(least, tail_scatter(value, n, shift));
}

double diff_stats__chance(double t, double freedom)
{
	double z = (8 * freedom + 1) / (8 * freedom + 3) * sqrt(freedom * log1p(t * t / freedom));

	return erfc(z / sqrt(2));
}

void diff_stats__sort(double *value, size_t n)
{
	if (n)
		qsort(value, n, sizeof(*value), by_value);
}
