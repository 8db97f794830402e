// SPDX-License-Identifier: GPL-2.0-only
#include "cut_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 16
#define NOTHING_LOOSE UINT64_MAX

void cut_list__release(struct cut_list *l)
{
	free(l->cut);
	memset(l, 0, sizeof(*l));
}

static bool lies_in(const struct cut_span *in, const struct cut_span *out)
{
	return in->start >= out->start && in->end <= out->end;
}

static bool is_beneath(const struct cut_span *in, const struct cut_span *out)
{
	return lies_in(in, out) && in->rank > out->rank;
}

static void see_order(struct cut_list *l, const struct cut_span *call)
{
	if (call->end < l->last_end)
		l->out_of_order = true;
	else
		l->last_end = call->end;
}

/* Outer ones first. */
static int compare(const void *a, const void *b)
{
	const struct cut_span *x = &((const struct cut *)a)->span,
			      *y = &((const struct cut *)b)->span;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* Puts calls that came in any order into order of time, without those inside others. */
static void sort(struct cut_list *l)
{
	size_t from, to = 0;

	if (l->n)
		qsort(l->cut, l->n, sizeof(*l->cut), compare);
	for (from = 1; from < l->n; from++) {
		if (!lies_in(&l->cut[from].span, &l->cut[to].span))
			l->cut[++to] = l->cut[from];
	}
	if (l->n)
		l->n = to + 1;
}

static int make_room(struct cut_list *l)
{
	size_t room = l->room ? l->room + l->room / 2 : FIRST_ROOM;
	struct cut *cut;

	cut = realloc(l->cut, room * sizeof(*cut));
	if (!cut)
		return -ENOMEM;
	l->cut = cut;
	l->room = room;
	return 0;
}

/* Joins the call with the last stretch if there is nothing between them. Not where it is the deeper
 * one: its caller, which comes later, may begin after that stretch and end when the call does. */
static bool join(struct cut_list *l, const struct cut_span *call, uint64_t loose)
{
	struct cut_span *last = l->n ? &l->cut[l->n - 1].span : NULL;

	if (!last || loose < call->start || call->rank > last->rank)
		return false;
	last->end = call->end;
	last->rank = call->rank;
	return true;
}

int cut_list__add(struct cut_list *l, const struct cut_span *call)
{
	uint64_t loose = l->has_loose ? l->loose : NOTHING_LOOSE;
	int err;

	see_order(l, call);
	while (l->n && lies_in(&l->cut[l->n - 1].span, call)) {
		l->n--;
		if (l->cut[l->n].loose < loose)
			loose = l->cut[l->n].loose;
	}
	l->has_loose = false;
	if (join(l, call, loose))
		return 0;
	if (l->n == l->room) {
		err = make_room(l);
		if (err)
			return err;
	}
	l->cut[l->n++] = (struct cut){ .span = *call, .loose = loose };
	return 0;
}

void cut_list__pass(struct cut_list *l, const struct cut_span *call)
{
	see_order(l, call);
	if (!l->has_loose || call->start < l->loose)
		l->loose = call->start;
	l->has_loose = true;
}

void cut_list__ready(struct cut_list *l)
{
	if (l->out_of_order)
		sort(l);
}

bool cut_list__covers(const struct cut_list *l, const struct cut_span *call)
{
	size_t low = 0, high = l->n;

	/* the last stretch that begins no later than the call */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->cut[mid].span.start <= call->start)
			low = mid + 1;
		else
			high = mid;
	}
	/* where several begin at one instant, or one ends as the next begins, it may be an earlier */
	for (; low; low--) {
		const struct cut_span *span = &l->cut[low - 1].span;

		if (is_beneath(call, span))
			return true;
		if (span->end < call->start)
			return false;
	}
	return false;
}
