// SPDX-License-Identifier: GPL-2.0-only
#include "filter.h"

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
