// SPDX-License-Identifier: GPL-2.0-only
#include "code_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "../utf.h"

#define ARENA_CHUNK (64 * 1024)
#define RECENT_SLOTS 4096

/* Pieces of a string whose end has not come yet. */
struct assembly {
	unsigned char *bytes;
	size_t have, room;
	uint32_t length;
	uint8_t width;
	bool whole;
};

struct entry {
	struct code code; /* first: code_table__get hands out &entry->code */
	struct assembly str[2];
	UT_hash_handle hh;
};

struct chunk {
	struct chunk *next;
	char data[];
};

struct code_table {
	struct entry *by_id;
	struct entry
		*recent[RECENT_SLOTS]; /* by id modulo: most programs call few functions mostly */
	struct chunk *chunks;
	size_t chunk_left;
	struct code unknown;
	struct code marks[CODE_MARKS];
	uint32_t count;
	uint32_t part; /* whose ids are asked for and announced */
};

struct key {
	uint32_t id, part;
};

/* The table's key is the beginning of a code object. */
_Static_assert(offsetof(struct code, id) == 0 && offsetof(struct code, part) == 4, "key of a code");

static const struct code_text unreadable = { CODE_UNREADABLE, sizeof(CODE_UNREADABLE) - 1 };

#define MARK(text)                     \
	{                              \
		text, sizeof(text) - 1 \
	}

static const struct code_text mark_names[CODE_MARKS] = {
	[CODE_TRUNCATED] = MARK("[truncated]"),
	[CODE_OFF_CPU] = MARK("[off-cpu]"),
	[CODE_LOCK] = MARK("[lock]"),
	[CODE_IO] = MARK("[io]"),
	[CODE_GIL] = MARK("[gil]"),
	[CODE_SLEEP] = MARK("[sleep]"),
};

struct code_table *code_table__new(void)
{
	struct code_table *t = calloc(1, sizeof(*t));
	unsigned int mark;

	if (!t)
		return NULL;
	t->unknown.file = t->unknown.name = unreadable;
	t->count = 1; /* the stand-in has index 0 */
	for (mark = 0; mark < CODE_MARKS; mark++) {
		t->marks[mark].name = mark_names[mark];
		t->marks[mark].file.data = "";
		t->marks[mark].index = t->count++;
	}
	return t;
}

int code_mark__find(const char *name, size_t n)
{
	int mark;

	for (mark = 0; mark < CODE_MARKS; mark++) {
		if (n == mark_names[mark].len && !memcmp(name, mark_names[mark].data, n))
			return mark;
	}
	return -1;
}

const struct code *code_table__mark(const struct code_table *t, enum code_mark mark)
{
	return &t->marks[mark];
}

void code_table__free(struct code_table *t)
{
	struct entry *e, *tmp;
	struct chunk *c;

	if (!t)
		return;
	HASH_ITER(hh, t->by_id, e, tmp) {
		HASH_DEL(t->by_id, e);
		free(e->str[0].bytes);
		free(e->str[1].bytes);
		free(e);
	}
	while ((c = t->chunks)) {
		t->chunks = c->next;
		free(c);
	}
	free(t);
}

/* Room for at most n bytes; arena_take() then says how many were used. Never aligned: text only. */
static char *arena_room(struct code_table *t, size_t n)
{
	size_t size = n > ARENA_CHUNK ? n : ARENA_CHUNK;
	struct chunk *c;

	if (t->chunks && t->chunk_left >= n)
		return t->chunks->data + (ARENA_CHUNK - t->chunk_left);
	c = malloc(sizeof(*c) + size);
	if (!c)
		return NULL;
	c->next = t->chunks;
	t->chunks = c;
	t->chunk_left = size > ARENA_CHUNK ? 0 : ARENA_CHUNK;
	return c->data;
}

static void arena_take(struct code_table *t, size_t n)
{
	t->chunk_left -= n < t->chunk_left ? n : t->chunk_left;
}

static struct entry *find(struct code_table *t, uint32_t id)
{
	struct entry **slot = &t->recent[id % RECENT_SLOTS];
	const struct key key = { id, t->part };

	if (!*slot || (*slot)->code.id != id || (*slot)->code.part != t->part)
		HASH_FIND(hh, t->by_id, &key, sizeof(key), *slot);
	return *slot;
}

static struct entry *find_or_add(struct code_table *t, uint32_t id)
{
	struct entry *e = find(t, id);

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->code.id = id;
	e->code.part = t->part;
	e->code.file = e->code.name = unreadable;
	HASH_ADD(hh, t->by_id, code.id, sizeof(struct key), e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	e->code.index = t->count++;
	return e;
}

int code_table__announce(struct code_table *t, const struct event_code *ev)
{
	struct entry *e = find_or_add(t, ev->id);

	if (!e)
		return -ENOMEM;
	e->code.tgid = ev->tgid;
	e->code.line = ev->firstlineno;
	e->code.flags = ev->co_flags;
	return 0;
}

static int finish(struct code_table *t, struct entry *e, unsigned int which)
{
	struct assembly *a = &e->str[which];
	struct code_text *text = which == VTBPF_STR_NAME ? &e->code.name : &e->code.file;
	size_t size = ucs__utf8_size(a->length, a->width) + 1;
	char *out = arena_room(t, size);

	if (!out)
		return -ENOMEM;
	text->data = out;
	text->len = ucs__to_utf8(a->bytes, a->length, a->width, out);
	out[text->len] = '\0';
	arena_take(t, text->len + 1);
	a->whole = true;
	free(a->bytes);
	a->bytes = NULL;
	a->room = a->have = 0;
	return 0;
}

static bool usable(const struct event_str *ev)
{
	if (ev->which > VTBPF_STR_NAME || (ev->width != 1 && ev->width != 2 && ev->width != 4))
		return false;
	return (uint64_t)ev->length * ev->width <= VTBPF_MAX_STR_BYTES;
}

/* Appends what is new in the piece. The buffer grows with what came, not with what is claimed to
 * come. */
static int append(struct assembly *a, const struct event_str *ev)
{
	size_t total = (size_t)a->length * a->width, end = ev->offset + ev->piece.len, room;
	unsigned char *bytes;

	if (ev->offset > a->have || end <= a->have || end > total)
		return 0; /* a gap (its piece will come again), a repeat, or nonsense */
	if (end > a->room) {
		room = end * 2 < total ? end * 2 : total;
		bytes = realloc(a->bytes, room);
		if (!bytes)
			return -ENOMEM;
		a->bytes = bytes;
		a->room = room;
	}
	memcpy(a->bytes + ev->offset, ev->piece.data, ev->piece.len);
	a->have = end;
	return 0;
}

int code_table__piece(struct code_table *t, const struct event_str *ev)
{
	struct entry *e;
	struct assembly *a;
	int err;

	if (!usable(ev))
		return 0;
	e = find_or_add(t, ev->code);
	if (!e)
		return -ENOMEM;
	a = &e->str[ev->which];
	if (a->whole)
		return 0;
	if (a->length != ev->length || a->width != ev->width) {
		a->have = 0; /* an earlier piece was of a string that is gone */
		a->length = ev->length;
		a->width = ev->width;
	}
	err = append(a, ev);
	if (!err && a->have == (size_t)a->length * a->width)
		err = finish(t, e, ev->which);
	return err;
}

const struct code *code_table__get(struct code_table *t, uint32_t id)
{
	struct entry *e = find(t, id);

	return e ? &e->code : &t->unknown;
}

void code_table__part(struct code_table *t, uint32_t part)
{
	t->part = part;
}

size_t code_table__count(const struct code_table *t)
{
	return t->count;
}
