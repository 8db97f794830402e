/* SPDX-License-Identifier: GPL-2.0-only */
/* What calls of a profile were made with, in a temporary file: for a format that shows it. */
#ifndef VTBPF_PROFILE_ARGS_H
#define VTBPF_PROFILE_ARGS_H

#include <linux/types.h>

#include "../../bpf/vtbpf.h"
#include "profile.h"

struct profile_args;

struct profile_args_call {
	uint64_t track;	     /* number of the track on which the call lies */
	uint64_t start, dur; /* ns */
	uint64_t n;
	struct profile_text text[2 * VTBPF_MAX_ARGS]; /* name, value, name, ... */
};

/* Takes those of a call that was added to its track, in a profile that keeps them. 0 or a negative
 * errno. */
int profile_args__add(struct profile *p, const struct profile_args_call *call);

/* From the first call on again. 0 or a negative errno. */
int profile_args__rewind(struct profile *p);

/* The next call, valid until the one after it: 1, 0 at the end, or a negative errno. */
int profile_args__next(struct profile *p, struct profile_args_call *call);

void profile_args__free(struct profile_args *args);

#endif
