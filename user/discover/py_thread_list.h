/* SPDX-License-Identifier: GPL-2.0-only */
/* The list that py_threads__read fills: adding to it, finding in it, making its entries unique. */
#ifndef VTBPF_PY_THREAD_LIST_H
#define VTBPF_PY_THREAD_LIST_H

#include "py_threads.h"

#define PY_MAX_THREADS 65536

enum thread_key { THREADS_BY_IDENT, THREADS_BY_TID };

/* Sorted by key; entries of the same key in the order of the list. */
struct thread_index {
	uint64_t key;
	size_t thread; /* position in the list */
};

/* Appends a copy of t, whose name the list then owns. 0, -EFBIG or -ENOMEM (the name is not
 * taken). */
int thread_list__add(struct py_threads *list, const struct py_thread *t);

/* An index of the entries from `first` on, for the caller to free; NULL without memory. */
struct thread_index *thread_list__index(const struct py_threads *list, size_t first,
					enum thread_key by);

/* Drops thread states that no thread runs on yet, from `first` on. 0 or -ENOMEM. */
int thread_list__drop_unstarted(struct py_threads *list, size_t first);

/* Leaves one entry for each tid. 0 or -ENOMEM. */
int thread_list__merge_tids(struct py_threads *list);

#endif
