/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a function get slower, or faster, while the trace lasts? Logarithms of durations are averaged in
 * equal stretches of time, so that neither a few long calls nor a busy stretch decides; the averages are
 * put to the test of Mann and Kendall (Mann 1945; Kendall, Rank Correlation Methods), which allows for how
 * alike neighbours are; the slope is that of Theil and Sen.
 */
#ifndef VTBPF_TREND_H
#define VTBPF_TREND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREND_BINS 32

/* Zeroed is empty. */
struct trend {
	uint32_t n[TREND_BINS];
	double sum[TREND_BINS]; /* of logarithms */
};

struct trend_result {
	double chance; /* that there is none, and these averages come out so by accident: 0 to 1 */
	double change; /* from the begin of the trace to its end, part of the begin: 1 is doubled */
};

/* A call, at that part (0 to 1) of the trace, by the logarithm of its duration. */
void trend__add(struct trend *t, double part, double log_ns);

/* false when there are too few calls in too few stretches to tell. */
bool trend__find(const struct trend *t, struct trend_result *r);

#endif
