/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What calls were made with, from the record that comes when a call begins to the one that comes when it
 * has ended. What belongs to a call that never comes, for it was left out, goes when a later call shows
 * that it is over: no more is kept than there are calls open, and some.
 */
#ifndef VTBPF_CALL_ARGS_H
#define VTBPF_CALL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session.h"

/* UTF-8; belongs to struct call_args, until the next call is asked for. */
struct call_arg {
	struct event_bytes name, text;
};

struct args_track;

/* Zeroed, it is empty. */
struct call_args {
	struct args_track *tracks;
	size_t kept;			     /* of all tracks */
	struct call_arg arg[VTBPF_MAX_ARGS]; /* of the call asked for last */
	size_t n;
	char *text;
	size_t used, room;
};

void call_args__release(struct call_args *c);

/* Takes a VTBPF_EVENT_ARGS of the thread. 0 or -ENOMEM. */
int call_args__add(struct call_args *c, const struct thread *th, const struct event *ev);

/* The thread has ended. */
void call_args__end(struct call_args *c, const struct thread *th);

/* What is known of a call that was made, and forgets it. code: of the call. Arguments are shown only if
 * the capture says so of that function. 0 with c->n arguments, or -ENOMEM. */
int call_args__take(struct call_args *c, const struct session *s, const struct thread *th,
		    const struct event_call *call, const struct code *code);

#endif
