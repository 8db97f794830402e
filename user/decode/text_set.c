// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include "../array.h"
#include "text_set.h"

void text_set__release(struct text_set *s)
{
	size_t i;

	HASH_CLEAR(hh, s->by_text);
	for (i = 0; i < s->n; i++)
		free(s->entries[i]);
	free(s->entries);
	memset(s, 0, sizeof(*s));
}

static int make_room(struct text_set *s)
{
	return s->n < UINT32_MAX ? ARRAY_RESERVE(s->entries, s->room, s->n + 1) : -ENOMEM;
}

int64_t text_set__add(struct text_set *s, const char *text, size_t n)
{
	struct text_entry *e;

	HASH_FIND(hh, s->by_text, text, n, e);
	if (e) {
		e->uses++;
		return e->number;
	}
	if (make_room(s))
		return -ENOMEM;
	e = calloc(1, sizeof(*e) + n + 1);
	if (!e)
		return -ENOMEM;
	e->number = (uint32_t)s->n;
	e->uses = 1;
	e->n = n;
	memcpy(e->text, text, n);
	HASH_ADD(hh, s->by_text, text[0], n, e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	s->entries[s->n++] = e;
	return e->number;
}
