/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flight recorder (--tracer-entries, --keep-last): the newest calls that ended, or samples, and what
 * is needed to read them, in memory. It takes every record of a capture in place of the file. What is
 * kept is bounded however long it runs: of threads, stacks and code objects that are gone, only those are
 * known that a kept call or sample refers to.
 */
#ifndef VTBPF_RECORDER_H
#define VTBPF_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture_writer.h"

/* Most memory for calls when they are kept by time: 16 million calls. */
#define RECORDER_MAX_BYTES (512ULL << 20)

struct recorder_config {
	uint64_t calls; /* (a sample counts as one) keep so many that ended, the newest; 0: no such limit */
	uint64_t keep_ns; /* keep those that ended less than this before the newest; 0: likewise */
	uint64_t max_bytes; /* for calls, whatever the other limits say; 0: what `calls` may need */
	void (*forget)(void *ctx,
		       uint32_t code); /* a code object will not be named again, or NULL */
	void *ctx;
};

/* What it holds. */
struct recorder_use {
	uint64_t calls, bytes, codes, threads; /* calls: and samples */
	uint64_t dropped;		       /* calls and samples that gave way to newer ones */
	uint64_t cut_until; /* the newest that max_bytes drove out ended then, ns; 0: none */
};

struct recorder;

/* NULL when out of memory. */
struct recorder *recorder__new(const struct recorder_config *cfg);
void recorder__free(struct recorder *r);

/* Takes a copy of a record. `recorder` is a struct recorder: this is a capture_writer's sink. */
void recorder__push(void *recorder, const struct vtbpf_rec *rec);

/* What ended at `since` (ns) or later stays, as far as max_bytes allows. UINT64_MAX: nothing more than
 * keep_ns says. */
void recorder__hold(struct recorder *r, uint64_t since);

/*
 * Writes what is kept, but for calls that ended before `since` (ns): metadata first, then calls as they
 * came, and how many calls are not there. It stays kept. Returns that number.
 */
uint64_t recorder__write(const struct recorder *r, struct capture_writer *w, uint64_t since);

void recorder__use(const struct recorder *r, struct recorder_use *use);

/*
 * Code objects the target has no more, and stacks that the kernel side has told of: it is to forget
 * these right before a look, and tells of those anew that it still meets. When it is time to look, tell
 * of each code object that it may still call, and those that no call refers to either are forgotten. One
 * that is told of late is not lost: it must be missing twice. A look that was not complete does not
 * count.
 */
bool recorder__wants_look(const struct recorder *r);
void recorder__begin_look(struct recorder *r);
void recorder__see(void *recorder, uint32_t code);
void recorder__end_look(struct recorder *r, bool complete);

#endif
