// SPDX-License-Identifier: GPL-2.0-only
#include "follower_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../array.h"

void follower_list__release(struct follower_list *l)
{
	free(l->waiting);
	free(l->hidden);
	memset(l, 0, sizeof(*l));
}

int follower_list__add(struct follower_list *l, const struct follower *call)
{
	int err = ARRAY_RESERVE(l->waiting, l->waiting_room, l->n_waiting + 1);

	if (!err)
		l->waiting[l->n_waiting++] = *call;
	return err;
}

static bool is_below(const struct follower *call, uint32_t depth)
{
	return call->depth > depth || call->depth == FOLLOWER_DEEPEST;
}

static bool is_called_from(const struct follower *call, uint32_t depth)
{
	return call->depth == depth + 1 ||
	       (depth == FOLLOWER_DEEPEST && call->depth == FOLLOWER_DEEPEST);
}

/* Those below that are not its own have lost their caller. */
int follower_list__caller(struct follower_list *l, uint32_t depth, bool hidden)
{
	for (; l->n_waiting && is_below(&l->waiting[l->n_waiting - 1], depth); l->n_waiting--) {
		const struct follower *call = &l->waiting[l->n_waiting - 1];

		if (!hidden || !is_called_from(call, depth))
			continue;
		if (ARRAY_RESERVE(l->hidden, l->hidden_room, l->n_hidden + 1))
			return -ENOMEM;
		l->hidden[l->n_hidden++] = *call;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct follower *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return x->depth < y->depth ? -1 : x->depth > y->depth;
}

void follower_list__ready(struct follower_list *l)
{
	free(l->waiting); /* their callers have not ended, and are not in the trace */
	l->waiting = NULL;
	l->n_waiting = l->waiting_room = 0;
	if (l->n_hidden)
		qsort(l->hidden, l->n_hidden, sizeof(*l->hidden), compare);
}

bool follower_list__has(const struct follower_list *l, const struct follower *call)
{
	return l->n_hidden &&
	       bsearch(call, l->hidden, l->n_hidden, sizeof(*l->hidden), compare) != NULL;
}
