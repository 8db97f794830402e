/* SPDX-License-Identifier: GPL-2.0-only */
/* The rows of a Chrome trace: threads, and what vtbpf shows beside them under made-up ids. */
#ifndef VTBPF_CHROME_TRACKS_H
#define VTBPF_CHROME_TRACKS_H

#include <uthash.h>

#include "call_tree.h"
#include "chrome_event.h"
#include "filter.h"

struct profile_track;

struct chrome_track {
	struct chrome_key key;
	struct thread thread;	    /* ids and names, for the filters */
	struct chrome_track *owner; /* thread that it belongs to, NULL: it is one */
	bool shared;		    /* what lies on it is of several threads */
	struct call_tree calls;
	uint64_t written;	       /* calls */
	bool ignored;		       /* the filters leave out the thread */
	bool vanished;		       /* or all its functions, so that nothing is left */
	struct profile_track *profile; /* its row of a profile, NULL so far */
	UT_hash_handle hh;
};

struct chrome_tracks {
	struct chrome_track *by_key, *last;
	const struct slice_filter *filter; /* once it has decided */
};

void chrome_tracks__release(struct chrome_tracks *t);

/* The track, made when there is none. NULL when out of memory. */
struct chrome_track *chrome_tracks__get(struct chrome_tracks *t, const struct chrome_key *key);

/* Notes what an event says of its track: a name, or whose it is. 0 or -ENOMEM. */
int chrome_tracks__note(struct chrome_tracks *t, struct chrome_track *track,
			const struct chrome_event *ev);

/* The same of an event that is like most of them: a complete one of a thread, which says no more of it
 * than whose it is. 1; 0 when it is no such event, which is not noted; or -ENOMEM. */
int chrome_tracks__note_plain(struct chrome_tracks *t, struct json_span event);

/* The same of the list of threads in vtbpf's own JSON: ident and comm. */
int chrome_tracks__note_threads(struct chrome_tracks *t, struct json_span threads);

/* The track of an element of that list. NULL when there is none, or out of memory. */
struct chrome_track *chrome_tracks__of_thread(struct chrome_tracks *t, struct json_span thread);

/* The thread's track that an event on another one says it is of. NULL: it says nothing. */
struct chrome_track *chrome_tracks__of_event(struct chrome_tracks *t,
					     const struct chrome_event *ev);

/* Decides which threads the filter leaves out, and which tracks with them; the filter outlives t. */
void chrome_tracks__decide(struct chrome_tracks *t, const struct slice_filter *f);

#endif
