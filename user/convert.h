/* SPDX-License-Identifier: GPL-2.0-only */
/* From a capture, or a Chrome trace, to an output file: drives decode/ and write/. */
#ifndef VTBPF_CONVERT_H
#define VTBPF_CONVERT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "slice_filter.h"

struct profile_sink;
struct report_options;
struct writer_ops;

struct convert_options {
	const char *input; /* capture or JSON trace, by its content */
	/* Captures that are to be in the output, too: recorded on the same machine since it was booted,
	 * in any order. The array and its strings are the caller's. */
	const char **more_inputs;
	size_t n_more_inputs;
	const char *output;	      /* path; NULL never */
	const char *format;	      /* "json", "json.gz" or NULL: by the output's extension */
	const struct writer_ops *ops; /* the format; NULL: as format says */
	const struct report_options *report; /* for `vtbpf report` */
	struct profile_sink *sink;	     /* for profile_sink_writer */
	bool output_named; /* the user named it: any existing file may be replaced */
	bool output_new;   /* an output that is there by then is not replaced: -EEXIST */
	bool progress;	   /* a progress line on stderr */
	struct slice_filter filter;
	volatile bool *cancel; /* set by a second Ctrl-C: stop, remove the file; may be NULL */
};

struct convert_summary {
	uint64_t calls;	   /* slices written */
	uint64_t filtered; /* calls left out by the filter */
	uint64_t ignored_threads;
	/* Calls left out, by reason, while tracing and now. */
	uint64_t ignored, hidden, too_short, too_deep, too_old;
	uint64_t lost; /* calls lost while tracing */
	bool sampled;  /* stacks were sampled: what follows is in samples */
	uint64_t samples, samples_lost, samples_unreadable;
	uint64_t threads; /* with at least one slice in the output */
	uint64_t processes;
	uint64_t bytes; /* size of the output file */
	bool torn;	/* the capture ends in the middle of a record, or was damaged */
};

/* 0 or a negative errno after a message on stderr; -ECANCELED when cancelled. */
int convert__run(const struct convert_options *opts, struct convert_summary *sum);

/* Can `output` be written in `format`? Checked before tracing: 0, or a negative errno after a
 * message (unknown format, unwritable directory, a file that vtbpf did not write). */
int convert__check_output(const char *output, const char *format, bool output_named);

#endif
