/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long a function usually takes, learned as it runs: a histogram of its durations, old ones
 * counting less and less, and from that what is no longer usual. Robust: a few outliers move neither
 * the median nor the median deviation from it.
 */
#ifndef VTBPF_USUAL_H
#define VTBPF_USUAL_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "../../bpf/vtbpf.h"

#define USUAL_WARM_UP 100 /* calls, before which nothing is unusual */

struct usual {
	double bins[WATCH_BINS];
	double total;
};

/* Adds what the counters of the kernel side have more than when they were read last; `seen` is updated.
 * False when that is nothing. */
bool usual__add(struct usual *u, const uint32_t *bins, uint32_t *seen);

/* The duration below which the fraction q of all calls lie, ns. */
double usual__quantile(const struct usual *u, double q);

/*
 * A call that takes longer, in ns, is an outlier: more than ten times the usual deviation (MAD, scaled
 * to a standard deviation) above the median, and above twice the median, one and a half times the 99th
 * percentile, and the median plus a millisecond. 0 while it warms up.
 */
uint64_t usual__limit(const struct usual *u);

#endif
