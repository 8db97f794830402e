/* SPDX-License-Identifier: GPL-2.0-only */
/* What triggers have fired, and which dumps are still to be made for it: cool-down, cap, and the time
 * after a hit that its dump is to have. Knows no clock: it is told. */
#ifndef VTBPF_HITS_H
#define VTBPF_HITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HIT_NAME_BYTES 256

struct hit {
	size_t trigger;		   /* which of them */
	uint64_t ts;		   /* when it was noticed, CLOCK_MONOTONIC ns */
	uint64_t value;		   /* ns, or calls in a second; 0: none */
	pid_t tid;		   /* 0: not known */
	char name[HIT_NAME_BYTES]; /* of what fired it */
};

struct hits_config {
	size_t triggers;
	uint64_t after_ns, cool_down_ns;
	unsigned int max; /* dumps of all triggers */
};

struct hits;

/* NULL when out of memory. */
struct hits *hits__new(const struct hits_config *cfg);
void hits__free(struct hits *h);

/* True when there will be a dump for it. */
bool hits__note(struct hits *h, const struct hit *hit);

/* Further hits that were only counted, in a cool-down. */
void hits__add_suppressed(struct hits *h, uint64_t n);

/* Takes out the oldest whose time after it is over by `now`, or the oldest of all. */
bool hits__take(struct hits *h, uint64_t now, bool all, struct hit *hit);

/* When the first that waits for its dump was noticed; UINT64_MAX: none waits. */
uint64_t hits__oldest(const struct hits *h);

struct hits_sums {
	uint64_t taken;	     /* that got, or will get, a dump */
	uint64_t suppressed; /* in a cool-down */
	uint64_t beyond;     /* when there were `max` already */
};

void hits__sums(const struct hits *h, struct hits_sums *sums);

#endif
