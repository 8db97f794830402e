/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --max-overhead: an account of what vtbpf has cost the target, and how much more it may. Pure: it is
 * told the time and the costs, and decides.
 *
 * Costs are ns of the target's time, in which it did not come forward: the hits that it paid for, the
 * attaching and detaching, vtbpf's own CPU time where that was taken from the target. The limit holds
 * for any 10 s, and from vtbpf's start to its end: costs are paid from what has come together since
 * then, a little less than the limit.
 */
#ifndef VTBPF_BUDGET_H
#define VTBPF_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* What a window costs besides hits, to be charged: pages copied, caches and TLBs to be filled anew. */
#define BUDGET_EDGE_NS 150000ULL

#define BUDGET_BUCKET_NS 50000000ULL
#define BUDGET_BUCKETS 201 /* 10 s, and the one that is not over */

/* What is expected of a window, before one was seen. */
struct budget_guess {
	double intensity;     /* what the target loses of each ns while it is probed, 0 to 1 */
	uint64_t attach_trap; /* ns for which it is probed and not recorded, before ... */
	uint64_t detach_trap; /* ... and after */
};

struct budget {
	double stated; /* 0.02: two percent */
	uint64_t start, last;
	double room; /* what has come together, ns */
	uint64_t lost;
	uint64_t bucket[BUDGET_BUCKETS], bucket_no;
	uint64_t recent; /* sum of them */
	uint64_t worst;	 /* the most that was */
	struct budget_guess guess;
	uint64_t random;
	double jitter;
};

/* What a window has cost, of ns that target threads spent in hits. */
struct budget_window {
	uint64_t recorded;		     /* its length */
	uint64_t spent_recording;	     /* in hits */
	uint64_t spent_attach, spent_detach; /* while nothing was recorded */
	uint64_t detach_took;		     /* at most this long */
};

/* stated: the part of the time that may be lost. start: when vtbpf began, CLOCK_MONOTONIC ns. */
void budget__init(struct budget *b, double stated, uint64_t start,
		  const struct budget_guess *guess);

/* So much was lost, since the last time or at `now`. */
void budget__charge(struct budget *b, uint64_t now, uint64_t lost);

/* While a window is open: what is lost of each ns. Over, it is told once more and whole. */
void budget__note_intensity(struct budget *b, double intensity);
void budget__note_window(struct budget *b, const struct budget_window *w);

/* Is there enough for a window that is worth its attaching and detaching? */
bool budget__may_open(struct budget *b, uint64_t now);

/* When there will be, if nothing else is charged. */
uint64_t budget__next_open(struct budget *b, uint64_t now);

/* What the window that is open, or is about to be, may still cost before its end is asked for: enough is
 * held back for the end. */
uint64_t budget__allowance(struct budget *b, uint64_t now);

/* Would the shortest window worth the name break the limit, at whatever distance? */
bool budget__is_too_small(const struct budget *b);

/* ---- a cost that goes on all the time, as that of samples, in place of windows ------------------- */

/* What part of the time it may take in the long run; and from now on, which is less as long as too much
 * was spent. */
double budget__steady_share(const struct budget *b);
double budget__share_left(struct budget *b, uint64_t now);

/* May it begin? Must it end, for now? */
bool budget__may_begin(struct budget *b, uint64_t now);
bool budget__is_used_up(struct budget *b, uint64_t now);

/* The target is so quiet that it would lose no more than `intensity` of each ns. Would windows fit then,
 * with some room? */
bool budget__would_fit(const struct budget *b, double intensity);

/* It stayed so quiet: that is expected of the next window. */
void budget__expect(struct budget *b, double intensity);

struct budget_report {
	double stated, achieved, worst; /* worst of any 10 s */
};
struct budget_report budget__report(struct budget *b, uint64_t now);

#endif
