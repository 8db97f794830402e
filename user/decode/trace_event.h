/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is no call, but has its place on the timeline, as people are shown it: a category, a name, and
 * what there is to say besides. What the numbers and texts of a record mean is known here alone.
 */
#ifndef VTBPF_TRACE_EVENT_H
#define VTBPF_TRACE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session.h"

enum trace_phase {
	TRACE_SLICE,
	TRACE_INSTANT,
	TRACE_COUNTER, /* its values are the args; they hold until the next one */
	/* Ends of an arrow: each in the slice of its track that lies around it. */
	TRACE_FLOW_BEGIN,
	TRACE_FLOW_END,
};

enum trace_arg_kind { TRACE_ARG_NUMBER, TRACE_ARG_TEXT, TRACE_ARG_CODE };

struct trace_arg {
	const char *key;
	enum trace_arg_kind kind;
	int64_t number;
	struct event_bytes text; /* any bytes */
	const struct code *code; /* shown by its name, as a call of it is */
};

#define TRACE_ARGS 4

struct trace_event {
	enum trace_phase phase;
	uint64_t start, dur; /* ns */
	struct track *track;
	const struct thread *thread; /* whose doing it is, whatever track it lies on */
	uint16_t what;		     /* enum vtbpf_event_what */
	uint64_t flow;		     /* of an arrow's ends: its number, the same at both */
	const char *cat;
	struct event_bytes name; /* any bytes; valid until the next event is made */
	struct trace_arg args[TRACE_ARGS];
	size_t n_args;
	bool alone; /* nothing else happens on its thread meanwhile: it need not be checked to nest */
};

/* Zeroed, it is ready. */
struct trace_event_maker {
	char *text; /* names and texts of the event */
	size_t used, room;
	const char *syscalls[VTBPF_SYSCALLS]; /* names by number, not ended; NULL: not known */
	const struct session_text *list;      /* that they were taken from */
	bool known;
	uint32_t part; /* of which they are known */
};

void trace_event__release(struct trace_event_maker *m);

/* What it is made of. */
struct trace_event_record {
	const struct event_other *other;
	const struct thread *thread;
};

/* Makes ev of the thread's record of the part being read, but for its track. 1; 0 when it is of a kind
 * that is not known or nothing of it was recorded; or -ENOMEM. */
int trace_event__make(struct trace_event_maker *m, const struct session *s,
		      const struct trace_event_record *record, struct trace_event *ev);

#endif
