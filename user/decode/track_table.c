// SPDX-License-Identifier: GPL-2.0-only
#include "track_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define MADE_UP_FIRST (KERNEL_TID_MAX + 1)
#define MADE_UP_MAX 0x7fffffffu

struct key {
	struct thread *thread; /* NULL: all of the process */
	uint32_t kind, number;
	uint32_t pid, process;
};

struct entry {
	struct track track;
	struct key key;
	UT_hash_handle hh;
};

struct track_table {
	struct entry *by_key;
	struct track *first, *last;
	uint32_t next_tid;
	uint32_t count;
};

struct track_table *track_table__new(void)
{
	struct track_table *t = calloc(1, sizeof(*t));

	if (t)
		t->next_tid = MADE_UP_FIRST;
	return t;
}

void track_table__free(struct track_table *t)
{
	struct track *track;

	if (!t)
		return;
	HASH_CLEAR(hh, t->by_key);
	while ((track = t->first)) {
		t->first = track->all;
		nest__release(&track->nest);
		cut_list__release(&track->cuts);
		follower_list__release(&track->followers);
		free(track->given);
		free(track); /* first member of its entry */
	}
	free(t);
}

static void link_track(struct track_table *t, struct track *track)
{
	struct track **head = &track->thread->tracks;

	if (t->last)
		t->last->all = track;
	else
		t->first = track;
	t->last = track;
	if (track->kind != TRACK_THREAD && *head)
		head = &(*head)->next;
	track->next = *head;
	*head = track;
}

static struct track *make(struct track_table *t, const struct key *key, struct thread *th)
{
	struct entry *e;

	if (key->kind != TRACK_THREAD && t->next_tid > MADE_UP_MAX)
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->key = *key;
	HASH_ADD(hh, t->by_key, key, sizeof(e->key), e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	e->track.kind = key->kind;
	e->track.number = key->number;
	e->track.thread = th;
	e->track.tid = key->kind == TRACK_THREAD ? th->tid : t->next_tid++;
	e->track.index = t->count++;
	link_track(t, &e->track);
	return &e->track;
}

struct track *track_table__get(struct track_table *t, struct thread *th, enum track_kind kind,
			       uint32_t number)
{
	struct key key = { .thread = th, .kind = kind, .number = number };
	struct entry *e;

	if (kind == TRACK_THREAD && th->tracks && th->tracks->kind == TRACK_THREAD)
		return th->tracks;
	if (kind == TRACK_GIL)
		key = (struct key){
			.kind = kind, .number = number, .pid = th->pid, .process = th->process
		};
	HASH_FIND(hh, t->by_key, &key, sizeof(key), e);
	return e ? &e->track : make(t, &key, th);
}

struct track *track_table__overflow(struct track_table *t, struct track *track)
{
	struct key key = { .thread = track->thread, .kind = TRACK_OVERFLOW };

	if (track->overflow)
		return track->overflow;
	/* The number tells overflow tracks of one thread apart: they may belong to different
	 * greenlets. */
	key.number = track->index;
	return track->overflow = make(t, &key, track->thread);
}

int track__give_name(struct track *track, const char *name, size_t n)
{
	char *given = malloc(n + 1);

	if (!given)
		return -ENOMEM;
	memcpy(given, name, n);
	given[n] = '\0';
	free(track->given);
	track->given = given;
	return 0;
}

uint32_t track_table__spare_tid(struct track_table *t)
{
	return t->next_tid <= MADE_UP_MAX ? t->next_tid++ : 0;
}

struct track *track_table__first(const struct track_table *t)
{
	return t->first;
}

int track__name(const struct track *track, char *buf, size_t size)
{
	const char *name = thread__name(track->thread);

	if (track->given)
		return snprintf(buf, size, "%s", track->given);
	switch (track->kind) {
	case TRACK_GIL:
		if (!track->number)
			return snprintf(buf, size, "GIL");
		return snprintf(buf, size, "GIL %u", track->number);
	case TRACK_GREENLET:
		return snprintf(buf, size, "%s greenlet %u", name, track->number);
	case TRACK_LOST:
		return snprintf(buf, size, "%s <lost>", name);
	case TRACK_OVERFLOW:
		return snprintf(buf, size, "%s <overlapping>", name);
	default:
		return snprintf(buf, size, "%s", name);
	}
}
