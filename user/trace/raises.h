/* SPDX-License-Identifier: GPL-2.0-only */
/* Exceptions that triggers wait for: decides on each type in each function once, and tells the kernel
 * side. Only a tracer whose configuration asked for it (VTBPF_WATCH_RAISE) can. */
#ifndef VTBPF_RAISES_H
#define VTBPF_RAISES_H

#include "../trigger_expr.h"
#include "tracer.h"

#define RAISES_MAX 8192 /* pairs of type and function that the kernel side remembers */

struct raises;

/* Looks at those of the n (<= 32) triggers that are on exceptions; they and the tracer must outlive it.
 * After an exception further ones like it are only counted for quiet_ns. NULL: no memory. */
struct raises *raises__new(struct tracer *t, const struct trigger_expr *exprs, size_t n,
			   uint64_t quiet_ns);
void raises__free(struct raises *r);

/* The name of a code object is known; it will not be named again; all have new ids from now on. */
void raises__function(struct raises *r, uint32_t code, const char *name, const char *file);
void raises__forget(struct raises *r, uint32_t code);
void raises__restart(struct raises *r);

/* The triggers that wait for this one, as a mask. name: what to call it. */
uint32_t raises__judge(struct raises *r, const struct vtbpf_rec_raise *rec, char *name,
		       size_t size);

/* True once for the last one that the ring had no room for. */
bool raises__unsaid(struct raises *r, struct vtbpf_rec_raise *rec);

/* How many were only counted. */
uint64_t raises__quiet(const struct raises *r);

#endif
