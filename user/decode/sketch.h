/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Quantiles of many durations in bounded memory: counts in buckets of equal width relative to their
 * value, 32 to the doubling, so that what comes out is right within 1.6 %. At most 16 KB; 256 bytes for
 * each doubling between the smallest and the largest value.
 */
#ifndef VTBPF_SKETCH_H
#define VTBPF_SKETCH_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed is empty. */
struct sketch {
	uint64_t n;
	uint64_t *count;       /* of buckets first.. */
	uint32_t first, width; /* buckets, in doublings */
	uint32_t finer; /* set by the caller while it is empty: 2^finer times as many buckets */
};

void sketch__release(struct sketch *s);

/* One more value. 0 or -ENOMEM. */
int sketch__add(struct sketch *s, uint64_t value);

/* A copy of an empty one's place. 0 or -ENOMEM. */
int sketch__copy(struct sketch *to, const struct sketch *from);

/* The value below which the part q (0 to 1) of the values lies, between two of them interpolated as
 * spreadsheets do; and the value of rank floor(q (n - 1)) itself. 0 of none. */
double sketch__quantile(const struct sketch *s, double q);
double sketch__at(const struct sketch *s, double q);

/* Median of how far values are from `middle`, as a logarithm of their ratio: 0.1 is about 10 %. */
double sketch__log_deviation(const struct sketch *s, double middle);

#endif
