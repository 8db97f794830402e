// SPDX-License-Identifier: GPL-2.0-only
/* Looks at all threads of the target from outside. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../discover/proc_task.h"
#include "../discover/py_tids.h"
#include "../urgent.h"
#include "thread_names_state.h"

/* The thread's id as it knows it itself, 0 when it is gone. */
static pid_t inner_tid(const struct thread_names *n, pid_t tid)
{
	char path[64];
	pid_t inner;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", n->cfg.pid, tid);
	return py_tids__read_ns(path, NULL, &inner) ? 0 : inner;
}

char *known_thread__name_from_object(const struct thread_names *n, const struct known_thread *k)
{
	pid_t inner = k->root_self ? inner_tid(n, k->tid) : 0;
	char *name;

	if (!inner)
		return NULL;
	urgent__begin();
	name = py_thread_name(n->cfg.reader, k->root_self, inner);
	urgent__end();
	return name;
}

/*
 * The thread that has this id and was already there when the scan began, NULL when it cannot be
 * said: what was read may be of one that is gone, and the id another's by now.
 */
static struct known_thread *identify(struct thread_names *n, pid_t tid, struct proc_task *task)
{
	struct known_thread *k = known_thread__find(n, tid);

	if (proc_task__read(n->cfg.pid, tid, task) || (k && k->gone) ||
	    (k && k->start_ticks && k->start_ticks != task->start))
		return NULL;
	if (task->start >= n->scan_ticks) {
		n->too_young = true;
		return NULL;
	}
	if (!k)
		k = known_thread__get(n, tid);
	if (!k)
		return NULL;
	k->start_ticks = task->start;
	k->early |= task->start < n->early_ticks;
	return k;
}

/* Takes p's name. */
static void learn_python(struct thread_names *n, struct py_thread *p)
{
	struct news news = { .ident = p->ident, .name = p->name, .name_final = true };
	struct known_thread *k;
	struct proc_task task;

	k = p->tid ? identify(n, p->tid, &task) : NULL;
	if (!k)
		return;
	news.comm = task.comm;
	p->name = NULL;
	known_thread__learn(n, k, &news);
}

/* A thread that Python knows nothing of: started by C code, or not yet registered. */
static void learn_native(struct thread_names *n, pid_t tid)
{
	struct known_thread *k = known_thread__find(n, tid);
	struct proc_task task;
	struct news news = { .comm = task.comm };

	if (k && k->name)
		return;
	k = identify(n, tid, &task);
	if (!k)
		return;
	news.name = known_thread__name_from_object(n, k);
	news.name_final = k->decided && !k->awaited;
	known_thread__learn(n, k, &news);
}

static void learn_natives(struct thread_names *n)
{
	pid_t *tids = NULL;
	size_t count = 0;

	if (proc_task__list(n->cfg.pid, &tids, &count))
		return;
	for (size_t i = 0; i < count; i++)
		learn_native(n, tids[i]);
	free(tids);
}

/* Threads that came and went without an event. */
static void forget_unseen(struct thread_names *n)
{
	struct known_thread *k, *tmp;
	struct proc_task task;

	HASH_ITER(hh, n->threads, k, tmp)
		if (!k->start_time && !k->early &&
		    (proc_task__read(n->cfg.pid, k->tid, &task) || task.start != k->start_ticks))
			known_thread__forget(n, k);
}

static unsigned int count_nameless(const struct thread_names *n)
{
	const struct known_thread *k;
	unsigned int count = 0;

	for (k = n->threads; k; k = k->hh.next)
		count += !k->name && !k->gone;
	return count;
}

static int scan(struct thread_names *n)
{
	struct py_threads threads = {};
	int err;

	n->too_young = false;
	n->scan_ticks = thread_names__clock(CLOCK_BOOTTIME) / VTBPF_TICK_NS;
	urgent__begin();
	err = py_threads__read(n->cfg.reader, &threads);
	urgent__end();
	if (!err)
		err = py_threads__map_tids(&threads, n->cfg.pid);
	for (size_t i = 0; !err && i < threads.n; i++)
		learn_python(n, &threads.threads[i]);
	py_threads__free(&threads);
	learn_natives(n);
	forget_unseen(n);
	n->nameless = count_nameless(n);
	return err;
}

int thread_names__scan(struct thread_names *n)
{
	const struct timespec tick = { .tv_nsec = VTBPF_TICK_NS + VTBPF_TICK_NS / 10 };
	int err = scan(n);

	/* before recording begins all that are there are to be known */
	if (err || n->announced || !n->too_young)
		return err;
	nanosleep(&tick, NULL);
	return scan(n);
}
