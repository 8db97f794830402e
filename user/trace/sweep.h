/* SPDX-License-Identifier: GPL-2.0-only */
/* What stays in the maps when the probes are gone, turned into the records it would have become. */
#ifndef VTBPF_SWEEP_H
#define VTBPF_SWEEP_H

#include "thread_map.h"
#include "tracer.h"

struct sweep {
	struct thread_map threads;
	int stacks_fd, deep_fd; /* maps; nothing writes to them any more */
	uint64_t min_duration_ns;
	uint32_t max_stack_depth;
	uint64_t end;		      /* CLOCK_MONOTONIC ns: when open calls are cut off */
	struct vtbpf_counters totals; /* of threads that ended; grows by those of the others */
	bool live; /* the maps are in use: only what two looks have in common is taken */
	tracer_record_fn fn;
	void *ctx;
};

/* Hands on calls still open (innermost first, so that callees precede callers), losses, threads not
 * announced, then the counters. 0, a negative errno, or fn's nonzero value. */
int sweep__run(struct sweep *s);

/* Takes the frames of thread tid out of the hash. */
void sweep__forget_deep(int deep_fd, uint32_t tid);

/* Empties a map that has keys of its own. */
void sweep__clear(int map_fd);

/* Adds what one thread counted to a sum. */
void counters__add(struct vtbpf_counters *sum, const struct vtbpf_counters *c);

#endif
