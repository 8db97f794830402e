/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --sample-rate: when to record, for a given part of the time. Each period has one window at a random
 * place, so that no rhythm of the target is met always in the same moment. Pure: it has no clock.
 */
#ifndef VTBPF_DUTY_H
#define VTBPF_DUTY_H

#include <stdbool.h>
#include <stdint.h>

struct duty {
	double fraction;
	uint64_t longest; /* period, ns */
	uint64_t edge;	  /* what it takes to attach and detach, ns */
	uint64_t random;
	uint64_t period_end;
	uint64_t from, until; /* the window of this period */
};

/* fraction: more than 0, less than 1. longest: a period, where the fraction lets one choose; short
 * traces want short ones. now: CLOCK_MONOTONIC ns, as everywhere here. */
void duty__init(struct duty *d, double fraction, uint64_t longest, uint64_t seed);

/* How long attaching and detaching took the last time, ns. */
void duty__note_edge(struct duty *d, uint64_t ns);

/* Shall be recorded now? `now` must not go back. */
bool duty__is_on(struct duty *d, uint64_t now);

/* When that changes next. After duty__is_on() of the same now. */
uint64_t duty__next(const struct duty *d, uint64_t now);

#endif
