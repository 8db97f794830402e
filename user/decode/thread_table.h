/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads by kernel id, with what the kernel and Python call them.
 *
 * The kernel uses an id again once its thread is gone; the table keeps both threads apart by their
 * start times. A first reading of the capture fills the table; a second one (after
 * thread_table__rewind) replays which thread each id stood for at that point.
 */
#ifndef VTBPF_THREAD_TABLE_H
#define VTBPF_THREAD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder.h"

struct track;

/* A name that a thread had before. */
struct thread_former {
	struct thread_former *next;
	char name[];
};

/* Calls lost, for the gap on the timeline that is not written yet. */
struct thread_gap {
	uint64_t lost, first, last; /* lost 0: no gap waits */
	uint64_t written_until;	    /* end of the last gap written */
	bool samples;		    /* they were lost, and no calls */
};

struct thread {
	uint32_t tid;
	uint32_t process;     /* number of the target that it was recorded with */
	uint32_t part;	      /* of the session in which it appeared first */
	uint32_t pid;	      /* 0 unknown */
	uint64_t start_time;  /* as the kernel has it, 0 unknown */
	uint64_t ident;	      /* threading.get_ident(), 0 unknown */
	uint64_t first, exit; /* CLOCK_MONOTONIC ns of its first event and its exit, 0 unknown */
	char *name;	      /* Python's, not checked to be UTF-8; NULL none */
	char comm[VTBPF_COMM_LEN + 1];
	struct event_span left_out;    /* calls that began then were recorded by mistake */
	uint64_t lost;		       /* calls lost */
	struct thread_former *formers; /* its earlier names, the last one first */
	bool ignored;		       /* by the filter: nothing of it is written */
	bool vanished;		       /* ignored because all its functions are */
	bool kept; /* it has calls that the filters keep; known only where they judge functions */
	uint64_t slices;  /* calls written */
	uint64_t sampled; /* samples written */
	struct thread_gap gap;
	uint64_t unsampled;	     /* with --wall: ns asleep that are not a whole period yet */
	struct track *tracks;	     /* belongs to the track table */
	struct thread *first_of_tid; /* the first thread that had the same tid; may be itself */
	struct thread *next_of_tid;  /* the thread that had the same tid later */
	struct thread *next;	     /* in order of appearance */
};

struct thread_table;

struct thread_table *thread_table__new(void);
void thread_table__free(struct thread_table *t);

/* From now on tids are those of this part of the session, which is of the target of that number; 0
 * and 0 at first. Two targets never share a thread, though they may have had the same pid or tid one
 * after the other. */
void thread_table__part(struct thread_table *t, uint32_t part, uint32_t process);

/* First reading. Each returns 0 or -ENOMEM. */
int thread_table__seen(struct thread_table *t, uint32_t tid, const struct event_thread *ev);
int thread_table__named(struct thread_table *t, uint32_t tid, const struct event_thread_name *ev);
int thread_table__exited(struct thread_table *t, uint32_t tid, uint64_t ts);

/* The thread that tid stands for now; made when there is none. NULL when out of memory. */
struct thread *thread_table__get(struct thread_table *t, uint32_t tid);

/* Second reading: back to the first thread of every tid; and on, when a THREAD record says so. */
void thread_table__rewind(struct thread_table *t);
void thread_table__switch(struct thread_table *t, uint32_t tid, const struct event_thread *ev);

/* All threads in order of appearance, linked by next; NULL when there are none. */
struct thread *thread_table__first(const struct thread_table *t);

/* The first thread that had this tid, NULL when there is none. */
struct thread *thread_table__first_of(struct thread_table *t, uint32_t tid);

/* What to call it: Python's name, else the comm, else "". */
const char *thread__name(const struct thread *th);

#endif
