/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls of a trace by track, whatever file they came from: for outputs that need the calls of a
 * thread callers first, though a caller's record comes after those of what it called.
 *
 * Memory grows with the number of functions and tracks; calls lie in a spool, 24 bytes each.
 */
#ifndef VTBPF_PROFILE_H
#define VTBPF_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "spool.h"
#include "stack_tree.h"

/* Bytes that may hold anything; they end in a NUL that n does not count. */
struct profile_text {
	const char *p;
	size_t n;
};

struct profile_function {
	struct profile_text name, file; /* file n 0: none, a C function */
	uint32_t line;
};

#define PROFILE_OPEN_START 0x1 /* it ran already when the trace, or a window of it, began */
#define PROFILE_OPEN_END 0x2   /* it ran on when that ended */
#define PROFILE_SAMPLED 0x4    /* no call: a slice of samples */

struct profile_call {
	uint64_t start, dur; /* ns */
	uint32_t function;
	uint32_t flags; /* PROFILE_* */
};

struct profile_track {
	struct profile_text name;
	uint32_t pid;
	uint64_t tid;	 /* made up for what is no thread */
	uint64_t thread; /* tid of the thread that it belongs to */
	bool is_gaps;	 /* its calls are none: stretches in which calls were lost, or windows */
	uint64_t lost;	 /* calls, of is_gaps */
	struct spool_list calls;
	bool by_start;	    /* callers come first; else callees do */
	bool reversed;	    /* of those that come callees first, the list begins with the last */
	unsigned int level; /* of an overflow's overflow... */
	bool not_by_end, not_by_start;
	int64_t last_start, last_end;	/* of the last call that came */
	uint64_t first, last;		/* begin of the first call, end of the last, ns */
	uint64_t gil_wait;		/* ns for which the thread waited for the GIL (--gil) */
	uint64_t gil_first, gil_last;	/* begin of the first wait, end of the last */
	struct stack_tree samples;	/* of a sampled trace: frames are functions; n 0: none */
	size_t number;			/* of the track, in order of making */
	bool has_events;		/* what is no call lies on it, too: written apart */
	uint64_t counters;		/* its counters that are announced, a bit each */
	struct profile_track *events;	/* where that lies for those who keep it as calls */
	struct profile_track *overflow; /* where calls go that do not nest here */
};

struct profile_process {
	UT_hash_handle hh;
	uint32_t pid;
	struct profile_text name;
};

struct profile_name; /* finds a function by its names */

struct profile {
	struct profile_function *functions;
	size_t n_functions, functions_room;
	struct profile_name *by_name;
	struct profile_track **tracks;
	size_t n_tracks, tracks_room;
	struct profile_process *processes; /* by pid, in order of appearance */
	struct spool *spool;
	char *dir; /* for spools, NULL: any */
	uint64_t calls;
	uint64_t start, end;	 /* of the first and last call, ns */
	uint64_t events;	 /* that are no calls */
	bool gil_watched;	 /* some thread waited for the GIL */
	uint64_t dropped;	 /* calls that did not nest anywhere */
	uint64_t lost;		 /* calls, while tracing */
	int64_t realtime_offset; /* of other clocks from CLOCK_MONOTONIC, 0 unknown */
	int64_t boottime_offset;
	bool in_windows; /* not all the time was traced, but this part of it: */
	double coverage;
	uint64_t period;  /* ns: stacks were sampled that often; 0: calls were recorded */
	bool wall;	  /* time asleep was sampled, too */
	uint64_t samples; /* by weight */
	uint64_t samples_lost, samples_unreadable;
	/* Some traces have both, one after the other: so many slices of either, and for which part of the
	 * time there were samples. Sums are made of one of them: profile__choose(). */
	uint64_t exact, sampled;
	double sampled_share;
	bool keeps_args;	   /* of a Chrome trace, who reads it is to keep them: */
	struct profile_args *args; /* what calls were made with (profile_args.h); NULL: not kept */
	volatile bool *cancel;	   /* set: walks end with -ECANCELED; may be NULL */
};

/* dir: where the spool goes, may be NULL. NULL when out of memory. */
struct profile *profile__new(const char *dir);
void profile__free(struct profile *p);

/* The function's number; the same for the same names and line. name and file are copied. Negative
 * errno. */
int64_t profile__function(struct profile *p, const struct profile_function *f);

/* Names a process (again: the last name holds); name NULL: it has none so far. 0 or -ENOMEM. */
int profile__process(struct profile *p, uint32_t pid, const char *name);

/* Are there several? */
static inline bool profile__has_processes(const struct profile *p)
{
	return HASH_COUNT(p->processes) > 1;
}

/* A new track, named so. NULL when out of memory. */
struct profile_track *profile__track(struct profile *p, const char *name, size_t n);

/* 0 or -ENOMEM. Not once the profile is settled. */
int profile_track__rename(struct profile_track *t, const char *name, size_t n);

/* The next call of a track: in order of ends, or of starts. 0 or a negative errno. */
int profile__add(struct profile *p, struct profile_track *t, const struct profile_call *call);

/* The thread waited for the GIL, from then on for so long, ns. */
void profile__gil_wait(struct profile *p, struct profile_track *t, uint64_t start, uint64_t dur);

/* A sample of a track, that counts `weight` times: the functions of its stack, outermost first. 0 or
 * -ENOMEM. */
struct profile_sample {
	const uint32_t *functions;
	size_t n;
	uint64_t weight;
};

int profile__sample(struct profile *p, struct profile_track *t,
		    const struct profile_sample *sample);

/* When all is there: sums are made of what was recorded for the greater part of the time, the calls or
 * the samples. */
void profile__choose(struct profile *p);

/* Is a call, by its flags, one that they are made of? */
static inline bool profile__counts(const struct profile *p, uint32_t flags)
{
	return (p->period != 0) == ((flags & PROFILE_SAMPLED) != 0);
}

/* Was it sampled, and is it of samples that sums are made? */
static inline bool profile__is_sampled(const struct profile *p)
{
	return p->period != 0;
}

/* Has the track anything to be shown? */
static inline bool profile_track__is_empty(const struct profile_track *t)
{
	return !t->calls.n && !t->samples.n;
}

/* After the last call: finds the order of each track, and takes what does not nest to tracks of its
 * own. 0, -EILSEQ when the calls of a track come in no order, or another negative errno. */
int profile__settle(struct profile *p);

/* "name (file:line)", or the name alone where there is no file, as it came: any bytes. Returns the
 * length; out has room for profile__label_size(f). */
size_t profile__label_size(const struct profile_function *f);
size_t profile__put_label(const struct profile_function *f, char *out);

#endif
