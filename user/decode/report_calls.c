// SPDX-License-Identifier: GPL-2.0-only
#include "report_stats.h"

/* Outermost activations are a distribution of their own once there are others. */
static int note_outer(struct function_stats *st, uint64_t dur, bool outermost)
{
	int err = 0;

	if (!outermost && !st->recursive) {
		st->recursive = true;
		err = sketch__copy(&st->outer, &st->all);
	} else if (outermost && st->recursive) {
		err = sketch__add(&st->outer, dur);
	}
	return err;
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
	err = note_outer(st, dur, outermost);
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
	const struct walk_visitor v = { .counted = true, .enter = enter, .leave = leave, .arg = m };

	return call_walk__run(m->p, t, &v);
}
