/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --trigger in a recording: tells the kernel side which functions to watch as their names come, hears
 * what it found, looks for watched calls that do not end, learns what is usual. Where a dump is due
 * it says so; making it is flight.c's.
 */
#ifndef VTBPF_TRIGGERS_H
#define VTBPF_TRIGGERS_H

#include "../discover/py_reader.h"
#include "../str_list.h"
#include "hits.h"
#include "tracer.h"

#define TRIGGERS_MAX 32

struct triggers_config {
	const struct str_list *exprs; /* well-formed, at most TRIGGERS_MAX; must outlive it */
	uint64_t after_ns, cool_down_ns;
	unsigned int max_dumps;
	struct py_reader *reader; /* of process pid; both for gc only */
	pid_t pid;
	bool (*ignored)(void *ctx, pid_t tid); /* such threads trigger nothing */
	void *ctx;
};

struct triggers;

/* What the tracer must be able to watch for these, VTBPF_WATCH_*. */
uint32_t triggers__watches(const struct str_list *exprs);

/* The tracer and the reader must outlive it. NULL and errno. */
struct triggers *triggers__new(const struct triggers_config *cfg, struct tracer *t);
void triggers__free(struct triggers *t);

/* The name of a code object is known. `triggers` is a struct triggers. */
void triggers__function(void *triggers, uint32_t code, const char *name, const char *file);

/* A code object will not be called any more; all have new ids from now on. */
void triggers__forget(struct triggers *t, uint32_t code);
void triggers__restart(struct triggers *t);

/* The kernel side has found a hit. */
void triggers__record(struct triggers *t, const struct vtbpf_rec_trigger *rec);
void triggers__raise(struct triggers *t, const struct vtbpf_rec_raise *rec);

/* Looks for calls that take too long; now: CLOCK_MONOTONIC, ns. */
void triggers__tick(struct triggers *t, uint64_t now);

/* How long to wait, in ms and at most `most`, before tick wants to look again. */
int triggers__wait_ms(const struct triggers *t, int most);

/* Takes out a hit whose dump is due, or any. expr is the trigger as it was given. */
bool triggers__take(struct triggers *t, uint64_t now, bool all, struct hit *hit, const char **expr);

/* When the first hit that waits for its dump was noticed; UINT64_MAX: none waits. */
uint64_t triggers__oldest(const struct triggers *t);

/* Everything so far. Removes all watches, for their last counts. */
void triggers__finish(struct triggers *t, struct hits_sums *sums);

#endif
