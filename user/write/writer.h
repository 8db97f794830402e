/* SPDX-License-Identifier: GPL-2.0-only */
/* An output format is a struct of functions; one driver (convert.c) walks the trace and calls
 * them. */
#ifndef VTBPF_WRITER_H
#define VTBPF_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../decode/replay.h"
#include "outbuf.h"

struct profile;
struct profile_sink;
struct report_options;
struct writer_ops;

/* One output being written. The driver fills it and owns what it points to; priv is the
 * format's. */
struct writer {
	const struct writer_ops *ops;
	struct outbuf out;
	struct session *session;
	struct capture *capture;	     /* for source texts, once the replay is at its end */
	struct replay *replay;		     /* its counts and filter */
	const char *dir;		     /* for temporary files; NULL: any */
	const struct report_options *report; /* of report_writer and report_json_writer */
	struct profile_sink *sink;	     /* of profile_sink_writer */
	volatile bool *cancel;		     /* may be NULL */
	void *priv;
};

/*
 * Called in the order begin, process..., track..., then slice, gap, sample, event and track as they
 * come, then end. Of a capture of --hz there are samples, and slices that were made of them: a format uses
 * the ones or the others (sample may be NULL). Each returns 0 or a negative errno; errors of writing
 * stick in `out` and need not be returned. release is called in any case, last.
 */
struct writer_ops {
	const char *name;      /* of --format */
	const char *extension; /* of files, with the dot */
	bool gzip;
	bool shows_args; /* in `profile`, what calls were made with (profile_args.h) */
	int (*begin)(struct writer *w);
	int (*process)(struct writer *w, const struct session_process *p);
	int (*track)(struct writer *w, const struct track *track);
	int (*slice)(struct writer *w, const struct slice *slice);
	int (*gap)(struct writer *w, const struct gap *gap);
	int (*sample)(struct writer *w, const struct stack_sample *sample);
	/* What is no call; NULL: the format does not show it. */
	int (*event)(struct writer *w, const struct trace_event *ev);
	int (*end)(struct writer *w);
	void (*release)(struct writer *w);
	/* Of formats that are made of a profile (profile_writer.h), whatever that was read from: writes
	 * all of the output. NULL: the others. */
	int (*profile)(struct writer *w, struct profile *p);
};

extern const struct writer_ops chrome_writer, chrome_gzip_writer;
extern const struct writer_ops folded_writer, speedscope_writer, pprof_writer, pftrace_writer;
extern const struct writer_ops html_writer;

/* `vtbpf report`, as a table and as JSON: no formats of output files. */
extern const struct writer_ops report_writer, report_json_writer;

/* Writes nothing: the profile goes to the writer's sink. */
extern const struct writer_ops profile_sink_writer;

/* A capture as it is, less what the filter leaves out: written by capture_copy.c, has no
 * functions. */
extern const struct writer_ops capture_writer;

/* The format of that name or, where name is NULL, of the output's extension. A path of a device or
 * pipe without a known extension is JSON. NULL, with a sentence for the user in why. */
const struct writer_ops *writer__find(const char *name, const char *path, char *why,
				      size_t why_size);

/* Copies the capture's records, without calls that the replay's filter leaves out. 0 or a negative
 * errno. */
int capture_copy__write(struct writer *w);

#endif
