// SPDX-License-Identifier: GPL-2.0-only
#include "call_walk.h"

#include <errno.h>
#include <stdlib.h>

#include "../array.h"
#include "../progress.h"

#define LOOK_EVERY 4096 /* calls between two looks at the cancel flag */

struct walk {
	const struct walk_visitor *v;
	bool forwards;
	struct walk_frame *open;
	size_t n, room;
};

static struct walk_frame *top_of(struct walk *w)
{
	return w->n ? &w->open[w->n - 1] : NULL;
}

static int leave_top(struct walk *w)
{
	struct walk_frame *frame = &w->open[--w->n];

	return w->v->leave ? w->v->leave(w->v->arg, frame, top_of(w)) : 0;
}

/* Is the call after (backwards: before) all of the frame, though it may touch it? */
static bool is_past(const struct walk *w, const struct walk_frame *top, uint64_t start,
		    uint64_t end)
{
	if (w->forwards)
		return start >= top->end && (end > top->end || start > top->start);
	return end <= top->start && start < top->start;
}

static bool is_inside(const struct walk_frame *top, uint64_t start, uint64_t end)
{
	return start >= top->start && end <= top->end;
}

static int push(struct walk *w, const struct profile_call *call)
{
	struct walk_frame *frame;

	if (ARRAY_RESERVE(w->open, w->room, w->n + 1))
		return -ENOMEM;
	frame = &w->open[w->n];
	*frame = (struct walk_frame){
		.start = call->start,
		.end = call->start + call->dur,
		.function = call->function,
		.flags = call->flags & (PROFILE_OPEN_START | PROFILE_OPEN_END),
		.sampled = call->flags & PROFILE_SAMPLED,
	};
	if (w->n)
		w->open[w->n - 1].inner_ns += call->dur;
	w->n++;
	return w->v->enter(w->v->arg, frame, w->n > 1 ? frame - 1 : NULL);
}

static int take(struct walk *w, const struct profile *p, const struct profile_call *call)
{
	uint64_t end = call->start + call->dur;
	struct walk_frame *top;
	int err;

	if (w->v->counted && !profile__counts(p, call->flags))
		return 0;
	while ((top = top_of(w)) && is_past(w, top, call->start, end)) {
		err = leave_top(w);
		if (err)
			return err;
	}
	if (top && !is_inside(top, call->start, end))
		return w->v->misfit ? w->v->misfit(w->v->arg, call) : 0;
	return push(w, call);
}

int call_walk__run(const struct profile *p, const struct profile_track *t,
		   const struct walk_visitor *v)
{
	struct spool_cursor c = { .spool = p->spool, .list = &t->calls };
	struct walk w = { .v = v, .forwards = t->by_start };
	const void *record;
	unsigned int n = 0;
	int err = 0, got;

	c.backwards = !t->by_start && !t->reversed;
	while (!err && (got = spool_cursor__next(&c, &record)) != 0) {
		err = got < 0 ? got : take(&w, p, record);
		if (++n % LOOK_EVERY)
			continue;
		progress__add(LOOK_EVERY);
		if (!err && p->cancel && *p->cancel)
			err = -ECANCELED;
	}
	progress__add(n % LOOK_EVERY);
	while (!err && w.n)
		err = leave_top(&w);
	spool_cursor__release(&c);
	free(w.open);
	return err;
}
