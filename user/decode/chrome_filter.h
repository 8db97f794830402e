/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Applies the filters to a Chrome trace: reads it once or more to know its threads and what lies
 * beneath what, then tells of each event whether it stays.
 */
#ifndef VTBPF_CHROME_FILTER_H
#define VTBPF_CHROME_FILTER_H

#include "chrome_reader.h"
#include "chrome_tracks.h"
#include "selection.h"

struct name_flags;

struct chrome_filter {
	const struct slice_filter *filter;
	struct chrome_reader *reader;
	volatile bool *cancel; /* may be NULL */
	bool reads_once; /* set by the caller: chrome_filter__reads_once, if that is enough for it */
	struct chrome_tracks tracks;
	struct function_filter names, files; /* the parts of the function filter */
	bool by_function, by_tree;
	struct name_flags *by_name;
	char *scratch; /* of a name */
	size_t scratch_size;
	char *info; /* the value of "vtbpf", NULL when there is none */
	size_t info_len, info_room;
	bool in_info; /* what comes is a piece of it */
	char *cwd;
	uint64_t too_old; /* so many finished calls are still to be left out as older */
	bool overflow;	  /* there are such calls */
	uint64_t removed[REMOVED_KINDS]; /* events, for REMOVED_THREAD; else calls */
	uint64_t calls;			 /* that stay */
	char why[160];
};

/* Is there no filter for which one must know what comes later? */
bool chrome_filter__reads_once(const struct slice_filter *filter);

/* The file is read from its begin. All that is passed outlives the filter. Reads ahead, and rewinds
 * the file, but with reads_once: then the caller calls __note. 0, -ECANCELED or another negative errno,
 * after which `why` may have a sentence. Release it in any case. */
int chrome_filter__start(struct chrome_filter *f);
void chrome_filter__release(struct chrome_filter *f);

/* With reads_once, each item that is no event, and the end of all; nothing without. Only then is it known
 * what threads are called and whose tracks are, and what "vtbpf" says. 0 or a negative errno. */
int chrome_filter__note(struct chrome_filter *f, int kind, struct json_span text);
int chrome_filter__note_end(struct chrome_filter *f);

/* Does the event stay? Asked once for each event, in their order. 1, 0, or a negative errno. */
int chrome_filter__keeps(struct chrome_filter *f, struct json_span event);

/* The same, and what the event says; track is NULL when it belongs to none that could be left out. */
int chrome_filter__look(struct chrome_filter *f, struct json_span event, struct chrome_event *ev,
			struct chrome_track **track);

/* Calls lost while the trace was made, as its "vtbpf" says; 0 unknown. */
uint64_t chrome_filter__lost(const struct chrome_filter *f);

/* Threads left out by their names, threads with calls that stay, and threads whose ident is known. */
struct chrome_totals {
	uint64_t ignored_threads, threads, idents;
};

struct chrome_totals chrome_filter__totals(const struct chrome_filter *f);

#endif
