// SPDX-License-Identifier: GPL-2.0-only
#include "trend.h"

#include <math.h>
#include <stdlib.h>

#define BINS_MIN 10 /* stretches with calls: fewer say nothing with confidence */
#define CALLS_MIN 50

void trend__add(struct trend *t, double part, double log_ns)
{
	size_t bin = part > 0 ? (size_t)(part * TREND_BINS) : 0;

	if (bin >= TREND_BINS)
		bin = TREND_BINS - 1;
	t->n[bin]++;
	t->sum[bin] += log_ns;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *value, size_t n)
{
	qsort(value, n, sizeof(*value), by_value);
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

bool trend__find(const struct trend *t, struct trend_result *r)
{
	double mean[TREND_BINS], at[TREND_BINS], slope[TREND_BINS * TREND_BINS / 2], z, variance;
	size_t i, j, m = 0, pairs = 0;
	uint64_t calls = 0;
	int s = 0;

	for (i = 0; i < TREND_BINS; i++) {
		if (!t->n[i])
			continue;
		calls += t->n[i];
		mean[m] = t->sum[i] / t->n[i];
		at[m++] = ((double)i + 0.5) / TREND_BINS;
	}
	if (m < BINS_MIN || calls < CALLS_MIN)
		return false;
	for (i = 0; i < m; i++) {
		for (j = i + 1; j < m; j++) {
			s += (mean[j] > mean[i]) - (mean[j] < mean[i]);
			slope[pairs++] = (mean[j] - mean[i]) / (at[j] - at[i]);
		}
	}
	variance = (double)m * (double)(m - 1) * (2.0 * (double)m + 5) / 18;
	z = s ? (abs(s) - 1) / sqrt(variance) : 0;
	r->chance = erfc(z / sqrt(2));
	r->change = exp(median(slope, pairs)) - 1;
	return true;
}
