/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions that the kernel side watches for triggers. Only a tracer whose configuration asked for it
 * (tracer_config.triggers) can. */
#ifndef VTBPF_WATCH_H
#define VTBPF_WATCH_H

#include "tracer.h"

#define WATCH_MAX 4096 /* functions at a time */

struct watch_set;

/* NULL and errno. The tracer must outlive it. */
struct watch_set *watch_set__new(struct tracer *t);
void watch_set__free(struct watch_set *s);

/*
 * Watches code object `code` from now on: what (VTBPF_WATCH_*), and against which limits, is what
 * `w` says, of which limit_ns, quiet_ns, rates and learns are taken. Returns what the kernel side
 * reads and writes from then on; NULL when there are WATCH_MAX already, or its id is too high.
 */
struct code_watch *watch_set__add(struct watch_set *s, uint32_t code, uint32_t what,
				  const struct code_watch *w);
void watch_set__remove(struct watch_set *s, uint32_t code);

/* An open call of a watched function. */
struct running_call {
	pid_t tid;
	uint32_t code;
	uint64_t start;
};

/* Tells of all calls that are open and watched for their length. */
void watch_set__running(struct watch_set *s, void (*fn)(void *ctx, const struct running_call *call),
			void *ctx);

#endif
