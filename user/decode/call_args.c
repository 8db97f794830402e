// SPDX-License-Identifier: GPL-2.0-only
#include "call_args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "../array.h"
#include "../function_filter.h"
#include "arg_text.h"

/* Calls reach us up to so many at a time (BATCH_CALLS), so so many may be over and still come. */
#define MOST_OVER 64
#define MOST_KEPT (1 << 17)

struct begun {
	uint64_t start;
	uint32_t depth;
	bool asked;
	size_t len;
	char *data; /* of the record */
};

struct track_key {
	const struct thread *thread;
	uint64_t track;
};

/* Calls of one track, in order of their starts. */
struct args_track {
	struct track_key key;
	struct begun *begun;
	size_t n, room;
	UT_hash_handle hh;
};

void call_args__release(struct call_args *c)
{
	struct args_track *t, *tmp;

	HASH_ITER(hh, c->tracks, t, tmp) {
		HASH_DEL(c->tracks, t);
		while (t->n)
			free(t->begun[--t->n].data);
		free(t->begun);
		free(t);
	}
	free(c->text);
	memset(c, 0, sizeof(*c));
}

static struct args_track *find(struct call_args *c, const struct thread *th, uint32_t track)
{
	const struct track_key key = { th, track };
	struct args_track *t;

	HASH_FIND(hh, c->tracks, &key, sizeof(key), t);
	return t;
}

static struct args_track *find_or_add(struct call_args *c, const struct thread *th, uint32_t track)
{
	struct args_track *t = find(c, th, track);

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->key = (struct track_key){ th, track };
	HASH_ADD(hh, c->tracks, key, sizeof(t->key), t);
	if (!t->hh.tbl) {
		free(t);
		return NULL;
	}
	return t;
}

/* Forgets n calls from the `first` on. */
static void forget(struct call_args *c, struct args_track *t, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		free(t->begun[i].data);
	memmove(&t->begun[first], &t->begun[first + n], (t->n - first - n) * sizeof(*t->begun));
	t->n -= n;
	c->kept -= n;
}

/* A call of that depth begins: those before it, down to that depth, are over. */
static void forget_over(struct call_args *c, struct args_track *t, uint32_t depth)
{
	size_t first = t->n;

	while (first && t->begun[first - 1].depth >= depth)
		first--;
	if (t->n - first > MOST_OVER)
		forget(c, t, first, t->n - first - MOST_OVER);
	if (c->kept >= MOST_KEPT)
		forget(c, t, 0, (t->n + 1) / 2);
}

int call_args__add(struct call_args *c, const struct thread *th, const struct event *ev)
{
	const struct event_other *o = &ev->other;
	const struct event_bytes *bytes = &o->text[0].bytes;
	struct args_track *t = find_or_add(c, th, o->track);
	struct begun b = {
		.start = o->start,
		.depth = (uint32_t)o->value[0],
		.asked = ev->flags & VTBPF_F_ARGS_ASKED,
		.len = bytes->len,
	};

	if (!t)
		return -ENOMEM;
	forget_over(c, t, b.depth);
	if (t->n && t->begun[t->n - 1].start >= b.start)
		return 0; /* no clock goes back */
	if (c->kept >= MOST_KEPT)
		return 0;
	if (ARRAY_RESERVE(t->begun, t->room, t->n + 1))
		return -ENOMEM;
	b.data = malloc(b.len + 1);
	if (!b.data)
		return -ENOMEM;
	memcpy(b.data, bytes->data, b.len);
	t->begun[t->n++] = b;
	c->kept++;
	return 0;
}

void call_args__end(struct call_args *c, const struct thread *th)
{
	for (struct args_track *t = c->tracks; t; t = t->hh.next) {
		if (t->key.thread == th)
			forget(c, t, 0, t->n);
	}
}

/* ---- the call has come ------------------------------------------------------------------ */

static int add_text(struct call_args *c, size_t n, char **text)
{
	int err = ARRAY_RESERVE(c->text, c->room, c->used + n);

	*text = c->text + c->used;
	return err;
}

static int put_one(struct call_args *c, const struct arg *arg)
{
	struct call_arg *to = &c->arg[c->n];
	char *text;
	int err = add_text(c, 2 * ARG_TEXT_MAX, &text);

	if (err)
		return err;
	to->name.len = arg__put_name(arg, text);
	to->text.len = arg__put_value(arg, text + to->name.len);
	c->used += to->name.len + to->text.len;
	c->n++;
	return 0;
}

/* The texts lie one after the other, wherever they came to lie as their room grew. */
static void point_to_texts(struct call_args *c)
{
	const char *at = c->text;

	for (size_t i = 0; i < c->n; i++) {
		c->arg[i].name.data = at;
		at += c->arg[i].name.len;
		c->arg[i].text.data = at;
		at += c->arg[i].text.len;
	}
}

static int put_all(struct call_args *c, const struct begun *b)
{
	struct event_bytes left = { b->data, b->len };
	struct arg arg;
	int err = 0;

	c->used = 0;
	while (!err && c->n < VTBPF_MAX_ARGS && arg__next(&left, &arg))
		err = put_one(c, &arg);
	point_to_texts(c);
	return err;
}

/* The function had no verdict yet when it was called. */
static bool is_asked(const struct session *s, const struct code *code)
{
	const struct session_texts *globs = &s->texts[VTBPF_TEXT_ARGS];

	for (size_t i = 0; i < globs->n; i++) {
		const char *glob = globs->text[i].data;
		const struct str_list one = { .items = &glob, .n = 1 };

		if (globs->text[i].part == s->part && glob &&
		    function_filter__fits(&one, code->name.data, code->file.data))
			return true;
	}
	return false;
}

int call_args__take(struct call_args *c, const struct session *s, const struct thread *th,
		    const struct event_call *call, const struct code *code)
{
	struct args_track *t = c->kept ? find(c, th, call->track) : NULL;
	uint64_t end = call->start + call->dur;
	size_t first, last;
	int err = 0;

	c->n = 0;
	if (!t)
		return 0;
	for (last = t->n; last && t->begun[last - 1].start > end;)
		last--; /* they began later */
	for (first = last; first && t->begun[first - 1].start > call->start;)
		first--; /* it called them */
	if (first && t->begun[first - 1].start == call->start) {
		first--;
		if (t->begun[first].asked || is_asked(s, code))
			err = put_all(c, &t->begun[first]);
	}
	while (first && t->begun[first - 1].depth >= call->depth)
		first--; /* its caller called them before */
	forget(c, t, first, last - first);
	return err;
}
