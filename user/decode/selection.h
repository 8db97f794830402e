/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which calls of a capture reach the output: those that all filters keep, the ones given now and the
 * ones that were in force while tracing. What the kernel let through before it knew better, it wrote
 * in a way that lets this find it.
 */
#ifndef VTBPF_SELECTION_H
#define VTBPF_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "filter.h"
#include "session.h"

/* Why a call is left out. */
enum removed {
	REMOVED_NOT = 0,
	REMOVED_THREAD,
	REMOVED_FUNCTION, /* for its own sake, or for that of one above it */
	REMOVED_SHORT,
	REMOVED_DEEP,
	REMOVED_OLD,
	REMOVED_KINDS,
};

/* Of one part of the session, which may have been recorded with filters of its own. */
struct selection_part {
	struct slice_filter recorded;	     /* threads and functions only */
	struct function_filter functions[2]; /* the given and the recorded ones */
	uint64_t too_old; /* so many finished calls are still to be left out as older */
};

struct selection {
	struct session *session;
	const struct slice_filter *given;
	struct selection_part *parts; /* as many as the session has */
	bool by_function, cuts;
	bool follows;	   /* C functions their callers, as to files */
	uint8_t *verdicts; /* by code->index; VERDICT_UNKNOWN */
	size_t n_verdicts;
	uint64_t removed[REMOVED_KINDS];
};

/* Decides on all threads, and reads the capture as often as the filter needs it. The session has been
 * read. Leaves the capture and the session's threads anywhere. 0, -ECANCELED or another negative
 * errno; cancel may be NULL. */
int selection__start(struct selection *sel, struct capture *c, volatile bool *cancel);
void selection__release(struct selection *sel);

/* Is the call, of thread th, left out? Asked once for each call, in their order; counts. */
enum removed selection__judge(struct selection *sel, struct thread *th, const struct event *ev);

/* What the filters say of a function, by itself: VTBPF_HIDE_*. */
uint8_t selection__verdict(struct selection *sel, const struct code *code);

/* Counts n samples of thread th, taken at ts, that are left out with their thread; 0 when it is
 * kept. */
enum removed selection__judge_sample(struct selection *sel, const struct thread *th, uint64_t ts,
				     uint64_t n);

/* The same of what is no call: with its thread, with the function in which it happened, or as older
 * than the newest calls. */
enum removed selection__judge_event(struct selection *sel, struct thread *th,
				    const struct event_other *o);

/* Calls left out in all, and threads left out by their names. */
uint64_t selection__removed(const struct selection *sel);
uint64_t selection__ignored_threads(const struct selection *sel);

/* The filters that the capture says were in force while that part of it was traced. The strings are
 * the session's, the arrays are freed with recorded_filter__release. 0 or -ENOMEM. */
int recorded_filter__read(const struct session *s, uint32_t part, struct slice_filter *f);
void recorded_filter__release(struct slice_filter *f);

#endif
