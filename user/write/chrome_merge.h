/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several Chrome traces as one: their events, one input after the other, with times on one clock and
 * with the ids that row_ids.h gave; what stands beside the events is united. An input of which nothing
 * changes is copied byte for byte.
 */
#ifndef VTBPF_CHROME_MERGE_H
#define VTBPF_CHROME_MERGE_H

#include "../decode/clock_align.h"
#include "../decode/trace_scan.h"
#include "json_writer.h"

struct merge_input {
	const char *name;	      /* as the user gave it */
	struct trace_scan scan;	      /* with the ids of its rows */
	struct chrome_reader *reader; /* at the begin */
	struct clock_input *clock;    /* solved */
	/* Of chrome_merge__write: */
	int files; /* its file_info, in a temporary file; -1 none */
	char *text;
	size_t text_size; /* the same, mapped */
};

struct chrome_merge {
	struct merge_input *in;
	size_t n;
	const char *dir;       /* for temporary files; NULL: any */
	volatile bool *cancel; /* may be NULL */
	/* Filled: */
	const struct merge_input *bad; /* the one that cannot be read, NULL: none */
	uint64_t differing;	       /* source files that are not the same in all */
	struct json_writer json;
};

/* 0 or a negative errno; errors of writing stick in `out`. */
int chrome_merge__write(struct chrome_merge *m, struct outbuf *out);

/* ---- parts of it ------------------------------------------------------------------------ */

/* chrome_merge_event.c: one event, as it is now. `number` is the input's. 0 or a negative errno. */
int chrome_merge__event(struct chrome_merge *m, size_t number, struct json_span event);

/* Whether that would change any event of the input. */
bool chrome_merge__is_plain(const struct chrome_merge *m, size_t number);

/* Names the processes that have a made-up pid and no name. */
void chrome_merge__name_processes(struct chrome_merge *m, size_t number);

/* chrome_merge_files.c: "file_info", from what the inputs' `files` hold. */
int chrome_merge__files(struct chrome_merge *m);

/* chrome_merge_info.c: "viztracer_metadata" and "vtbpf". */
int chrome_merge__info(struct chrome_merge *m);

/* A time of the input, as it is now. false when it is none that makes sense. */
bool chrome_merge__time(const struct merge_input *in, struct json_span value, int64_t *at);

/* Microseconds with three decimals, of either sign. */
void chrome_merge__us(struct json_writer *j, int64_t ns);

#endif
