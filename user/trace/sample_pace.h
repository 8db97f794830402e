/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often stacks may be sampled when that must not cost more than a part of the time. Pure.
 *
 * What is recorded counts in periods of CPU time, of which a sample stands for several when the timers
 * fire less often: they fire each `every` periods.
 */
#ifndef VTBPF_SAMPLE_PACE_H
#define VTBPF_SAMPLE_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct sample_pace {
	uint64_t period; /* ns */
	double cost;	 /* of a sample, ns of the thread's time */
	double busy;	 /* part of the time for which a thread that is sampled has a CPU */
	double edge;	 /* what setting timers anew costs, ns */
	unsigned int notes;
};

/* cost: what a sample is thought to cost before one was seen. */
void sample_pace__init(struct sample_pace *p, uint64_t period, uint64_t cost);

/* With timers each `every` periods, samples of `periods` together have cost so much, ns. False when these
 * are too few to tell: then ask again with more. */
bool sample_pace__note(struct sample_pace *p, uint32_t every, uint64_t periods, uint64_t spent);

/* For this part of the time the target had a CPU. Told several times a second; that it needs less is
 * believed after some seconds. */
void sample_pace__note_busy(struct sample_pace *p, double busy);

/* Setting the timers anew cost so much, ns. */
void sample_pace__note_edge(struct sample_pace *p, uint64_t edge);

/* Each how many periods timers may fire for `share` of the time: 1 at least; 0 when one in a second is
 * too much. */
uint32_t sample_pace__choose(const struct sample_pace *p, double share);

/* Is `every` so far from what share allows that setting the timers anew is worth it? held: for how long
 * they have been set, ns. */
bool sample_pace__has_drifted(const struct sample_pace *p, uint32_t every, double share,
			      uint64_t held);

/* Samples per second of CPU time. */
double sample_pace__hz(const struct sample_pace *p, uint32_t every);

#endif
