// SPDX-License-Identifier: GPL-2.0-only
#include "call_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64
#define FLAG_BITS 4
#define FLAGS_MASK 15
#define MANY 15 /* callees: the number is in `wide` */

struct call_wide {
	size_t index, callees;
};

struct call_tree_caller {
	int64_t start, end; /* where callers come first */
	size_t left;	    /* where they come last: callees that have not come */
	uint32_t depth;
	bool cuts, bad_file;
};

/* The array with room for one more element behind n of them, NULL when out of memory. */
static void *grow(void *array, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room + *room / 2 : FIRST_ROOM;
	void *p;

	if (n < *room)
		return array;
	p = realloc(array, more * size);
	if (p)
		*room = more;
	return p;
}

#define GROW(t, array, n, room)                                                          \
	({                                                                               \
		void *grown = grow((t)->array, (t)->n, &(t)->room, sizeof(*(t)->array)); \
		if (grown)                                                               \
			(t)->array = grown;                                              \
		grown ? 0 : -ENOMEM;                                                     \
	})

static enum call_fate judge(const struct call_tree *t, unsigned int flags,
			    struct call_tree_caller *call)
{
	const struct call_tree_caller none = { .depth = (uint32_t)-1 };
	const struct call_tree_caller *caller = t->n_open ? &t->open[t->n_open - 1] : &none;
	bool hidden = caller->cuts || flags & CALL_HIDDEN ||
		      (flags & CALL_FOLLOWS && caller->bad_file);

	call->depth = caller->depth + 1;
	call->cuts = caller->cuts || flags & CALL_CUTS;
	call->bad_file = flags & CALL_FOLLOWS ? caller->bad_file : flags & CALL_BAD_FILE;
	if (hidden)
		return CALL_LEFT_OUT;
	return t->limited && call->depth >= t->max_depth ? CALL_TOO_DEEP : CALL_KEPT;
}

static int push(struct call_tree *t, const struct call_tree_caller *call)
{
	int err = GROW(t, open, n_open, open_room);

	if (!err)
		t->open[t->n_open++] = *call;
	return err;
}

/* ---- callers first ---------------------------------------------------------------------- */

static bool contains(const struct call_tree_caller *out, int64_t start, int64_t end)
{
	return end <= out->end && (start < out->end || start == out->start);
}

static int add_by_start(struct call_tree *t, struct call_tree_caller *call, unsigned int flags)
{
	while (t->n_open && !contains(&t->open[t->n_open - 1], call->start, call->end))
		t->n_open--;
	t->node[t->n] = judge(t, flags, call);
	t->left_out += t->node[t->n++] == CALL_LEFT_OUT;
	return push(t, call);
}

/* ---- callers last ----------------------------------------------------------------------- */

static int add_by_end(struct call_tree *t, int64_t start, unsigned int flags)
{
	size_t callees = 0;
	int err;

	for (; t->n_waiting && t->waiting[t->n_waiting - 1] >= start; t->n_waiting--)
		callees++;
	err = GROW(t, waiting, n_waiting, waiting_room);
	if (!err && callees >= MANY)
		err = GROW(t, wide, n_wide, wide_room);
	if (err)
		return err;
	t->waiting[t->n_waiting++] = start;
	if (callees >= MANY)
		t->wide[t->n_wide++] = (struct call_wide){ t->n, callees };
	t->node[t->n++] = flags | (callees < MANY ? callees : MANY) << FLAG_BITS;
	return 0;
}

/* Backwards, callers come first. */
static int walk_back(struct call_tree *t)
{
	size_t i, wide = t->n_wide;
	int err = 0;

	for (i = t->n; i-- && !err;) {
		struct call_tree_caller call = { .left = t->node[i] >> FLAG_BITS };
		unsigned int flags = t->node[i] & FLAGS_MASK;

		if (call.left == MANY)
			call.left = t->wide[--wide].callees;
		t->node[i] = judge(t, flags, &call);
		t->left_out += t->node[i] == CALL_LEFT_OUT;
		if (t->n_open)
			t->open[t->n_open - 1].left--;
		if (call.left)
			err = push(t, &call);
		while (t->n_open && !t->open[t->n_open - 1].left)
			t->n_open--;
	}
	return err;
}

/* ---- all -------------------------------------------------------------------------------- */

/* Two calls in a row that are where they may not be. Where times are rounded, a callee may end a
 * little after its caller: that does no harm. */
static void see_order(struct call_tree *t, int64_t start, int64_t end)
{
	if (t->n && start < t->last_start)
		t->not_by_start = true;
	if (t->n && (end < t->last_start || (start > t->last_start && end < t->last_end)))
		t->not_by_end = true;
	t->last_start = start;
	t->last_end = end;
}

int call_tree__add(struct call_tree *t, int64_t start, int64_t end, unsigned int flags)
{
	struct call_tree_caller call = { .start = start, .end = end };
	int err = GROW(t, node, n, room);

	if (err)
		return err;
	see_order(t, start, end);
	return t->by_start ? add_by_start(t, &call, flags) : add_by_end(t, start, flags);
}

int call_tree__decide(struct call_tree *t)
{
	bool wrong = t->by_start ? t->not_by_start : t->not_by_end;
	bool other = t->by_start ? !t->not_by_end : !t->not_by_start;
	int err = 0;

	if (wrong && other) {
		t->by_start = !t->by_start;
		t->n = t->n_waiting = t->n_wide = t->n_open = t->left_out = 0;
		t->not_by_end = t->not_by_start = false;
		return -EAGAIN;
	}
	if (wrong)
		return -EILSEQ;
	t->n_open = 0;
	if (!t->by_start)
		err = walk_back(t);
	free(t->waiting);
	free(t->wide);
	free(t->open);
	t->waiting = NULL;
	t->wide = NULL;
	t->open = NULL;
	t->n_waiting = t->waiting_room = t->wide_room = t->open_room = 0;
	return err;
}

enum call_fate call_tree__next(struct call_tree *t)
{
	return t->next < t->n ? t->node[t->next++] : CALL_KEPT;
}

void call_tree__rewind(struct call_tree *t)
{
	t->next = 0;
}

void call_tree__release(struct call_tree *t)
{
	free(t->node);
	free(t->waiting);
	free(t->wide);
	free(t->open);
	memset(t, 0, sizeof(*t));
}
