// SPDX-License-Identifier: GPL-2.0-only
#include "html_slices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../array.h"
#include "../decode/call_walk.h"

#define BLOCK 32768
#define NUMBER_MAX 10 /* bytes */

/* ---- what to leave out ------------------------------------------------------------------ */

/* Durations by their three highest bits. */
#define SUB 4
#define N_BUCKETS (62 * SUB)

struct counting {
	uint64_t n[N_BUCKETS];
};

static size_t bucket_of(uint64_t dur)
{
	unsigned int top;

	if (dur < SUB)
		return (size_t)dur;
	top = 63 - (unsigned int)__builtin_clzll(dur);
	return (top - 1) * SUB + (dur >> (top - 2) & (SUB - 1));
}

/* The shortest duration of a bucket. */
static uint64_t bucket_begin(size_t b)
{
	if (b < SUB)
		return b;
	return (uint64_t)(SUB + b % SUB) << (b / SUB - 1);
}

static int count(void *arg, struct walk_frame *f, const struct walk_frame *parent)
{
	struct counting *c = arg;
	size_t b = bucket_of(f->end - f->start);

	(void)parent;
	c->n[b < N_BUCKETS ? b : N_BUCKETS - 1]++;
	return 0;
}

int html_slices__shortest(const struct profile *p, uint64_t max, uint64_t *shortest)
{
	struct counting c = {};
	const struct walk_visitor v = { .enter = count, .arg = &c };
	size_t b = N_BUCKETS;
	int err = 0;

	*shortest = 0;
	if (p->calls <= max)
		return 0;
	for (size_t i = 0; i < p->n_tracks && !err; i++) {
		if (!p->tracks[i]->is_gaps)
			err = call_walk__run(p, p->tracks[i], &v);
	}
	while (b && c.n[b - 1] <= max)
		max -= c.n[--b];
	*shortest = bucket_begin(b);
	return err;
}

/* ---- columns ---------------------------------------------------------------------------- */

enum column { COLUMN_FUNCTION, COLUMN_DEPTH, COLUMN_GAP, COLUMN_DURATION, N_COLUMNS };

struct writing {
	struct html_page *page;
	const struct html_track *t;
	uint64_t *edges; /* by depth: where the slice before it there begins, or ends, or its caller */
	size_t edges_room;
	unsigned char *columns[N_COLUMNS], *at[N_COLUMNS];
	size_t n; /* slices in them */
	uint64_t written;
};

static void write_block(struct writing *w)
{
	struct html_page *h = w->page;

	if (!w->n)
		return;
	html_page__section(h, 'S');
	html_page__number(h, w->t->index);
	html_page__number(h, w->n);
	for (int i = 0; i < N_COLUMNS; i++) {
		html_page__number(h, (uint64_t)(w->at[i] - w->columns[i]));
		html_page__bytes(h, w->columns[i], (size_t)(w->at[i] - w->columns[i]));
		w->at[i] = w->columns[i];
	}
	html_page__end_section(h);
	w->written += w->n;
	w->n = 0;
}

/* Time between the slice and what was next to it, in the track's own direction. */
static int64_t take_gap(struct writing *w, const struct walk_frame *f, size_t depth)
{
	const struct profile *p = w->t->profile;
	uint64_t start = f->start - p->start, end = f->end - p->start;
	uint64_t edge = w->edges[depth];

	if (w->t->track->by_start) {
		w->edges[depth] = end;
		w->edges[depth + 1] = start;
		return (int64_t)(start - edge);
	}
	w->edges[depth] = start;
	w->edges[depth + 1] = end;
	return (int64_t)(edge - end);
}

static void put(struct writing *w, enum column column, uint64_t v)
{
	w->at[column] = html_page__put_number(w->at[column], v);
}

static int enter(void *arg, struct walk_frame *f, const struct walk_frame *parent)
{
	struct writing *w = arg;
	uint32_t flags = f->flags | (f->sampled ? PROFILE_SAMPLED : 0); /* three bits */
	int err;

	f->user = parent ? parent->user + 1 : 0;
	if (f->end - f->start < w->t->shortest)
		return 0;
	err = ARRAY_RESERVE(w->edges, w->edges_room, f->user + 2);
	if (err)
		return err;
	put(w, COLUMN_FUNCTION, (uint64_t)f->function << 3 | flags);
	put(w, COLUMN_DEPTH, f->user);
	put(w, COLUMN_GAP, html_page__zigzag(take_gap(w, f, f->user)));
	put(w, COLUMN_DURATION, f->end - f->start);
	if (++w->n == BLOCK)
		write_block(w);
	return w->page->err ? w->page->err : w->page->out->err;
}

static int start(struct writing *w)
{
	const struct profile *p = w->t->profile;
	unsigned char *columns = malloc(N_COLUMNS * BLOCK * NUMBER_MAX);
	int err = ARRAY_RESERVE(w->edges, w->edges_room, 0 + 2);

	if (!columns)
		return -ENOMEM;
	for (int i = 0; i < N_COLUMNS; i++)
		w->columns[i] = w->at[i] = columns + (size_t)i * BLOCK * NUMBER_MAX;
	if (!err)
		w->edges[0] = w->t->track->by_start ? 0 : p->end - p->start;
	return err;
}

int html_slices__write(struct html_page *h, const struct html_track *t, uint64_t *n)
{
	struct writing w = { .page = h, .t = t };
	const struct walk_visitor v = { .enter = enter, .arg = &w };
	int err = start(&w);

	if (!err)
		err = call_walk__run(t->profile, t->track, &v);
	if (!err)
		write_block(&w);
	*n += w.written;
	free(w.columns[0]);
	free(w.edges);
	return err;
}
