// SPDX-License-Identifier: GPL-2.0-only
#include "recorder_threads.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct recorder_thread {
	uint32_t tid;
	struct vtbpf_rec_thread first; /* its first event; len 0: none yet */
	struct vtbpf_rec *name;	       /* a VTBPF_REC_THREAD_NAME, or NULL */
	UT_hash_handle hh;
};

static void forget(struct recorder_threads *t, struct recorder_thread *th)
{
	HASH_DEL(t->by_tid, th);
	free(th->name);
	free(th);
}

void recorder_threads__release(struct recorder_threads *t)
{
	struct recorder_thread *th, *tmp;

	HASH_ITER(hh, t->by_tid, th, tmp)
		forget(t, th);
}

bool recorder_threads__is_about(const struct vtbpf_rec *rec)
{
	return rec->kind == VTBPF_REC_THREAD || rec->kind == VTBPF_REC_THREAD_NAME ||
	       rec->kind == VTBPF_REC_THREAD_EXIT;
}

static struct recorder_thread *find(struct recorder_threads *t, uint32_t tid)
{
	struct recorder_thread *th;

	HASH_FIND(hh, t->by_tid, &tid, sizeof(tid), th);
	return th;
}

static struct recorder_thread *get(struct recorder_threads *t, uint32_t tid)
{
	struct recorder_thread *th = find(t, tid);

	if (th)
		return th;
	th = calloc(1, sizeof(*th));
	if (!th)
		return NULL;
	th->tid = tid;
	HASH_ADD(hh, t->by_tid, tid, sizeof(th->tid), th);
	if (th->hh.tbl)
		return th;
	free(th);
	return NULL;
}

static void note_first(struct recorder_thread *th, const struct vtbpf_rec_thread *rec)
{
	if (th->first.rec.len && th->first.start_time != rec->start_time) {
		free(th->name); /* another thread's, whose end was not told */
		th->name = NULL;
	}
	th->first = *rec;
}

static void note_name(struct recorder_thread *th, const struct vtbpf_rec *rec)
{
	struct vtbpf_rec *copy = malloc(rec->len);

	if (!copy)
		return;
	memcpy(copy, rec, rec->len);
	free(th->name);
	th->name = copy;
}

void recorder_threads__fold(struct recorder_threads *t, const struct vtbpf_rec *rec)
{
	struct recorder_thread *th;

	if (!recorder_threads__is_about(rec))
		return;
	th = rec->kind == VTBPF_REC_THREAD_EXIT ? find(t, rec->tid) : get(t, rec->tid);
	if (!th)
		return;
	if (rec->kind == VTBPF_REC_THREAD_EXIT)
		forget(t, th);
	else if (rec->kind == VTBPF_REC_THREAD)
		note_first(th, (const void *)rec);
	else
		note_name(th, rec);
}

uint64_t recorder_threads__count(const struct recorder_threads *t)
{
	return HASH_COUNT(t->by_tid);
}

void recorder_threads__write(const struct recorder_threads *t, struct capture_writer *w)
{
	for (const struct recorder_thread *th = t->by_tid; th; th = th->hh.next) {
		if (th->first.rec.len)
			capture_writer__append(w, &th->first.rec);
		if (th->name)
			capture_writer__append(w, th->name);
	}
}
