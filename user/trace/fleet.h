/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traces several processes at a time, those that are named and those that fit a rule, now and later:
 * each by a recording in a child of its own (member.h). Follows them until a signal, the end of the
 * time, or the end of the last one.
 *
 * What is recorded falls into segments, one after the other: where they rotate, each recording goes on
 * in another capture (segment.h).
 */
#ifndef VTBPF_FLEET_H
#define VTBPF_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../discover/process_watch.h"
#include "member.h"

/* The recordings of one segment, all ended. */
struct fleet_segment {
	char **captures; /* paths, the fleet's */
	size_t n;
	uint64_t start, stop; /* CLOCK_MONOTONIC ns; 0 when nothing was traced */
	bool last;
};

struct fleet_config {
	const pid_t *pids;
	size_t n_pids;
	struct process_rules rules;
	bool family;	       /* one recording follows all of them, and their descendants */
	uint64_t duration_ns;  /* 0: no limit */
	uint64_t rotate_ns;    /* a segment's longest time; 0: no limit */
	uint64_t rotate_bytes; /* and its captures' most bytes; 0: no limit */
	uint64_t max_memory;   /* of the recordings' processes, bytes; 0: no limit */
	int signal_fd;	       /* SIGINT, SIGTERM, SIGHUP, SIGUSR1; they are blocked */
	/* In a child: records the process. Returns the exit status. */
	int (*run)(void *ctx, pid_t pid, struct member_link *link);
	void (*tracing)(void *ctx); /* tracing is on, or on the watch: called once; may be NULL */
	void (*segment)(void *ctx, const struct fleet_segment *s);
	/* A recording is over, whose segment is not handed out before this returns; may be NULL. */
	void (*ended)(void *ctx, const struct member_report *report);
	void (*tick)(void *ctx); /* some times a second; may be NULL */
	void *ctx;
};

struct fleet_result {
	size_t traced; /* recordings that came to tracing */
	int status;    /* of the first recording that failed, enum exit_code */
};

/* 0 or a negative errno. The last segment is handed out before it returns, an empty one too. */
int fleet__run(const struct fleet_config *cfg, struct fleet_result *res);

#endif
