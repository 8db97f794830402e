// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "chrome_tracks.h"

#define FORMER_NAMES_MAX 64

static void free_names(struct thread *th)
{
	struct thread_former *f;

	while ((f = th->formers)) {
		th->formers = f->next;
		free(f);
	}
}

void chrome_tracks__release(struct chrome_tracks *t)
{
	struct chrome_track *track, *tmp;

	HASH_ITER(hh, t->by_key, track, tmp) {
		HASH_DEL(t->by_key, track);
		free_names(&track->thread);
		call_tree__release(&track->calls);
		free(track);
	}
	t->last = NULL;
}

struct chrome_track *chrome_tracks__get(struct chrome_tracks *t, const struct chrome_key *key)
{
	struct chrome_track *track = t->last;

	if (track && !memcmp(&track->key, key, sizeof(*key)))
		return track;
	HASH_FIND(hh, t->by_key, key, sizeof(*key), track);
	if (track)
		return t->last = track;
	track = calloc(1, sizeof(*track));
	if (!track)
		return NULL;
	track->key = *key;
	/* what is no kernel's id is none of a selector's either */
	track->thread.tid = key->odd || key->tid > UINT32_MAX ? UINT32_MAX : (uint32_t)key->tid;
	track->ignored = t->filter && !filter__keeps_thread(t->filter, &track->thread);
	HASH_ADD(hh, t->by_key, key, sizeof(*key), track);
	if (!track->hh.tbl) {
		free(track);
		return NULL;
	}
	return t->last = track;
}

/* ---- what is known of a thread ---------------------------------------------------------- */

static bool has_name(const struct thread *th, const char *name, size_t *n)
{
	const struct thread_former *f;

	for (f = th->formers; f; f = f->next, ++*n) {
		if (!strcmp(f->name, name))
			return true;
	}
	return false;
}

/* One more of the names that it had; which was last does not matter. */
static int add_name(struct thread *th, struct json_span name)
{
	struct thread_former *f = malloc(sizeof(*f) + name.n + 1);
	size_t n = 0;

	if (!f)
		return -ENOMEM;
	if (json_text__unquote(name, f->name) < 0 || has_name(th, f->name, &n) ||
	    n >= FORMER_NAMES_MAX) {
		free(f);
		return 0;
	}
	f->next = th->formers;
	th->formers = f;
	return 0;
}

static bool says_owner(const struct chrome_event *ev, struct chrome_key *owner)
{
	struct json_span tid;
	int64_t id;

	*owner = ev->key;
	if (owner->odd || owner->tid <= KERNEL_TID_MAX || !ev->args.n)
		return false;
	if (!json_text__find(ev->args, "tid", &tid) || !json_text__to_int(tid, &id) || id <= 0 ||
	    id > KERNEL_TID_MAX)
		return false;
	owner->tid = (uint64_t)id;
	return true;
}

struct chrome_track *chrome_tracks__of_event(struct chrome_tracks *t, const struct chrome_event *ev)
{
	struct chrome_key key;

	return says_owner(ev, &key) ? chrome_tracks__get(t, &key) : NULL;
}

/* vtbpf's tracks that are no threads say whose they are. */
static int note_owner(struct chrome_tracks *t, struct chrome_track *track,
		      const struct chrome_event *ev)
{
	struct chrome_key key;

	if (track->shared || !says_owner(ev, &key))
		return 0;
	if (track->owner) {
		track->shared = memcmp(&track->owner->key, &key, sizeof(key));
		return 0;
	}
	track->owner = chrome_tracks__get(t, &key);
	return track->owner ? 0 : -ENOMEM;
}

int chrome_tracks__note(struct chrome_tracks *t, struct chrome_track *track,
			const struct chrome_event *ev)
{
	struct json_span name;

	if (ev->kind == CHROME_THREAD_NAME)
		return ev->args.n && json_text__find(ev->args, "name", &name) ?
			       add_name(&track->thread, name) :
			       0;
	return note_owner(t, track, ev);
}

int chrome_tracks__note_plain(struct chrome_tracks *t, struct json_span event)
{
	struct chrome_key key;

	if (!chrome_event__glance(event, &key) || key.odd || key.tid > KERNEL_TID_MAX)
		return 0;
	return chrome_tracks__get(t, &key) ? 1 : -ENOMEM;
}

/* A small string without escapes. */
static void copy_string(struct json_span object, const char *key, char *to, size_t size)
{
	struct json_span s;

	if (!json_text__find(object, key, &s) || s.n < 2 || s.n - 2 >= size || *s.p != '"')
		return;
	memcpy(to, s.p + 1, s.n - 2);
	to[s.n - 2] = '\0';
}

struct chrome_track *chrome_tracks__of_thread(struct chrome_tracks *t, struct json_span thread)
{
	struct chrome_key key = {};
	struct json_span pid, tid;
	int64_t p, n;

	if (!json_text__find(thread, "pid", &pid) || !json_text__find(thread, "tid", &tid) ||
	    !json_text__to_int(pid, &p) || !json_text__to_int(tid, &n) || p < 0 || n < 0)
		return NULL;
	key.pid = (uint64_t)p;
	key.tid = (uint64_t)n;
	return chrome_tracks__get(t, &key);
}

int chrome_tracks__note_threads(struct chrome_tracks *t, struct json_span threads)
{
	struct json_span rest, thread, name;
	struct chrome_track *track;
	char ident[32];
	int err = 0;

	if (!json_text__enter(threads, '[', &rest))
		return 0;
	while (!err && json_text__next_element(&rest, &thread) > 0) {
		track = chrome_tracks__of_thread(t, thread);
		if (!track)
			continue;
		ident[0] = '\0';
		copy_string(thread, "ident", ident, sizeof(ident));
		track->thread.ident = strtoull(ident, NULL, 16);
		copy_string(thread, "comm", track->thread.comm, sizeof(track->thread.comm));
		if (json_text__find(thread, "name", &name))
			err = add_name(&track->thread, name);
	}
	return err;
}

void chrome_tracks__decide(struct chrome_tracks *t, const struct slice_filter *f)
{
	struct chrome_track *track, *tmp;

	t->filter = f;
	HASH_ITER(hh, t->by_key, track, tmp)
		track->ignored = !track->shared &&
				 !filter__keeps_thread(f, track->owner ? &track->owner->thread :
									 &track->thread);
}
