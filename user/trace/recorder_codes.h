/* SPDX-License-Identifier: GPL-2.0-only */
/* The code objects that the flight recorder may have to name: their records, by id. */
#ifndef VTBPF_RECORDER_CODES_H
#define VTBPF_RECORDER_CODES_H

#include <stdbool.h>
#include <stdint.h>

#include "capture_writer.h"

struct recorder_code;

#define RECORDER_RECENT 4096

struct recorder_codes {
	struct recorder_code *by_id;
	struct recorder_code *recent[RECORDER_RECENT]; /* by id modulo */
	uint64_t bytes;
	uint64_t look_at; /* number of code objects at which to look which are alive */
	uint32_t look;	  /* number of the look under way, or of the last one */
};

void recorder_codes__init(struct recorder_codes *c);
void recorder_codes__release(struct recorder_codes *c);

/* Takes a copy of a VTBPF_REC_CODE or VTBPF_REC_STR. */
void recorder_codes__add(struct recorder_codes *c, const struct vtbpf_rec *rec);

/* A call of code object `id` lies in the stretch of calls numbered `chunk`. */
void recorder_codes__used(struct recorder_codes *c, uint32_t id, uint64_t chunk);

void recorder_codes__seen(struct recorder_codes *c, uint32_t id);

/* Forgets those not seen in this look nor in the one before, which no call from chunk `first` on
 * names. forget may be NULL. */
void recorder_codes__sweep(struct recorder_codes *c, uint64_t first,
			   void (*forget)(void *ctx, uint32_t code), void *ctx);

uint64_t recorder_codes__count(const struct recorder_codes *c);
void recorder_codes__write(const struct recorder_codes *c, struct capture_writer *w);

#endif
