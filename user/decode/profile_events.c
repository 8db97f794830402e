// SPDX-License-Identifier: GPL-2.0-only
#include "profile_events.h"

#include <errno.h>

#include "call_walk.h"

struct ordering {
	const struct profile *p;
	const struct profile_track *track;
	struct spool *spool; /* of struct profile_event */
	struct spool_list events;
	profile_event_fn fn;
	void *arg;
};

/* Backwards, a call is left where it opens. */
static int put(struct ordering *o, const struct walk_frame *frame, bool entered)
{
	bool opens = entered == o->track->by_start;
	struct profile_event ev = {
		.at = opens ? frame->start : frame->end,
		.function = frame->function,
		.opens = opens,
		.flags = (uint8_t)frame->flags,
	};

	return o->track->by_start ? o->fn(o->arg, &ev) : spool__append(o->spool, &o->events, &ev);
}

static int enter(void *arg, struct walk_frame *frame, const struct walk_frame *parent)
{
	(void)parent;
	return put(arg, frame, true);
}

static int leave(void *arg, struct walk_frame *frame, const struct walk_frame *parent)
{
	(void)parent;
	return put(arg, frame, false);
}

static int hand_out(struct ordering *o)
{
	struct spool_cursor c = { .spool = o->spool, .list = &o->events, .backwards = true };
	const void *record;
	int got, err = 0;

	while (!err && (got = spool_cursor__next(&c, &record)) != 0)
		err = got < 0 ? got : o->fn(o->arg, record);
	spool_cursor__release(&c);
	return err;
}

int profile_events__run(const struct profile *p, const struct profile_track *t, profile_event_fn fn,
			void *arg)
{
	struct ordering o = { .p = p, .track = t, .fn = fn, .arg = arg };
	const struct walk_visitor v = { .enter = enter, .leave = leave, .arg = &o };
	int err;

	o.spool = spool__new(p->dir, sizeof(struct profile_event));
	if (!o.spool)
		return -ENOMEM;
	err = call_walk__run(p, t, &v);
	if (!err)
		err = hand_out(&o);
	spool_list__release(&o.events);
	spool__free(o.spool);
	return err;
}
