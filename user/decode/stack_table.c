// SPDX-License-Identifier: GPL-2.0-only
#include "stack_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct key {
	uint32_t id, part;
};

struct entry {
	struct key key;
	UT_hash_handle hh;
	struct sampled_stack stack; /* last: its frames follow */
};

struct stack_table {
	struct entry *by_id;
	struct entry *last; /* asked for: threads mostly stay where they are */
	uint32_t part;	    /* whose ids are asked for and announced */
};

static const struct sampled_stack empty;

struct stack_table *stack_table__new(void)
{
	return calloc(1, sizeof(struct stack_table));
}

void stack_table__free(struct stack_table *t)
{
	struct entry *e, *tmp;

	if (!t)
		return;
	HASH_ITER(hh, t->by_id, e, tmp) {
		HASH_DEL(t->by_id, e);
		free(e);
	}
	free(t);
}

int stack_table__announce(struct stack_table *t, const struct event *ev)
{
	const struct event_stack *s = &ev->stack;
	struct entry *e, *before;

	e = malloc(sizeof(*e) + s->n * sizeof(s->codes[0]));
	if (!e)
		return -ENOMEM;
	e->key = (struct key){ s->id, t->part };
	e->stack.n = s->n;
	e->stack.truncated = ev->flags & VTBPF_F_TRUNCATED;
	memcpy(e->stack.codes, s->codes, s->n * sizeof(s->codes[0]));
	HASH_FIND(hh, t->by_id, &e->key, sizeof(e->key), before);
	if (before) {
		HASH_DEL(t->by_id, before);
		free(before);
	}
	t->last = NULL;
	HASH_ADD(hh, t->by_id, key, sizeof(e->key), e);
	if (e->hh.tbl)
		return 0;
	free(e);
	return -ENOMEM;
}

void stack_table__part(struct stack_table *t, uint32_t part)
{
	t->part = part;
}

const struct sampled_stack *stack_table__get(struct stack_table *t, uint32_t id)
{
	const struct key key = { id, t->part };

	if (!t->last || t->last->key.id != id || t->last->key.part != t->part)
		HASH_FIND(hh, t->by_id, &key, sizeof(key), t->last);
	return t->last ? &t->last->stack : &empty;
}
