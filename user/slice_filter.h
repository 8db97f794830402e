/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VTBPF_SLICE_FILTER_H
#define VTBPF_SLICE_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "function_filter.h"

/* Which threads and calls reach the output. Arrays are the caller's and NULL-free strings. */
struct slice_filter {
	const char **ignore_threads; /* tid, "ident:0x...", or glob on the Python name or comm */
	size_t n_ignore_threads;
	const char **only_threads;
	size_t n_only_threads;
	uint64_t min_duration_ns; /* shorter calls are left out, equal ones kept */
	int max_stack_depth;	  /* calls this deep are left out (outermost is 0); -1: no limit */
	struct function_filter functions; /* cwd is what the input says */
	uint64_t tracer_entries;	  /* only so many, the newest, finished calls; 0: all */
};

#endif
