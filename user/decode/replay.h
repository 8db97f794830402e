/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls of a capture as slices on tracks: the second reading.
 *
 * Knows which thread each record belongs to, applies the filter, checks the nesting, and joins
 * losses to gaps that do not overlap. Memory does not grow with the number of calls.
 */
#ifndef VTBPF_REPLAY_H
#define VTBPF_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "call_args.h"
#include "sampling.h"
#include "selection.h"
#include "trace_event.h"

struct slice {
	uint64_t start, dur; /* ns */
	struct track *track;
	const struct code *code;
	uint8_t flags;		     /* VTBPF_F_* of a call */
	bool sampled;		     /* not a call, but what samples have in common */
	const struct call_arg *args; /* what it was made with; until the next item */
	size_t n_args;
};

struct gap {
	uint64_t first, last; /* ns */
	uint64_t lost;	      /* calls, or samples */
	bool samples;
	struct track *track;
};

/* A sample is told of by itself, and slices are made of all samples besides. */
enum replay_kind { REPLAY_END, REPLAY_SLICE, REPLAY_GAP, REPLAY_SAMPLE, REPLAY_EVENT };

struct replay_item {
	union {
		struct slice slice;
		struct gap gap;
		struct stack_sample sample;
		struct trace_event event;
	};
};

struct replay {
	struct session *session;
	struct capture *capture;
	const struct slice_filter *filter;
	uint64_t slices;	    /* calls handed out */
	struct selection selection; /* and what it left out */
	struct sampling sampling;   /* its samples and their slices are counted there */
	struct trace_event_maker maker;
	struct call_args args;
	uint64_t moved;	      /* did not nest and went to a track of their own */
	uint64_t dropped;     /* did not nest anywhere */
	struct thread *flush; /* at the end: the next thread whose gap may wait */
	bool at_end;
};

/* What to read: the session has been read from the capture. All of it outlives the replay. */
struct replay_input {
	struct session *session;
	struct capture *capture;
	const struct slice_filter *filter;
};

/* Decides what the filter leaves out, and goes back to the start of the capture. 0, -ECANCELED or
 * another negative errno; cancel may be NULL. Release it in any case. */
int replay__start(struct replay *r, const struct replay_input *in, volatile bool *cancel);
void replay__release(struct replay *r);

/* The next slice, gap, sample or event: enum replay_kind, or a negative errno. */
int replay__next(struct replay *r, struct replay_item *item);

#endif
