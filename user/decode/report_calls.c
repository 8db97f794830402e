// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "report_stats.h"

/* Among outermost activations: how long they took, and when. */
static int note_outer(const struct report_making *m, struct function_stats *st,
		      const struct walk_frame *f, bool outermost)
{
	const struct profile *p = m->p;
	uint64_t dur = f->end - f->start;
	int err = 0;

	if (!outermost && !st->recursive) {
		st->recursive = true;
		err = sketch__copy(&st->outer, &st->all);
	} else if (outermost && st->recursive) {
		err = sketch__add(&st->outer, dur);
	}
	if (err || !outermost || p->end <= p->start)
		return err;
	if (!st->trend)
		st->trend = calloc(1, sizeof(*st->trend));
	if (!st->trend)
		return -ENOMEM;
	trend__add(st->trend, (double)(f->start - p->start) / (double)(p->end - p->start), dur);
	return 0;
}

static int note_duration(struct report_making *m, const struct walk_frame *f, bool outermost)
{
	struct function_stats *st = &m->stats[f->function];
	struct report_function *rf = &m->r->functions[f->function];
	uint64_t dur = f->end - f->start;
	int err;

	if (dur > rf->max)
		rf->max = dur;
	if (f->flags) {
		st->open_sum += dur;
		return sketch__add(&st->open, dur);
	}
	err = note_outer(m, st, f, outermost);
	if (err)
		return err;
	if (!st->all.n || dur < rf->min)
		rf->min = dur;
	st->sum += dur;
	return sketch__add(&st->all, dur);
}

static int enter(void *arg, struct walk_frame *f, const struct walk_frame *parent)
{
	struct report_making *m = arg;
	struct function_stats *st = &m->stats[f->function];
	struct report_file *file = &m->r->files[st->file];
	uint64_t dur = f->end - f->start;
	bool outermost = !st->active++;

	m->r->functions[f->function].calls++;
	st->here.calls++;
	file->calls++;
	m->thread->calls++;
	if (outermost) {
		m->r->functions[f->function].total += dur;
		st->here.total += dur;
	}
	if (!m->file_active[st->file]++)
		file->total += dur;
	if (!parent)
		m->thread->busy += dur;
	return note_duration(m, f, outermost);
}

static int leave(void *arg, struct walk_frame *f, const struct walk_frame *parent)
{
	struct report_making *m = arg;
	struct function_stats *st = &m->stats[f->function];
	uint64_t dur = f->end - f->start, self = f->inner_ns < dur ? dur - f->inner_ns : 0;

	(void)parent;
	st->active--;
	m->file_active[st->file]--;
	m->r->functions[f->function].self += self;
	m->r->files[st->file].self += self;
	st->here.self += self;
	return 0;
}

int report_calls__add(struct report_making *m, const struct profile_track *t)
{
	const struct walk_visitor v = { .enter = enter, .leave = leave, .arg = m };

	return call_walk__run(m->p, t, &v);
}
