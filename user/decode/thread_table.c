// SPDX-License-Identifier: GPL-2.0-only
#include "thread_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define RECENT_SLOTS 256

struct slot {
	struct slot_key {
		uint32_t tid, process;
	} key;
	struct thread *first, *last, *current;
	UT_hash_handle hh;
};

struct thread_table {
	struct slot *by_tid;
	struct slot *recent[RECENT_SLOTS]; /* by tid modulo */
	struct thread *first, *last;
	uint32_t part, process; /* whose threads are asked for */
};

struct thread_table *thread_table__new(void)
{
	return calloc(1, sizeof(struct thread_table));
}

static void free_formers(struct thread *th)
{
	struct thread_former *f;

	while ((f = th->formers)) {
		th->formers = f->next;
		free(f);
	}
}

void thread_table__free(struct thread_table *t)
{
	struct slot *s, *tmp;
	struct thread *th;

	if (!t)
		return;
	HASH_ITER(hh, t->by_tid, s, tmp) {
		HASH_DEL(t->by_tid, s);
		free(s);
	}
	while ((th = t->first)) {
		t->first = th->next;
		free_formers(th);
		free(th->name);
		free(th);
	}
	free(t);
}

static struct slot *find(struct thread_table *t, uint32_t tid)
{
	struct slot **recent = &t->recent[tid % RECENT_SLOTS];

	const struct slot_key key = { tid, t->process };

	if (!*recent || (*recent)->key.tid != tid || (*recent)->key.process != t->process)
		HASH_FIND(hh, t->by_tid, &key, sizeof(key), *recent);
	return *recent;
}

static struct slot *add_slot(struct thread_table *t, uint32_t tid)
{
	struct slot *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->key.tid = tid;
	s->key.process = t->process;
	HASH_ADD(hh, t->by_tid, key, sizeof(s->key), s);
	if (!s->hh.tbl) {
		free(s);
		return NULL;
	}
	return s;
}

/* One more thread for the slot, which becomes its current one. */
static struct thread *add_thread(struct thread_table *t, struct slot *s)
{
	struct thread *th = calloc(1, sizeof(*th));

	if (!th)
		return NULL;
	th->tid = s->key.tid;
	th->process = s->key.process;
	th->part = t->part;
	if (s->last)
		s->last->next_of_tid = th;
	else
		s->first = th;
	s->last = s->current = th;
	th->first_of_tid = s->first;
	if (t->last)
		t->last->next = th;
	else
		t->first = th;
	t->last = th;
	return th;
}

struct thread *thread_table__get(struct thread_table *t, uint32_t tid)
{
	struct slot *s = find(t, tid);

	if (!s)
		s = add_slot(t, tid);
	if (!s)
		return NULL;
	return s->current ? s->current : add_thread(t, s);
}

/* Makes the thread of that start time the one that tid stands for, if it is known. */
static bool go_to(struct slot *s, uint64_t start_time)
{
	struct thread *th = s && start_time ? s->first : NULL;

	while (th && th->start_time != start_time)
		th = th->next_of_tid;
	if (th)
		s->current = th;
	return th;
}

/* A thread without a start time was only named so far, and this is it, unless it has ended. */
static bool is_other_thread(const struct thread *th, const struct event_thread *ev)
{
	if (!ev->start_time)
		return false;
	return th->start_time ? th->start_time != ev->start_time : th->exit && th->exit <= ev->ts;
}

int thread_table__seen(struct thread_table *t, uint32_t tid, const struct event_thread *ev)
{
	struct thread *th;

	/* The record comes again among the calls that --tracer-entries kept. */
	go_to(find(t, tid), ev->start_time);
	th = thread_table__get(t, tid);
	if (th && is_other_thread(th, ev))
		th = add_thread(t, find(t, tid));
	if (!th)
		return -ENOMEM;
	if (!th->first)
		th->first = ev->ts;
	if (ev->start_time)
		th->start_time = ev->start_time;
	if (ev->tgid)
		th->pid = ev->tgid;
	if (ev->comm[0])
		memcpy(th->comm, ev->comm, sizeof(th->comm));
	return 0;
}

/* A new name for a thread that has one and is gone is the name of the tid's next thread, which the
 * tracer's user side may have seen before the thread's first event came through the ring buffer. */
static bool is_next_thread(const struct thread *th, const struct event_thread_name *ev)
{
	return th->exit && th->name && ev->name.len &&
	       (strlen(th->name) != ev->name.len || memcmp(th->name, ev->name.data, ev->name.len));
}

static int keep_former(struct thread *th, const char *new_name)
{
	size_t size = th->name ? strlen(th->name) + 1 : 0;
	struct thread_former *f;

	if (!size || (new_name && !strcmp(th->name, new_name)))
		return 0;
	f = malloc(sizeof(*f) + size);
	if (!f)
		return -ENOMEM;
	memcpy(f->name, th->name, size);
	f->next = th->formers;
	th->formers = f;
	return 0;
}

int thread_table__named(struct thread_table *t, uint32_t tid, const struct event_thread_name *ev)
{
	struct thread *th = thread_table__get(t, tid);
	char *name = NULL;

	if (th && is_next_thread(th, ev))
		th = add_thread(t, find(t, tid));
	if (!th)
		return -ENOMEM;
	if (ev->name.len) {
		name = strndup(ev->name.data, ev->name.len);
		if (!name)
			return -ENOMEM;
	}
	if (keep_former(th, name)) {
		free(name);
		return -ENOMEM;
	}
	free(th->name);
	th->name = name;
	if (ev->ident)
		th->ident = ev->ident;
	if (ev->tgid)
		th->pid = ev->tgid;
	if (ev->comm[0])
		memcpy(th->comm, ev->comm, sizeof(th->comm));
	return 0;
}

int thread_table__exited(struct thread_table *t, uint32_t tid, uint64_t ts)
{
	struct thread *th = thread_table__get(t, tid);

	if (!th)
		return -ENOMEM;
	th->exit = ts;
	return 0;
}

void thread_table__rewind(struct thread_table *t)
{
	struct slot *s, *tmp;

	HASH_ITER(hh, t->by_tid, s, tmp)
		s->current = s->first;
}

void thread_table__part(struct thread_table *t, uint32_t part, uint32_t process)
{
	t->part = part;
	t->process = process;
}

void thread_table__switch(struct thread_table *t, uint32_t tid, const struct event_thread *ev)
{
	go_to(find(t, tid), ev->start_time);
}

struct thread *thread_table__first(const struct thread_table *t)
{
	return t->first;
}

struct thread *thread_table__first_of(struct thread_table *t, uint32_t tid)
{
	struct slot *s = find(t, tid);

	return s ? s->first : NULL;
}

const char *thread__name(const struct thread *th)
{
	return th->name && *th->name ? th->name : th->comm;
}
