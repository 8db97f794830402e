// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of calls in order of their ends, the ends are in order as they lie there. Their begins come out of a
 * walk, backwards, and are put aside. How deep each is tells how many calls end before it: no times have
 * to be compared, and those that are equal come in the right order.
 */
#include "profile_events.h"

#include <errno.h>

#include "../progress.h"
#include "call_walk.h"

/* A begin put aside; or, in the list of those, a call that did not nest. */
struct begin {
	uint64_t at; /* ns; or the call's place in the walk */
	uint32_t function;
	uint32_t depth : 30, flags : 2; /* flags: PROFILE_OPEN_* */
};

#define LOOK_EVERY 4096 /* calls between two looks at the cancel flag */
#define DEPTH_MAX ((1u << 30) - 1)

struct ordering {
	const struct profile *p;
	const struct profile_track *track;
	struct spool *spool;
	struct spool_list begins, misfits;
	uint64_t walked; /* calls so far, misfits too */
	profile_event_fn fn;
	void *arg;
};

/* ---- calls in order of their begins ----------------------------------------------------- */

static int open_now(void *arg, struct walk_frame *frame, const struct walk_frame *parent)
{
	const struct ordering *o = arg;

	(void)parent;
	return o->fn(o->arg, &(struct profile_event){
				     .at = frame->start,
				     .function = frame->function,
				     .opens = true,
				     .flags = (uint8_t)frame->flags,
			     });
}

static int close_now(void *arg, struct walk_frame *frame, const struct walk_frame *parent)
{
	const struct ordering *o = arg;

	(void)parent;
	return o->fn(o->arg,
		     &(struct profile_event){ .at = frame->end, .function = frame->function });
}

/* ---- calls in order of their ends ------------------------------------------------------- */

static int enter(void *arg, struct walk_frame *frame, const struct walk_frame *parent)
{
	struct ordering *o = arg;

	frame->user = parent ? parent->user + 1 : 0;
	o->walked++;
	return frame->user > DEPTH_MAX ? -E2BIG : 0;
}

/* Backwards, a call is left where it begins. */
static int put_begin(void *arg, struct walk_frame *frame, const struct walk_frame *parent)
{
	struct ordering *o = arg;
	int err = 0;
	struct begin *b = spool__slot(o->spool, &o->begins, &err);

	(void)parent;
	if (b)
		*b = (struct begin){
			.at = frame->start,
			.function = frame->function,
			.depth = (uint32_t)frame->user & DEPTH_MAX,
			.flags = frame->flags & (PROFILE_OPEN_START | PROFILE_OPEN_END),
		};
	return err;
}

static int put_misfit(void *arg, const struct profile_call *call)
{
	struct ordering *o = arg;
	const struct begin b = { .at = o->walked++ };

	(void)call;
	return spool__append(o->spool, &o->misfits, &b);
}

/* The ends, from the first on. */
struct ends {
	struct spool_cursor calls, misfits;
	uint64_t misfit; /* the next one's place among the calls; UINT64_MAX: none is left */
};

static int next_misfit(const struct ordering *o, struct ends *e)
{
	const void *record;
	int got = spool_cursor__next(&e->misfits, &record);

	e->misfit = UINT64_MAX;
	if (got > 0)
		e->misfit = o->walked - 1 - ((const struct begin *)record)->at;
	return got < 0 ? got : 0;
}

/* Hands out the next end. */
static int close_one(const struct ordering *o, struct ends *e)
{
	const struct profile_call *call;
	const void *record;
	bool is_misfit;
	int got;

	do {
		is_misfit = e->calls.done == e->misfit;
		got = spool_cursor__next(&e->calls, &record);
		if (got <= 0)
			return got < 0 ? got : -EIO;
		got = is_misfit ? next_misfit(o, e) : 0;
	} while (!got && is_misfit);
	call = record;
	return got ? got :
		     o->fn(o->arg, &(struct profile_event){
					   .at = call->start + call->dur,
					   .function = call->function,
				   });
}

static int open_one(const struct ordering *o, const struct begin *b)
{
	return o->fn(o->arg, &(struct profile_event){
				     .at = b->at,
				     .function = b->function,
				     .opens = true,
				     .flags = (uint8_t)b->flags,
			     });
}

static int merge(const struct ordering *o, struct ends *e)
{
	struct spool_cursor begins = { .spool = o->spool, .list = &o->begins, .backwards = true };
	const struct begin *b;
	const void *record;
	uint32_t open = 0;
	unsigned int n = 0;
	int err = next_misfit(o, e), got;

	while (!err && (got = spool_cursor__next(&begins, &record)) != 0) {
		b = record;
		err = got < 0 ? got : 0;
		for (; !err && open > b->depth; open--)
			err = close_one(o, e);
		if (!err)
			err = open_one(o, b);
		open++;
		if (++n % LOOK_EVERY)
			continue;
		progress__add(LOOK_EVERY);
		if (!err && o->p->cancel && *o->p->cancel)
			err = -ECANCELED;
	}
	for (; !err && open; open--)
		err = close_one(o, e);
	spool_cursor__release(&begins);
	return err;
}

static int run_by_end(struct ordering *o)
{
	const struct walk_visitor v = {
		.enter = enter, .leave = put_begin, .misfit = put_misfit, .arg = o
	};
	struct ends e = {
		.calls = { .spool = o->p->spool,
			   .list = &o->track->calls,
			   .backwards = o->track->reversed },
		.misfits = { .list = &o->misfits, .backwards = true },
	};
	int err;

	o->spool = e.misfits.spool = spool__new(o->p->dir, sizeof(struct begin));
	if (!o->spool)
		return -ENOMEM;
	err = call_walk__run(o->p, o->track, &v);
	if (!err)
		err = merge(o, &e);
	spool_cursor__release(&e.calls);
	spool_cursor__release(&e.misfits);
	spool_list__release(&o->begins);
	spool_list__release(&o->misfits);
	spool__free(o->spool);
	return err;
}

int profile_events__run(const struct profile *p, const struct profile_track *t, profile_event_fn fn,
			void *arg)
{
	struct ordering o = { .p = p, .track = t, .fn = fn, .arg = arg };
	const struct walk_visitor v = { .enter = open_now, .leave = close_now, .arg = &o };

	return t->by_start ? call_walk__run(p, t, &v) : run_by_end(&o);
}
