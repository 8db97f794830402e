/* SPDX-License-Identifier: GPL-2.0-only */
/* A script on a real interpreter under the tracer object, and what the records said. Needs root. */
#ifndef VTBPF_TEST_TRACER_FIXTURE_H
#define VTBPF_TEST_TRACER_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../../user/discover/target.h"
#include "../../user/trace/str_pieces.h"
#include "../../user/trace/tracer.h"

struct seen {
	uint64_t calls; /* of f, finished */
	uint64_t all;	/* of anything */
	uint64_t lost;
	uint64_t open; /* calls flagged as open at the end */
	uint32_t max_depth;
	uint32_t f_codes[8]; /* ids of f's code object */
	size_t n_codes;
	struct vtbpf_counters counters;
	unsigned int threads; /* that were announced */
	struct str_pieces name;
	char names[32768]; /* of threads, each ends in '|' */
};

struct fixture {
	pid_t pid;
	FILE *in, *out; /* of the target */
	struct target target;
	struct probe_plan plan;
	bool with_attrs;     /* thread names are read in the kernel */
	bool misplace_freed; /* probe for dying code objects where none dies */
	bool callers_enter;  /* the frame that begins is read from where its caller is */
	struct tracer *tracer;
	struct seen seen;
};

/* False, after a message, when tracing is not allowed. */
bool fixture__can_trace(void);

/* The target alone: start; have it run a line of Python, wait for that; stop. */
void fixture__start_target(struct fixture *f);
void fixture__run(struct fixture *f, const char *command);
void fixture__stop_target(struct fixture *f);

/* Makes the sites of entries find the frame in a word of memory: the caller's. */
void fixture__read_words(struct probe_plan *plan);

/* How the target keeps attributes. */
void fixture__attrs(struct fixture *f, struct vtbpf_attrs *attrs);

/* Starts a target and traces it; the second leaves out the sites of one kind. */
void fixture__begin(struct fixture *f, const struct tracer_config *cfg);
void fixture__begin_without(struct fixture *f, const struct tracer_config *config,
			    enum vtbpf_site_kind dropped);

/* Ends both. f->seen is complete then. */
void fixture__end(struct fixture *f);

/* Takes a record; ctx is a struct seen. */
int fixture__on_record(void *ctx, const struct vtbpf_rec *rec);

#endif
