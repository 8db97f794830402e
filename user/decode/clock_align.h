/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One clock for several traces. Within one boot of a machine all times are of its CLOCK_MONOTONIC and
 * need no shift; between machines the wall clock says how far apart two of these are, as exactly as
 * the wall clocks agree. Linux slews CLOCK_REALTIME and CLOCK_MONOTONIC together
 * (kernel/time/timekeeping.c), so that their offset changes only where the wall clock is stepped: a
 * shift is one number for a whole trace, durations stay as they are, and steps count as uncertainty.
 * Times are in ns.
 */
#ifndef VTBPF_CLOCK_ALIGN_H
#define VTBPF_CLOCK_ALIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_UNKNOWN INT64_MAX

/* How wrong a wall clock may be that nothing is known of: what Linux takes an unsynchronised one for
 * (NTP_PHASE_LIMIT of include/linux/timex.h). */
#define CLOCK_UNSYNCHRONISED 16000000000

/* Traces that do not say their machine are of one clock when their offsets from the wall clock are no
 * farther apart. */
#define CLOCK_SAME 1000000000

/* Where the wall clock was at a moment, and how wrong it may have been. */
struct clock_pair {
	int64_t offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
	int64_t error;
};

enum clock_basis {
	CLOCK_SAME_BOOT, /* as the first one's: same boot of one machine */
	CLOCK_ASSUMED,	 /* taken for that, since nothing says otherwise */
	CLOCK_WALL,	 /* by the wall clocks */
	CLOCK_START,	 /* by the first events */
	CLOCK_MARKER,	 /* by an event in all of them */
	CLOCK_NO_WAY,	 /* another machine's, and nothing says where its clock was */
};

struct clock_input {
	const char *boot; /* boot id, NULL unknown */
	const struct clock_pair *pairs;
	size_t n_pairs;
	int64_t first;	/* time of the first event; CLOCK_UNKNOWN: there is none */
	int64_t marker; /* of the event to align by */
	/* Filled: */
	enum clock_basis basis;
	size_t clock;	     /* the same for all whose times are of one clock */
	int64_t shift;	     /* to be added to all times */
	int64_t uncertainty; /* of the shift; CLOCK_UNKNOWN: nothing is known of it */
};

enum clock_mode { CLOCK_BY_HOST, CLOCK_BY_START, CLOCK_BY_MARKER };

/* Finds all shifts. Times then are the first input's, unless something lies before its zero: by host
 * they are of the clock that began first, else all are moved on. */
void clock_align__solve(struct clock_input *in, size_t n, enum clock_mode mode);

/* The pair of the smallest error, the last of several; NULL when there is none. */
const struct clock_pair *clock_align__best_pair(const struct clock_input *in);

#endif
