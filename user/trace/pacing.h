/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a recording records, where that is not all the time: in windows at random moments
 * (--sample-rate), in windows that together cost no more than is allowed (--max-overhead), or by samples
 * of which that is true, at certain hours (--active), and not while it is paused (`vtbpf ctl`). Private
 * to the recording.
 */
#ifndef VTBPF_PACING_H
#define VTBPF_PACING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "budget.h"
#include "duty.h"
#include "own_cost.h"
#include "pacing_samples.h"
#include "tracer.h"

struct recording;

struct pacing {
	bool on;		 /* one of the three; else nothing here is used */
	bool in_windows;	 /* by rate or budget */
	bool open;		 /* recording goes on: the probes are set */
	bool too_small;		 /* the budget is, for windows; that was said */
	bool warned;		 /* of that, before */
	bool announced;		 /* that it does, to who waits for it */
	bool off_hours, by_user; /* why it is paused */
	struct duty duty;
	struct budget budget;
	struct own_cost own;
	struct pacing_samples samples;
	uint32_t site_costs[VTBPF_MAX_SITES];
	uint64_t next_hours, next_own, next_names, next_idle;
	uint64_t told, told_at;	 /* what the target spent, as far as it is charged */
	uint64_t window_began;	 /* what it had spent by then ... */
	uint64_t window_charged; /* ... and what is charged of what it spent since */
	uint64_t attach_ns;	 /* what the last attach took */
	uint64_t holder_cpu;	 /* charged */
	double lanes;		 /* how many threads of the target pay at once */
	uint64_t quiet_since, quiet_at, quiet_cpu; /* see pacing_cost__tick(): 0 is not quiet */
	uint64_t target_cpu, own_target_cpu;
	unsigned int windows;
	uint64_t recorded; /* sum of the windows that are over, ns */
};

/* What the tracer must know before it is made. 0 or a negative errno, after a message. */
int pacing__prepare(struct recording *r, struct tracer_config *cfg);

/* In place of the first window__open(); the session has been written. 0 or a negative errno. */
int pacing__begin(struct recording *r);

/* Opens and closes windows. */
void pacing__tick(struct recording *r, uint64_t now);

/* When tick has something to do at the latest; not later than `most` ns from now. */
uint64_t pacing__wait(struct recording *r, uint64_t now, uint64_t most);

/* The last window ends; what it all cost is written. */
int pacing__end(struct recording *r);

/* `vtbpf ctl pause` and `resume`. 0 or a negative errno. */
int pacing__pause(struct recording *r);
void pacing__resume(struct recording *r);

/* The window that is open, as if it ended at `end`: for a dump. */
void pacing__put_window(struct recording *r, uint64_t end);

/* Is nothing recorded now, between two windows or in a pause? */
bool pacing__is_closed(const struct recording *r);

/* Is there no hurry to read the ring? What that costs counts. */
bool pacing__may_doze(const struct recording *r);

/* May a segment end now? Windows lie in one; one that goes on for long is ended for that. */
bool pacing__may_cut(const struct recording *r);

/* Lines of the status. */
void pacing__status(struct recording *r, FILE *out);

#endif
