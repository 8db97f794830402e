/* SPDX-License-Identifier: GPL-2.0-only */
/* A fleet under way: private to fleet.c. */
#ifndef VTBPF_FLEET_STATE_H
#define VTBPF_FLEET_STATE_H

#include "fleet.h"

struct segment {
	struct fleet_segment out;
	uint64_t opened;      /* CLOCK_MONOTONIC ns */
	size_t live;	      /* recordings that have not ended */
	struct segment *next; /* the one before it in time */
};

enum recorder_state { RECORDER_WAITS, RECORDER_STARTS, RECORDER_TRACES };

/* One recording of one process. */
struct recorder_of {
	pid_t target;
	enum recorder_state state;
	struct member member;
	struct fleet *fleet;
	struct segment *segment;
	struct recorder_of *next;
};

struct fleet {
	const struct fleet_config *cfg;
	struct fleet_result *res;
	struct recorder_of *all;
	struct segment *segments; /* the present one first */
	struct process_watch *watch;
	size_t starting;
	uint64_t next_scan;
	uint64_t start; /* when all that was there was traced */
	bool ending;
	bool said_waiting, said_tracing;
};

/* A recording of the process, to be started. NULL when out of memory. */
struct recorder_of *fleet__add(struct fleet *f, pid_t target);

#endif
