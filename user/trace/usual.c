// SPDX-License-Identifier: GPL-2.0-only
#include "usual.h"

#include <stdlib.h>

#define FORGET_AT 100000. /* calls: from there on older ones count half */
#define MAD_TO_SIGMA 1.4826
#define SIGMAS 10.
#define LEAST_EXCESS_NS 1e6

/* Where a bin begins, ns: the inverse of duration_bin() on the kernel side. */
static double bin_start(unsigned int bin)
{
	unsigned int octave = bin >> WATCH_BIN_BITS, part = bin & ((1 << WATCH_BIN_BITS) - 1);

	if (!octave)
		return part;
	return (double)(((1ULL << WATCH_BIN_BITS) + part) << (octave - 1));
}

bool usual__add(struct usual *u, const uint32_t *bins, uint32_t *seen)
{
	uint64_t added = 0;

	for (unsigned int i = 0; i < WATCH_BINS; i++) {
		uint32_t more = bins[i] - seen[i];

		seen[i] += more;
		u->bins[i] += more;
		added += more;
	}
	u->total += added;
	if (u->total < FORGET_AT)
		return added;
	u->total = 0;
	for (unsigned int i = 0; i < WATCH_BINS; i++) {
		u->bins[i] /= 2;
		u->total += u->bins[i];
	}
	return true;
}

double usual__quantile(const struct usual *u, double q)
{
	double left = q * u->total;

	for (unsigned int i = 0; i < WATCH_BINS; i++) {
		double from = bin_start(i), to = bin_start(i + 1);

		if (u->bins[i] > 0 && left <= u->bins[i])
			return from + (to - from) * left / u->bins[i];
		left -= u->bins[i];
	}
	return bin_start(WATCH_BINS);
}

struct deviation {
	double ns, weight;
};

static int by_size(const void *a, const void *b)
{
	const struct deviation *x = a, *y = b;

	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

/* Median of the distances from the median; each bin counts as its middle. */
static double mad(const struct usual *u, double median)
{
	struct deviation d[WATCH_BINS];
	double left = u->total / 2;
	size_t n = 0;

	for (unsigned int i = 0; i < WATCH_BINS; i++) {
		double middle = (bin_start(i) + bin_start(i + 1)) / 2;

		if (u->bins[i] > 0)
			d[n++] = (struct deviation){ middle < median ? median - middle :
								       middle - median,
						     u->bins[i] };
	}
	qsort(d, n, sizeof(*d), by_size);
	for (size_t i = 0; i < n; i++) {
		left -= d[i].weight;
		if (left <= 0)
			return d[i].ns;
	}
	return 0;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

uint64_t usual__limit(const struct usual *u)
{
	double median, limit;

	if (u->total < USUAL_WARM_UP)
		return 0;
	median = usual__quantile(u, 0.5);
	limit = median + SIGMAS * MAD_TO_SIGMA * mad(u, median);
	limit = larger(limit, 2 * median);
	limit = larger(limit, 1.5 * usual__quantile(u, 0.99));
	return larger(limit, median + LEAST_EXCESS_NS);
}
