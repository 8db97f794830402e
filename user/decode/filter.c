// SPDX-License-Identifier: GPL-2.0-only
#include "filter.h"

#include <stdio.h>

#include "../thread_selector.h"

bool filter__keeps_thread(const struct slice_filter *f, const struct thread *th)
{
	struct thread_ids ids = {
		.tid = th->tid,
		.ident = th->ident,
		.name = th->name,
		.comm = th->comm,
	};

	if (thread_selector__any(f->ignore_threads, f->n_ignore_threads, &ids))
		return false;
	return !f->n_only_threads || thread_selector__any(f->only_threads, f->n_only_threads, &ids);
}

/* In the largest unit without decimals: as most people write it. */
static int duration_text(uint64_t ns, char *buf, size_t size)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	int unit = 0;

	for (; unit < 3 && ns % 1000 == 0; unit++)
		ns /= 1000;
	return snprintf(buf, size, "--min-duration %llu%s", (unsigned long long)ns, units[unit]);
}

int filter__text(const struct slice_filter *f, size_t i, char *buf, size_t size)
{
	if (i < f->n_ignore_threads)
		return snprintf(buf, size, "--ignore-thread %s", f->ignore_threads[i]);
	i -= f->n_ignore_threads;
	if (i < f->n_only_threads)
		return snprintf(buf, size, "--only-thread %s", f->only_threads[i]);
	i -= f->n_only_threads;
	if (f->min_duration_ns && i-- == 0)
		return duration_text(f->min_duration_ns, buf, size);
	if (f->max_stack_depth >= 0 && i == 0)
		return snprintf(buf, size, "--max-stack-depth %d", f->max_stack_depth);
	return 0;
}
