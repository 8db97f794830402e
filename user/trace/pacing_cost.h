/* SPDX-License-Identifier: GPL-2.0-only */
/* --max-overhead: what the windows of a recording cost, measured and charged. Private to pacing.c. */
#ifndef VTBPF_PACING_COST_H
#define VTBPF_PACING_COST_H

#include <stdint.h>
#include <stdio.h>

#include "tracer.h"

struct recording;

/* Measures what a hit costs here, and what that makes a window cost. */
int pacing_cost__prepare(struct recording *r, struct tracer_config *cfg);

/* A window is about to be opened; has been closed, with all that belongs to it. */
void pacing_cost__before(struct recording *r, uint64_t now);
void pacing_cost__after(struct recording *r, uint64_t now);

/* Now and then: charges what was spent, and allows for more. */
void pacing_cost__tick(struct recording *r, uint64_t now);

/* Writes what was charged up to `now` to the capture. */
void pacing_cost__put(struct recording *r, uint64_t now);

/* Charges the rest, and writes the sum to the capture and the result. */
void pacing_cost__end(struct recording *r);
void pacing_cost__status(struct recording *r, FILE *out);

#endif
