/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What must be known of a Chrome trace before it is put together with others: its rows and when they
 * have events, what could serve to align it, and what vtbpf and VizTracer say of it. Memory is by rows,
 * not by events.
 */
#ifndef VTBPF_TRACE_SCAN_H
#define VTBPF_TRACE_SCAN_H

#include <uthash.h>

#include "chrome_event.h"
#include "chrome_reader.h"
#include "clock_align.h"

#define SCAN_TIME_MAX ((int64_t)1 << 60) /* ns; a later event is refused */

struct scan_process {
	UT_hash_handle hh;
	struct chrome_key key; /* tid 0 */
	int64_t kernel_pid;    /* that a made-up pid stands for */
	int64_t start_ticks;   /* since its machine's boot; -1 unknown */
	char *boot;	       /* id of that boot, NULL unknown */
	bool named;	       /* there is a process_name */
	uint64_t shown; /* row_ids.h: its pid among the others; made up if it is not key.pid */
	bool joined;	/* the same: it is one with a process of another trace */
	struct scan_process *next;
};

struct scan_row {
	UT_hash_handle hh;
	struct chrome_key key;
	int64_t first, last; /* CLOCK_UNKNOWN: no event */
	struct scan_process *process;
	uint64_t shown; /* row_ids.h: its tid among the others */
	struct scan_row *next;
};

/* An event that could be the one to align by: the first of its name. */
struct scan_marker {
	UT_hash_handle hh;
	int64_t at;
	struct scan_marker *next; /* in the order in which they came */
	size_t n;
	char name[]; /* as it stands, with its quotes */
};

/* A member of the file kept whole. */
struct scan_text {
	char *p; /* NULL: it has none */
	size_t n, room;
};

struct trace_scan {
	struct scan_process *processes, *first_process, *last_process;
	struct scan_row *rows, *first_row, *last_row;
	struct scan_marker *markers, *first_marker, *last_marker;
	int64_t first; /* of all events; CLOCK_UNKNOWN: there is none */
	uint64_t calls;
	bool has_flows; /* arrows, whose ids are the same for all processes */
	int64_t wanted; /* time of the event that was asked for; CLOCK_UNKNOWN: none */
	int64_t sync;	/* VizTracer's sync_marker; CLOCK_UNKNOWN: none */
	struct scan_text info, metadata; /* "vtbpf" and "viztracer_metadata" */
	char *boot, *host;		 /* of its clock; NULL unknown */
	struct clock_pair *pairs;
	size_t n_pairs;
	char why[160]; /* a sentence, where reading failed and it is not the reader's */
};

struct scan_options {
	const char *marker;    /* name of an event, or of its function; NULL: none is asked for */
	volatile bool *cancel; /* may be NULL */
};

/* Reads all of it and rewinds it. 0, -ECANCELED or another negative errno. Release in any case. */
int trace_scan__read(struct trace_scan *s, struct chrome_reader *r, const struct scan_options *o);
void trace_scan__release(struct trace_scan *s);

/* NULL when there is none. */
struct scan_row *trace_scan__row(const struct trace_scan *s, const struct chrome_key *key);
struct scan_process *trace_scan__process(const struct trace_scan *s, const struct chrome_key *key);
const struct scan_marker *trace_scan__marker(const struct trace_scan *s, const char *name,
					     size_t n);

/* trace_scan_info.c: reads what `info` and `metadata` say. 0 or -ENOMEM. */
int trace_scan__note_info(struct trace_scan *s);

#endif
