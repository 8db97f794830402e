/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How far a long piece of work is, for the line on the terminal. The work is cut into stages; whoever
 * works tells how much it has done, and need not know what for. One at a time, in one thread.
 */
#ifndef VTBPF_PROGRESS_H
#define VTBPF_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum progress_unit { PROGRESS_BYTES, PROGRESS_CALLS };

/* What one stage is to the whole. */
struct progress_stage {
	const char *what;  /* "reading" */
	double until;	   /* part of all the work that is done when the stage is, 0 to 1 */
	uint64_t expected; /* to be done in it, about; 0 unknown */
	enum progress_unit unit;
};

struct progress {
	bool on;
	uint64_t began, stage_began; /* CLOCK_MONOTONIC, ns */
	double from;		     /* part of all the work that was done before the stage */
	struct progress_stage stage;
	uint64_t done; /* of what is expected in it */
};

/* Begins a piece of work; nothing is shown of it where `on` is false. */
void progress__start(bool on);

/* Begins its next stage, in which nothing is done yet. what is a constant. */
void progress__stage(const struct progress_stage *stage);

/* So much more is done. Shows a line, now and then, of work that takes more than two seconds. */
void progress__add(uint64_t done);

/* The work has ended; takes the line away. */
void progress__stop(void);

/* What is to be shown at that time (ns): false where it is nothing. */
bool progress__line(const struct progress *p, uint64_t now, char *line, size_t size);

#endif
