// SPDX-License-Identifier: GPL-2.0-only
#include "py_thread_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../array.h"

int thread_list__add(struct py_threads *list, const struct py_thread *t)
{
	if (list->n >= PY_MAX_THREADS)
		return -EFBIG;
	if (ARRAY_ONE_MORE(list->threads, list->n))
		return -ENOMEM;
	list->threads[list->n++] = *t;
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct thread_index *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

struct thread_index *thread_list__index(const struct py_threads *list, size_t first,
					enum thread_key by)
{
	size_t n = list->n - first, i;
	struct thread_index *index = calloc(n ? n : 1, sizeof(*index));
	const struct py_thread *t;

	if (!index)
		return NULL;
	for (i = 0; i < n; i++) {
		t = &list->threads[first + i];
		index[i].key = by == THREADS_BY_IDENT ? t->ident : (uint64_t)t->tid;
		index[i].thread = first + i;
	}
	qsort(index, n, sizeof(*index), compare_keys);
	return index;
}

/* Removes the entries from `first` on that are marked by an impossible tid. */
static void remove_marked(struct py_threads *list, size_t first)
{
	size_t i, kept = first;

	for (i = first; i < list->n; i++) {
		if (list->threads[i].tid < 0)
			free(list->threads[i].name);
		else
			list->threads[kept++] = list->threads[i];
	}
	list->n = kept;
}

/*
 * Up to 3.11 a thread makes the state of the thread that it starts, which bears the maker's ident
 * until the new thread runs (_PyThreadState_Prealloc, Python/pystate.c). Such a state has no frame;
 * it is dropped where another one has the same ident.
 */
int thread_list__drop_unstarted(struct py_threads *list, size_t first)
{
	struct thread_index *index = thread_list__index(list, first, THREADS_BY_IDENT);
	size_t n = list->n - first, i;
	struct py_thread *a, *b;

	if (!index)
		return -ENOMEM;
	for (i = 0; i + 1 < n; i++) {
		a = &list->threads[index[i].thread];
		b = &list->threads[index[i + 1].thread];
		if (a->ident == b->ident && !a->frame)
			a->tid = -1;
		else if (a->ident == b->ident && !b->frame)
			b->tid = -1;
	}
	remove_marked(list, first);
	free(index);
	return 0;
}

static int rank(const struct py_thread *t)
{
	return (t->tstate ? 2 : 0) + (t->object ? 1 : 0);
}

/* Keeps the better of two entries of one thread; on a tie the first. Returns that. */
static struct py_thread *keep_better(struct py_thread *first, struct py_thread *second)
{
	struct py_thread *kept = rank(second) > rank(first) ? second : first;
	struct py_thread *dropped = kept == first ? second : first;

	if (!kept->frame)
		kept->frame = dropped->frame;
	/* interpreters come oldest first; a state without a frame only waits to be used */
	if (second->tstate && second->frame)
		kept->inner = second->inner;
	else
		kept->inner = first->inner ? first->inner : second->inner;
	dropped->tid = -1;
	return kept;
}

/* Up to 3.10 a state has no tid of its own: it is that of the thread's other states. */
static int share_tids(struct py_threads *list)
{
	struct thread_index *index = thread_list__index(list, 0, THREADS_BY_IDENT);
	size_t start, end, i;
	pid_t tid;

	if (!index)
		return -ENOMEM;
	for (start = 0; start < list->n; start = end) {
		tid = 0;
		for (end = start; end < list->n && index[end].key == index[start].key; end++)
			tid = tid ? tid : list->threads[index[end].thread].tid;
		for (i = start; i < end; i++) {
			if (!list->threads[index[i].thread].tid)
				list->threads[index[i].thread].tid = tid;
		}
	}
	free(index);
	return 0;
}

/*
 * A thread has a state in each interpreter that it entered; gevent's greenlets are Threads of one
 * thread; the Thread that stood for a foreign thread outlives it, and its tid may be used again.
 */
int thread_list__merge_tids(struct py_threads *list)
{
	struct py_thread *kept = NULL, *t;
	struct thread_index *index;
	size_t i;

	if (share_tids(list))
		return -ENOMEM;
	index = thread_list__index(list, 0, THREADS_BY_TID);
	if (!index)
		return -ENOMEM;
	for (i = 0; i < list->n; i++) {
		t = &list->threads[index[i].thread];
		kept = kept && t->tid && t->tid == kept->tid ? keep_better(kept, t) : t;
	}
	remove_marked(list, 0);
	free(index);
	return 0;
}

void py_threads__free(struct py_threads *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < t->n; i++)
		free(t->threads[i].name);
	free(t->threads);
	memset(t, 0, sizeof(*t));
}
