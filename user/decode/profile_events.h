/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What opens and closes on a track of a profile, in order of time. Calls of a capture come in order of
 * their ends, and so are walked backwards for their begins; these wait in a spool, 16 bytes each.
 */
#ifndef VTBPF_PROFILE_EVENTS_H
#define VTBPF_PROFILE_EVENTS_H

#include "profile.h"

struct profile_event {
	uint64_t at; /* ns */
	uint32_t function;
	bool opens;
	uint8_t flags; /* PROFILE_OPEN_* of the call */
};

/* Returns 0 or a negative errno that ends it. */
typedef int (*profile_event_fn)(void *arg, const struct profile_event *ev);

/* 0 or a negative errno. */
int profile_events__run(const struct profile *p, const struct profile_track *t, profile_event_fn fn,
			void *arg);

#endif
