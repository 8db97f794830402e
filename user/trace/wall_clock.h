/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the wall clock is by the clock of all records. */
#ifndef VTBPF_WALL_CLOCK_H
#define VTBPF_WALL_CLOCK_H

#include <stdint.h>

#include "capture_writer.h"

struct wall_clock {
	uint64_t at;	/* CLOCK_MONOTONIC, ns */
	int64_t offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC, ns */
	/* How wrong the wall clock may be, ns: the kernel's bound (adjtimex(2), maxerror), which grows
	 * while nothing sets the clock right and is 16 s where it is not synchronised; and how long it
	 * took to read the two. */
	uint64_t error;
};

void wall_clock__read(struct wall_clock *c);

/* Writes it into the capture (VTBPF_TEXT_CLOCK). */
void wall_clock__put(struct capture_writer *w);

#endif
