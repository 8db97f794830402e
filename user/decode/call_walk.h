/* SPDX-License-Identifier: GPL-2.0-only */
/* Walks the calls of one track of a profile, callers before what they call. */
#ifndef VTBPF_CALL_WALK_H
#define VTBPF_CALL_WALK_H

#include "profile.h"

/* A call that is open while one walks. */
struct walk_frame {
	uint64_t start, end; /* ns */
	uint32_t function;
	uint32_t flags;	   /* PROFILE_OPEN_* */
	bool sampled;	   /* no call: a slice of samples */
	uint64_t inner_ns; /* of the calls directly beneath; all of them when the frame is left */
	uint64_t user;	   /* the visitor's own */
};

/*
 * enter: a call begins beneath parent, which is NULL for an outermost one. leave: all beneath it has
 * been seen. misfit: a call that does not nest with what is open, and is not walked; may be NULL, as
 * may leave. Each returns 0 or a negative errno that ends the walk. counted: only calls that
 * profile__counts(), with what they call.
 */
struct walk_visitor {
	int (*enter)(void *arg, struct walk_frame *frame, const struct walk_frame *parent);
	int (*leave)(void *arg, struct walk_frame *frame, const struct walk_frame *parent);
	int (*misfit)(void *arg, const struct profile_call *call);
	void *arg;
	bool counted;
};

/* Calls come in order of time where the track is by_start, and else backwards, from the last to the
 * first. 0 or a negative errno. */
int call_walk__run(const struct profile *p, const struct profile_track *t,
		   const struct walk_visitor *v);

#endif
