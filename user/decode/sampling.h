/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Samples, and the slices made of them: what replay does with a capture of --hz.
 *
 * Filters work as on calls: of a stack an ignored function and what lies beneath it is left out, and
 * what its callers did by then is theirs. A sample of which nothing stays is left out.
 */
#ifndef VTBPF_SAMPLING_H
#define VTBPF_SAMPLING_H

#include "sample_slices.h"
#include "selection.h"

/* A thread was here for `weight` periods. With --wall that may be a wait, whose last frame is a
 * code_mark. */
struct stack_sample {
	struct track *track;
	const struct code *const *frames; /* outermost first; until the next event */
	size_t n;			  /* 0: it runs no Python code */
	uint64_t from, to;		  /* ns; the time that it stands for */
	uint64_t weight;
};

struct sampling {
	struct selection *selection;
	struct sample_slices *slices;
	struct event_sampling now; /* period 0: no sampling goes on */
	uint64_t samples;	   /* handed out, by weight */
	uint64_t n_slices;
	const struct code *frames[VTBPF_MAX_SAMPLED + 2]; /* of the sample handed out last */
	size_t n;
};

/* 0 or -ENOMEM. Release it in any case. */
int sampling__start(struct sampling *s, struct selection *sel);
void sampling__release(struct sampling *s);

/* An event of the capture: 1 when it gave a sample, 0, or -ENOMEM. */
int sampling__event(struct sampling *s, const struct event *ev, struct stack_sample *out);

/* After the last event. 0 or -ENOMEM. */
int sampling__end(struct sampling *s);

/* A slice that is whole by now; false when there is none. To be asked until then after each event. */
bool sampling__take(struct sampling *s, struct sampled_slice *out);

#endif
