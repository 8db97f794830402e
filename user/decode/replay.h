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

#include "filter.h"
#include "session.h"

struct slice {
	uint64_t start, dur; /* ns */
	struct track *track;
	const struct code *code;
	uint8_t flags; /* VTBPF_F_* of a call */
};

struct gap {
	uint64_t first, last; /* ns */
	uint64_t lost;	      /* calls */
	struct track *track;
};

enum replay_kind { REPLAY_END, REPLAY_SLICE, REPLAY_GAP };

struct replay_item {
	union {
		struct slice slice;
		struct gap gap;
	};
};

struct replay {
	struct session *session;
	struct capture *capture;
	const struct slice_filter *filter;
	uint64_t slices;      /* handed out */
	uint64_t filtered;    /* left out by the filter */
	uint64_t moved;	      /* did not nest and went to a track of their own */
	uint64_t dropped;     /* did not nest anywhere */
	struct thread *flush; /* at the end: the next thread whose gap may wait */
	bool at_end;
};

/* Decides which threads are ignored, and goes back to the start of the capture. 0 or a negative
 * errno. */
int replay__start(struct replay *r, struct session *s, struct capture *c,
		  const struct slice_filter *filter);

/* The next slice or gap: enum replay_kind, or a negative errno. */
int replay__next(struct replay *r, struct replay_item *item);

#endif
