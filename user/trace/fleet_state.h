/* SPDX-License-Identifier: GPL-2.0-only */
/* A fleet under way: private to fleet.c (its course) and fleet_rotation.c. */
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
	bool cuts; /* it was asked for the next segment */
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

/* Begins the next segment when it is time, or ends the fleet when it uses too much memory. */
void fleet__rotate(struct fleet *f, uint64_t now);

int fleet__open_segment(struct fleet *f); /* 0 or -ENOMEM */

#endif
