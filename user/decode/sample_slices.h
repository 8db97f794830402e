/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Slices out of samples: what the stacks of consecutive samples of a track have in common is one
 * slice. A stretch in which nothing was sampled is not bridged: who has no CPU has no slice.
 */
#ifndef VTBPF_SAMPLE_SLICES_H
#define VTBPF_SAMPLE_SLICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "code_table.h"
#include "track_table.h"

/* One sample: where its track was for a while. */
struct sample_span {
	struct track *track;
	uint64_t from, to; /* ns */
	uint64_t slack;	   /* it follows on the last one when no more than this lies between */
	const struct code *const *frames; /* outermost first */
	size_t n;
};

struct sampled_slice {
	struct track *track;
	const struct code *code;
	uint64_t start, dur; /* ns */
	uint32_t depth;
};

struct sample_slices;

/* NULL when out of memory; sample_slices__free(NULL) is legal. */
struct sample_slices *sample_slices__new(void);
void sample_slices__free(struct sample_slices *s);

/* The next sample; those of one track come in order of time. 0 or -ENOMEM. */
int sample_slices__add(struct sample_slices *s, const struct sample_span *span);

/* No sample of any track follows the last one: what is open ends with it. 0 or -ENOMEM. */
int sample_slices__close(struct sample_slices *s);

/* Takes a slice that is whole, a callee before its caller; false when there is none so far. */
bool sample_slices__take(struct sample_slices *s, struct sampled_slice *out);

#endif
