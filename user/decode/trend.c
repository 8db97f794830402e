// SPDX-License-Identifier: GPL-2.0-only
#include "trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* Averages of the stretches that have calls, and when these are, 0 to 1. */
struct stretches {
	size_t n;
	double mean[TREND_BINS], at[TREND_BINS];
};

/* Of three curves that know nothing of one another, the value at x of the k-th: 1, x, x * x - curve. */
static double part(size_t k, double x, double curve)
{
	return k == 0 ? 1 : k == 1 ? x : x * x - curve;
}

/* What is left of the averages once the parabola that fits best is taken away. */
static void take_parabola_away(const struct stretches *s, double *rest)
{
	double middle = ((double)s->n - 1) / 2, curve = (double)(s->n * s->n - 1) / 12;
	size_t i, k;

	memcpy(rest, s->mean, s->n * sizeof(*rest));
	for (k = 0; k < 3; k++) {
		double product = 0, square = 0;

		for (i = 0; i < s->n; i++) {
			double value = part(k, (double)i - middle, curve);

			product += s->mean[i] * value;
			square += value * value;
		}
		for (i = 0; i < s->n; i++)
			rest[i] -= product / square * part(k, (double)i - middle, curve);
	}
}

#define IN_ORDER 0.6 /* all pairs less twice those against it: then there is no doubt */
#define SIMILAR_MAX 0.95

/*
 * How many times wider the statistic spreads than if stretches knew nothing of each other. A machine that
 * is busy for a while is so in several of them, and what looks like a trend may be no more than that: by
 * how much a stretch is like the one before it, once a curve is taken away (Matalas and
 * Sankarasubramanian, Water Resources Research 2003). The curve takes some of that likeness with it, which
 * is given back.
 */
static double widening(const struct stretches *s)
{
	double n = (double)s->n, rest[TREND_BINS], all = 0, next = 0, r, sum = 1;
	size_t i;

	take_parabola_away(s, rest);
	for (i = 0; i < s->n; i++) {
		all += rest[i] * rest[i];
		next += i ? rest[i] * rest[i - 1] : 0;
	}
	if (all <= 0)
		return 1;
	r = (n * next / all + 3) / (n - 8);
	r = fmin(fmax(r, 0), SIMILAR_MAX);
	for (i = 1; i < s->n; i++)
		sum += 2 * (1 - (double)i / n) * pow(r, (double)i);
	return sum;
}

/* The pairs of which the later is greater, less those of which it is less; and the median slope. */
static int count_pairs(const struct stretches *s, double *median_slope)
{
	double slope[TREND_BINS * TREND_BINS / 2] = {};
	size_t i, j, pairs = 0;
	int sum = 0;

	for (i = 0; i < s->n; i++) {
		for (j = i + 1; j < s->n; j++) {
			sum += (s->mean[j] > s->mean[i]) - (s->mean[j] < s->mean[i]);
			slope[pairs++] = (s->mean[j] - s->mean[i]) / (s->at[j] - s->at[i]);
		}
	}
	*median_slope = median(slope, pairs);
	return sum;
}

bool trend__find(const struct trend *t, struct trend_result *r)
{
	struct stretches s = {};
	double z, variance, slope, pairs;
	uint64_t calls = 0;
	int sum;

	for (size_t i = 0; i < TREND_BINS; i++) {
		if (!t->n[i])
			continue;
		calls += t->n[i];
		s.mean[s.n] = t->sum[i] / t->n[i];
		s.at[s.n++] = ((double)i + 0.5) / TREND_BINS;
	}
	if (s.n < BINS_MIN || calls < CALLS_MIN)
		return false;
	sum = count_pairs(&s, &slope);
	variance = (double)s.n * (double)(s.n - 1) * (2.0 * (double)s.n + 5) / 18;
	pairs = (double)s.n * (double)(s.n - 1) / 2;
	if (abs(sum) < IN_ORDER * pairs)
		variance *= widening(&s);
	z = sum ? (abs(sum) - 1) / sqrt(variance) : 0;
	r->chance = erfc(z / sqrt(2));
	r->change = exp(slope) - 1;
	return true;
}
