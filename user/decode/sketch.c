// SPDX-License-Identifier: GPL-2.0-only
#include "sketch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SUB_BITS 5

/* Buckets to the doubling; values below are exact. */
static uint32_t sub_of(const struct sketch *s)
{
	return 1u << (SUB_BITS + s->finer);
}

/* Values below sub are buckets of their own: doubling 0. */
static uint32_t bucket_of(const struct sketch *s, uint64_t value)
{
	uint32_t sub = sub_of(s);
	unsigned int shift;

	if (value < sub)
		return (uint32_t)value;
	shift = 63 - (unsigned int)__builtin_clzll(value) - SUB_BITS - s->finer;
	return (shift + 1) * sub + (uint32_t)((value >> shift) & (sub - 1));
}

/* The middle of a bucket. */
static double value_of(const struct sketch *s, uint32_t bucket)
{
	uint32_t sub = sub_of(s);
	unsigned int shift = bucket / sub;

	if (!shift)
		return bucket;
	return ldexp((double)(sub + bucket % sub) + 0.5, (int)shift - 1) - 0.5;
}

void sketch__release(struct sketch *s)
{
	free(s->count);
	memset(s, 0, sizeof(*s));
}

/* Makes room for doubling d. */
static int reach(struct sketch *s, uint32_t d)
{
	uint32_t first = s->width && s->first < d ? s->first : d;
	uint32_t end = s->width && s->first + s->width > d + 1 ? s->first + s->width : d + 1;
	uint64_t *count;

	if (s->width && first == s->first && end == s->first + s->width)
		return 0;
	count = calloc((size_t)(end - first) * sub_of(s), sizeof(*count));
	if (!count)
		return -ENOMEM;
	if (s->width)
		memcpy(count + (size_t)(s->first - first) * sub_of(s), s->count,
		       (size_t)s->width * sub_of(s) * sizeof(*count));
	free(s->count);
	s->count = count;
	s->first = first;
	s->width = end - first;
	return 0;
}

int sketch__add(struct sketch *s, uint64_t value)
{
	uint32_t b = bucket_of(s, value);
	int err = reach(s, b / sub_of(s));

	if (err)
		return err;
	s->count[b - s->first * sub_of(s)]++;
	s->n++;
	return 0;
}

int sketch__copy(struct sketch *to, const struct sketch *from)
{
	size_t bytes = (size_t)from->width * sub_of(from) * sizeof(*from->count);

	*to = *from;
	to->count = NULL;
	if (!bytes)
		return 0;
	to->count = malloc(bytes);
	if (!to->count) {
		memset(to, 0, sizeof(*to));
		return -ENOMEM;
	}
	memcpy(to->count, from->count, bytes);
	return 0;
}

/* Of rank r, from 0 on. */
static double ranked(const struct sketch *s, uint64_t r)
{
	uint32_t i;

	for (i = 0; i < s->width * sub_of(s); i++) {
		if (r < s->count[i])
			return value_of(s, s->first * sub_of(s) + i);
		r -= s->count[i];
	}
	return 0;
}

double sketch__quantile(const struct sketch *s, double q)
{
	double rank = s->n ? q * (double)(s->n - 1) : 0, below = floor(rank), lower, upper;

	lower = ranked(s, (uint64_t)below);
	if (rank <= below)
		return lower;
	upper = ranked(s, (uint64_t)below + 1);
	return lower + (upper - lower) * (rank - below);
}

double sketch__at(const struct sketch *s, double q)
{
	return s->n ? ranked(s, (uint64_t)(q * (double)(s->n - 1))) : 0;
}

struct deviation {
	double far;
	uint64_t n;
};

static int by_far(const void *a, const void *b)
{
	double x = ((const struct deviation *)a)->far, y = ((const struct deviation *)b)->far;

	return (x > y) - (x < y);
}

double sketch__log_deviation(const struct sketch *s, double middle)
{
	uint32_t i, m = 0, buckets = s->width * sub_of(s);
	struct deviation *d = s->n && middle > 0 ? calloc(buckets, sizeof(*d)) : NULL;
	uint64_t seen = 0;
	double value, result = 0;

	for (i = 0; d && i < buckets; i++) {
		value = value_of(s, s->first * sub_of(s) + i);
		if (!s->count[i])
			continue;
		d[m].far = fabs(log((value > 0 ? value : 0.5) / middle));
		d[m++].n = s->count[i];
	}
	if (m)
		qsort(d, m, sizeof(*d), by_far);
	for (i = 0; i < m && 2 * seen < s->n; i++) {
		seen += d[i].n;
		result = d[i].far;
	}
	free(d);
	return result;
}
