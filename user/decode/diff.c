// SPDX-License-Identifier: GPL-2.0-only
#include "diff.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff_parts.h"
#include "profile_stacks.h"

/* ---- runs ------------------------------------------------------------------------------- */

struct diff *diff__new(bool with_stacks)
{
	struct diff *d = calloc(1, sizeof(*d));
	bool ok = d;
	int i;

	for (i = 0; i < DIFF_SIDES && ok; i++) {
		d->side[i].names = profile__new(NULL);
		ok = d->side[i].names && (!with_stacks || !stack_tree__init(&d->side[i].stacks));
	}
	if (ok) {
		d->with_stacks = with_stacks;
		return d;
	}
	diff__free(d);
	return NULL;
}

static void release_run(struct diff_run *run)
{
	size_t i;

	for (i = 0; run->measures && i < run->n; i++)
		free(run->measures[i].cells);
	free(run->measures);
}

void diff__free(struct diff *d)
{
	size_t i, k;

	if (!d)
		return;
	for (i = 0; i < DIFF_SIDES; i++) {
		for (k = 0; k < d->side[i].n_runs; k++)
			release_run(&d->side[i].runs[k]);
		free(d->side[i].runs);
		profile__free(d->side[i].names);
		stack_tree__release(&d->side[i].stacks);
		free(d->entry_of[i]);
	}
	free(d->entries);
	free(d);
}

/* One more run of the side; NULL when out of memory. */
static struct diff_run *next_run(struct diff_side *side)
{
	struct diff_run *runs = realloc(side->runs, (side->n_runs + 1) * sizeof(*runs));

	if (!runs)
		return NULL;
	side->runs = runs;
	runs += side->n_runs;
	memset(runs, 0, sizeof(*runs));
	runs->measures = calloc(side->names->n_functions + 1, sizeof(*runs->measures));
	runs->n = side->names->n_functions;
	if (!runs->measures)
		return NULL;
	side->n_runs++;
	return runs;
}

/* What the side calls the functions of the profile; NULL when out of memory. */
static uint32_t *number_functions(struct diff_side *side, const struct profile *p)
{
	uint32_t *number_of = calloc(p->n_functions + 1, sizeof(*number_of));
	int64_t no;
	size_t i;

	for (i = 0; number_of && i < p->n_functions; i++) {
		no = profile__function(side->names, &p->functions[i]);
		if (no < 0) {
			free(number_of);
			return NULL;
		}
		number_of[i] = (uint32_t)no;
	}
	return number_of;
}

/* Adds a tree to the side's, callers first as its nodes come. */
static int merge(struct diff_side *side, const struct stack_tree *tree, double scale)
{
	uint32_t *to = calloc(tree->n, sizeof(*to));
	int64_t node = 0;
	size_t i;

	for (i = 1; to && i < tree->n && node >= 0; i++) {
		node = stack_tree__child(&side->stacks, to[tree->nodes[i].parent],
					 tree->nodes[i].frame);
		if (node < 0)
			break;
		to[i] = (uint32_t)node;
		side->stacks.nodes[node].self +=
			(uint64_t)((double)tree->nodes[i].self * scale + 0.5);
	}
	free(to);
	return to && node >= 0 ? 0 : -ENOMEM;
}

static int add_track(struct diff_side *side, const struct profile *p, const struct profile_track *t,
		     struct stack_tree *tree, const uint32_t *number_of)
{
	struct profile_function thread = { .name = t->name };
	char number[32];
	int64_t node;

	/* One without a name is another's partner, too, though its number is another. */
	snprintf(number, sizeof(number), "thread %llu", (unsigned long long)t->tid);
	if (!strcmp(t->name.p, number))
		thread.name.n = strlen("thread");
	node = profile__function(side->names, &thread);
	if (node >= 0)
		node = stack_tree__child(tree, STACK_ROOT, (uint32_t)node);
	if (node < 0)
		return (int)node;
	return profile_stacks__add(p, t, tree, (uint32_t)node, number_of);
}

static int add_stacks(struct diff_side *side, const struct profile *p, const uint32_t *number_of)
{
	double scale = p->in_windows ? 1 / p->coverage : 1;
	struct stack_tree tree;
	size_t i;
	int err = stack_tree__init(&tree);

	if (p->period) /* samples are counted, not timed */
		scale /= (double)p->period;
	for (i = 0; i < p->n_tracks && !err; i++) {
		if (!p->tracks[i]->is_gaps && !profile_track__is_empty(p->tracks[i]))
			err = add_track(side, p, p->tracks[i], &tree, number_of);
	}
	if (!err)
		err = merge(side, &tree, scale);
	stack_tree__release(&tree);
	return err;
}

int diff__add(struct diff *d, enum diff_which which, const struct profile *p)
{
	struct diff_side *side = &d->side[which];
	uint32_t *number_of = number_functions(side, p);
	struct diff_run *run = number_of ? next_run(side) : NULL;
	int err = run ? diff_measure__run(run, p, number_of) : -ENOMEM;

	if (!err && d->with_stacks)
		err = add_stacks(side, p, number_of);
	free(number_of);
	return err;
}

bool diff__is_sampled(const struct diff *d)
{
	return d->side[DIFF_BEFORE].n_runs && d->side[DIFF_BEFORE].runs[0].period;
}

bool diff__comparable(const struct diff *d)
{
	const struct diff_run *first = d->side[DIFF_BEFORE].runs, *run;
	size_t i, k;

	for (i = 0; i < DIFF_SIDES; i++) {
		for (k = 0; k < d->side[i].n_runs; k++) {
			run = &d->side[i].runs[k];
			if (!run->period != !first->period || run->wall != first->wall)
				return false;
		}
	}
	return true;
}

/* ---- verdicts --------------------------------------------------------------------------- */

/* Where not all was seen, a function may be missing by accident: so many calls should have been. */
#define MISSED_MIN 10

static void add_values(struct diff_values *to, const struct diff_values *v, double part)
{
	to->calls += v->calls * part;
	to->self += v->self * part;
	to->total += v->total * part;
	to->mean += v->mean * part;
	to->p50 += v->p50 * part;
	to->p99 += v->p99 * part;
	to->self_p50 += v->self_p50 * part;
}

/* Means over the runs: of sums over all of them, of what a call takes over those that have calls. */
static void sum_up_side(struct diff_entry *e, const struct diff_side *side, int which)
{
	struct diff_values *to = &e->values[which];
	const struct diff_measure *m;
	size_t k, with = 0;
	double rest;

	for (k = 0; k < side->n_runs; k++) {
		m = diff_run__measure(&side->runs[k], e->function[which]);
		if (!m || (m->values.calls <= 0 && m->values.self <= 0))
			continue;
		add_values(to, &m->values, 1 / (double)side->n_runs);
		to->min = with && to->min < m->values.min ? to->min : m->values.min;
		to->max = fmax(to->max, m->values.max);
		e->n[which] += m->n;
		with++;
	}
	rest = with ? (double)side->n_runs / (double)with : 0;
	to->mean *= rest;
	to->p50 *= rest;
	to->p99 *= rest;
	to->self_p50 *= rest;
}

static bool is_whole(const struct diff_side *side)
{
	size_t k;

	for (k = 0; k < side->n_runs; k++) {
		if (!side->runs[k].whole)
			return false;
	}
	return true;
}

static double exposure(const struct diff_side *side)
{
	double sum = 0;
	size_t k;

	for (k = 0; k < side->n_runs; k++)
		sum += side->runs[k].exposure;
	return sum;
}

/* It is on one side alone: would it have been seen on the other? */
static bool is_missing(const struct diff *d, const struct diff_entry *e, int there)
{
	const struct diff_side *other = &d->side[!there];
	double expected = e->values[there].calls * exposure(other);

	if (is_whole(other))
		return true;
	if (diff__is_sampled(d))
		expected /= exposure(&d->side[there]) / (double)d->side[there].n_runs;
	return expected >= MISSED_MIN;
}

static void look_for_missing(struct diff *d)
{
	struct diff_entry *e;
	size_t i;

	for (i = 0; i < d->n_entries; i++) {
		e = &d->entries[i];
		e->verdict = DIFF_SAME;
		if (e->function[DIFF_BEFORE] < 0 && is_missing(d, e, DIFF_AFTER))
			e->verdict = DIFF_NEW;
		else if (e->function[DIFF_AFTER] < 0 && is_missing(d, e, DIFF_BEFORE))
			e->verdict = DIFF_GONE;
	}
}

static double weight(const struct diff_entry *e)
{
	return fabs(e->values[DIFF_AFTER].self - e->values[DIFF_BEFORE].self);
}

static int by_importance(const void *a, const void *b, void *arg)
{
	const struct diff_entry *x = a, *y = b;
	const struct profile_function *f, *g;
	double wx = weight(x), wy = weight(y);

	if (x->verdict != y->verdict)
		return x->verdict < y->verdict ? -1 : 1;
	if (wx != wy)
		return wx < wy ? 1 : -1;
	f = diff__function(arg, x);
	g = diff__function(arg, y);
	return strcmp(f->name.p, g->name.p) ?: strcmp(f->file.p, g->file.p);
}

static int index_entries(struct diff *d)
{
	size_t i, k;
	int64_t no;

	for (i = 0; i < DIFF_SIDES; i++) {
		d->entry_of[i] = malloc((d->side[i].names->n_functions + 1) * sizeof(uint32_t));
		if (!d->entry_of[i])
			return -ENOMEM;
		memset(d->entry_of[i], 0xff,
		       (d->side[i].names->n_functions + 1) * sizeof(uint32_t));
		for (k = 0; k < d->n_entries; k++) {
			no = d->entries[k].function[i];
			if (no >= 0)
				d->entry_of[i][no] = (uint32_t)k;
		}
	}
	return 0;
}

int diff__judge(struct diff *d)
{
	size_t i, k;
	int err = diff_names__match(d);

	if (err)
		return err;
	for (i = 0; i < d->n_entries; i++) {
		for (k = 0; k < DIFF_SIDES; k++)
			sum_up_side(&d->entries[i], &d->side[k], (int)k);
	}
	look_for_missing(d);
	err = diff_judge__entries(d);
	if (err)
		return err;
	for (i = 0; i < d->n_entries; i++)
		d->count[d->entries[i].verdict]++;
	if (d->n_entries)
		qsort_r(d->entries, d->n_entries, sizeof(*d->entries), by_importance, d);
	return index_entries(d);
}

const struct profile_function *diff__function(const struct diff *d, const struct diff_entry *e)
{
	int which = e->function[DIFF_AFTER] >= 0 ? DIFF_AFTER : DIFF_BEFORE;

	return &d->side[which].names->functions[e->function[which]];
}

const char *diff__verdict_name(enum diff_verdict verdict)
{
	static const char *const names[] = {
		[DIFF_SLOWER] = "slower", [DIFF_FASTER] = "faster", [DIFF_NEW] = "new",
		[DIFF_GONE] = "gone",	  [DIFF_SAME] = "same",
	};

	return names[verdict];
}
