/* SPDX-License-Identifier: GPL-2.0-only */
/* The X of --ignore-thread and --only-thread: a tid, ident:0x..., or a glob on a thread's names. */
#ifndef VTBPF_THREAD_SELECTOR_H
#define VTBPF_THREAD_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of the thread in question. */
struct thread_ids {
	uint32_t tid;
	uint64_t ident;	  /* 0 unknown */
	const char *name; /* Python's, NULL unknown */
	const char *comm; /* NULL unknown */
};

/* Is `selector` the thread? `*` in a glob matches anything, `/` too. A selector of digits is a
 * tid. */
bool thread_selector__matches(const char *selector, const struct thread_ids *ids);

/* Is any of n selectors the thread? */
bool thread_selector__any(const char **selectors, size_t n, const struct thread_ids *ids);

#endif
