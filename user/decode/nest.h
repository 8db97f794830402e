/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Do the slices of a track nest? Viewers move or drop slices that overlap without nesting, so the
 * writer checks what the tracer promises.
 *
 * Slices come in order of their ends. What must be remembered of the past is then a row of disjoint
 * intervals, each waiting for a caller that encloses it. Siblings that wait for the same caller may
 * be many; where the row gets too long, neighbours of equal depth are joined, the oldest first.
 */
#ifndef VTBPF_NEST_H
#define VTBPF_NEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nest_interval {
	uint64_t start, end;
	uint32_t depth;
};

/* Zeroed is empty. */
struct nest {
	struct nest_interval *row; /* in order of time */
	size_t n, room;
};

void nest__release(struct nest *nest);

/* Takes the slice in if it nests with all that were taken before: 1; 0 when it does not;
 * -ENOMEM. */
int nest__take(struct nest *nest, const struct nest_interval *slice);

#endif
