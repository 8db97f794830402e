/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracks: the rows of the timeline on which slices nest.
 *
 * A thread has one under its own id. What cannot nest there has a track of its own under a made-up
 * id, above the kernel's largest and below 2^31, never used twice in a trace.
 */
#ifndef VTBPF_TRACK_TABLE_H
#define VTBPF_TRACK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cut_list.h"
#include "follower_list.h"
#include "nest.h"
#include "thread_table.h"

enum track_kind {
	TRACK_THREAD,
	TRACK_GREENLET, /* number: the greenlet's, or the task's */
	TRACK_GIL,	/* number: the lock's; of no thread, but of all of a process */
	TRACK_LOST,	/* gaps: calls lost by the thread */
	TRACK_OVERFLOW, /* slices that did not nest on another track of the thread */
};

struct track {
	enum track_kind kind;
	uint32_t number;
	uint32_t tid;	       /* the thread's, or made up */
	uint32_t index;	       /* 0, 1, 2... : for a writer's own tables */
	struct thread *thread; /* of TRACK_GIL: the first that had it */
	char *given;	       /* what the trace calls it, any bytes; NULL: nothing */
	struct nest nest;
	struct cut_list cuts; /* see selection.h */
	struct follower_list followers;
	struct track *overflow; /* where slices go that do not nest here, NULL so far */
	bool announced;		/* to the writer: the driver says so */
	struct track *next;	/* of the same thread; TRACK_THREAD comes first if there is one */
	struct track *all;	/* in order of making */
};

struct track_table;

struct track_table *track_table__new(void);
void track_table__free(struct track_table *t);

/* The thread's track of that kind and number, or of TRACK_GIL its process's, made when there is none; for
 * TRACK_OVERFLOW use
 * track_table__overflow. NULL when out of memory. */
struct track *track_table__get(struct track_table *t, struct thread *th, enum track_kind kind,
			       uint32_t number);

/* The track on which a slice goes that does not nest on `track`. NULL when out of memory. */
struct track *track_table__overflow(struct track_table *t, struct track *track);

/* Gives it a name, n bytes without a NUL: the last one holds. 0 or -ENOMEM. */
int track__give_name(struct track *track, const char *name, size_t n);

/* A made-up tid for what belongs to no thread. 0 when there is none left. */
uint32_t track_table__spare_tid(struct track_table *t);

/* All tracks in order of making, linked by `all`. */
struct track *track_table__first(const struct track_table *t);

/* What to call it, for people: snprintf's return value. */
int track__name(const struct track *track, char *buf, size_t size);

#endif
