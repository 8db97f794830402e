// SPDX-License-Identifier: GPL-2.0-only
#include "filter.h"

#include <stdio.h>

#include "../thread_selector.h"

/* A thread is what any of the names that it had says. */
static bool any_matches(const char **selectors, size_t n, const struct thread *th)
{
	struct thread_ids ids = {
		.tid = th->tid,
		.ident = th->ident,
		.name = th->name,
		.comm = th->comm,
	};
	const struct thread_former *f;

	if (thread_selector__any(selectors, n, &ids))
		return true;
	for (f = n ? th->formers : NULL; f; f = f->next) {
		ids.name = f->name;
		if (thread_selector__any(selectors, n, &ids))
			return true;
	}
	return false;
}

bool filter__keeps_thread(const struct slice_filter *f, const struct thread *th)
{
	if (any_matches(f->ignore_threads, f->n_ignore_threads, th))
		return false;
	return !f->n_only_threads || any_matches(f->only_threads, f->n_only_threads, th);
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
	const struct function_filter *fn = &f->functions;
	const struct {
		const char *option, **values;
		size_t n;
	} lists[] = {
		{ "ignore-thread", f->ignore_threads, f->n_ignore_threads },
		{ "only-thread", f->only_threads, f->n_only_threads },
		{ "ignore-function", fn->ignore.items, fn->ignore.n },
		{ "only-function", fn->only.items, fn->only.n },
		{ "include-files", fn->include_files.items, fn->include_files.n },
		{ "exclude-files", fn->exclude_files.items, fn->exclude_files.n },
		{ "c-calls", fn->c_calls.items, fn->c_calls.n },
	};
	size_t list;

	for (list = 0; list < sizeof(lists) / sizeof(lists[0]); list++) {
		if (i < lists[list].n)
			return snprintf(buf, size, "--%s %s", lists[list].option,
					lists[list].values[i]);
		i -= lists[list].n;
	}
	if (fn->cut && i-- == 0)
		return snprintf(buf, size, "--cut");
	if (f->min_duration_ns && i-- == 0)
		return duration_text(f->min_duration_ns, buf, size);
	if (f->max_stack_depth >= 0 && i-- == 0)
		return snprintf(buf, size, "--max-stack-depth %d", f->max_stack_depth);
	if (f->tracer_entries && i == 0)
		return snprintf(buf, size, "--tracer-entries %llu",
				(unsigned long long)f->tracer_entries);
	return 0;
}
