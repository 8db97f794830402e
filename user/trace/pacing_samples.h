/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --max-overhead where stacks are sampled: because that was asked for (--hz), or in place of windows
 * that cost too much. Private to pacing*.c.
 */
#ifndef VTBPF_PACING_SAMPLES_H
#define VTBPF_PACING_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sample_pace.h"
#include "switches.h"
#include "tracer.h"

struct recording;

struct pacing_samples {
	bool possible;	     /* the tracer is made for it */
	bool asked;	     /* by --hz: there are no windows */
	bool tried;	     /* what a timer costs was measured */
	bool refused;	     /* was said */
	bool said;	     /* at which rate it begins */
	uint32_t every;	     /* the timers fire each so many periods */
	uint64_t timer_cost; /* ns, without what is done then */
	struct switches switches;
	uint64_t switch_cost; /* ns */
	uint64_t began;	      /* the present stretch */
	uint64_t noted;	      /* periods of it whose cost is known ... */
	uint64_t spent;	      /* ... and ns spent since */
	uint64_t sampled;     /* sum of the stretches that are over, ns */
	double hz_time;	      /* and of their rates times their lengths */
	struct sample_pace pace;
};

/* Before the tracer is made: that it can sample, too, where windows may turn out too dear. */
void pacing_samples__prepare(struct recording *r, struct tracer_config *cfg);

/* Samples cannot be taken of this target. False: then nothing can be done. */
bool pacing_samples__give_up(struct recording *r, struct tracer_config *cfg);

/* Windows cost too much: can samples be taken instead, for less? */
bool pacing_samples__fall_back(struct recording *r);

/* Shall samples be taken now, and, while they are, go on to be at this rate? */
bool pacing_samples__shall_be_open(struct recording *r, uint64_t now);

/* A stretch of samples is about to begin; has ended, with all that belongs to it: setting and removing the
 * timers has cost `edge` ns. */
void pacing_samples__before(struct recording *r, uint64_t now);
void pacing_samples__after(struct recording *r, uint64_t edge);

/* What all threads together spent since the last time, ns, and how many of them had a CPU, on average. */
void pacing_samples__note(struct recording *r, uint64_t now, uint64_t spent, double busy);

void pacing_samples__release(struct recording *r);

/* Samples per second of CPU time, on average, in the time that was sampled, ns; 0: none were taken. */
double pacing_samples__mean_hz(const struct recording *r, uint64_t *sampled);

/* Lines of the status: the mode, and the rate. */
void pacing_samples__status(const struct recording *r, FILE *out);

#endif
