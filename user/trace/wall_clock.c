// SPDX-License-Identifier: GPL-2.0-only
#include "wall_clock.h"

#include <stdio.h>
#include <sys/timex.h>
#include <time.h>

#define TRIES 5
#define UNSYNCHRONISED_US 16000000 /* NTP_PHASE_LIMIT of include/linux/timex.h */

static uint64_t now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t kernel_error_us(void)
{
	struct timex t = {};
	int state = adjtimex(&t);

	if (state < 0 || t.status & STA_UNSYNC || t.maxerror < 0 || t.maxerror > UNSYNCHRONISED_US)
		return UNSYNCHRONISED_US;
	return (uint64_t)t.maxerror;
}

/* The two are not read at one instant: of a few times the one that took least. */
void wall_clock__read(struct wall_clock *c)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = now(CLOCK_MONOTONIC);
		uint64_t wall = now(CLOCK_REALTIME);
		uint64_t took = now(CLOCK_MONOTONIC) - before;

		if (took >= least)
			continue;
		least = took;
		c->at = before + took / 2;
		c->offset = (int64_t)(wall - c->at);
	}
	c->error = kernel_error_us() * 1000 + least / 2 + 1;
}

void wall_clock__put(struct capture_writer *w)
{
	struct wall_clock c;
	char text[80];
	int n;

	wall_clock__read(&c);
	n = snprintf(text, sizeof(text), "%llu %lld %llu", (unsigned long long)c.at,
		     (long long)c.offset, (unsigned long long)c.error);
	capture_writer__text(w, VTBPF_TEXT_CLOCK, text, (size_t)n);
}
