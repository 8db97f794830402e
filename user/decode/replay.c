// SPDX-License-Identifier: GPL-2.0-only
#include "replay.h"

#include <errno.h>
#include <string.h>

/* Slices that do not nest on the overflow track of an overflow track... are dropped after this
 * many. */
#define OVERFLOW_LEVELS 4

int replay__start(struct replay *r, const struct replay_input *in, volatile bool *cancel)
{
	int err;

	memset(r, 0, sizeof(*r));
	r->session = in->session;
	r->capture = in->capture;
	r->filter = in->filter;
	r->selection.session = in->session;
	r->selection.given = in->filter;
	err = selection__start(&r->selection, in->capture, cancel);
	if (!err)
		err = sampling__start(&r->sampling, &r->selection);
	if (err)
		return err;
	session__rewind(r->session);
	return capture__seek(r->capture, capture__start(r->capture));
}

void replay__release(struct replay *r)
{
	trace_event__release(&r->maker);
	call_args__release(&r->args);
	sampling__release(&r->sampling);
	selection__release(&r->selection);
}

/* Threads that had the same tid one after the other are one row of the timeline. */
static struct nest *nest_of(struct track *track)
{
	struct thread *first = track->thread->first_of_tid;

	if (track->kind == TRACK_THREAD && first->pid == track->thread->pid && first->tracks &&
	    first->tracks->kind == TRACK_THREAD)
		return &first->tracks->nest;
	return &track->nest;
}

/* Finds a track where it nests, from its own track on. 1, 0 when there is none, or -ENOMEM. */
static int place(struct replay *r, struct track **own, const struct nest_interval *interval)
{
	struct track *track = *own;
	int level, fits;

	fits = nest__take(nest_of(track), interval);
	if (fits)
		return fits;
	for (level = 0; level < OVERFLOW_LEVELS; level++) {
		track = track_table__overflow(r->session->tracks, track);
		if (!track)
			return -ENOMEM;
		fits = nest__take(&track->nest, interval);
		if (fits) {
			*own = track;
			r->moved += fits > 0;
			return fits;
		}
	}
	r->dropped++;
	return 0;
}

static int place_slice(struct replay *r, struct slice *slice, uint32_t depth)
{
	const struct nest_interval interval = { slice->start, slice->start + slice->dur, depth };

	return place(r, &slice->track, &interval);
}

static int on_call(struct replay *r, const struct event *ev, struct replay_item *item)
{
	const struct event_call *call = &ev->call;
	struct thread *th = thread_table__get(r->session->threads, ev->tid);
	const struct code *code = code_table__get(r->session->codes, call->code);
	int fits;

	if (!th || call_args__take(&r->args, r->session, th, call, code))
		return -ENOMEM;
	if (selection__judge(&r->selection, th, ev))
		return 0;
	item->slice.track = track_table__get(
		r->session->tracks, th, call->track ? TRACK_GREENLET : TRACK_THREAD, call->track);
	if (!item->slice.track)
		return -ENOMEM;
	item->slice.start = call->start;
	item->slice.dur = call->dur;
	fits = place_slice(r, &item->slice, call->depth);
	if (fits <= 0)
		return fits;
	item->slice.sampled = false;
	item->slice.flags = ev->flags;
	item->slice.code = code;
	item->slice.args = r->args.arg;
	item->slice.n_args = r->args.n;
	th->slices++;
	r->slices++;
	return REPLAY_SLICE;
}

/* Hands out a slice of samples that is whole, if there is one. */
static int take_sampled(struct replay *r, struct replay_item *item)
{
	struct sampled_slice s;
	int fits = 0;

	while (!fits && sampling__take(&r->sampling, &s)) {
		item->slice = (struct slice){
			.start = s.start,
			.dur = s.dur,
			.track = s.track,
			.code = s.code,
			.sampled = true,
		};
		fits = place_slice(r, &item->slice, s.depth);
	}
	return fits > 0 ? REPLAY_SLICE : fits;
}

static int on_sampled(struct replay *r, const struct event *ev, struct replay_item *item)
{
	int got = sampling__event(&r->sampling, ev, &item->sample);

	if (got <= 0)
		return got;
	item->sample.track->thread->sampled += item->sample.weight;
	return REPLAY_SAMPLE;
}

/* What happens alone on its thread does so in no order with calls, which the kernel side writes some at
 * a time: it fits wherever the thread's clock was right. */
static int place_event(struct replay *r, struct trace_event *ev)
{
	const struct nest_interval interval = { ev->start, ev->start + ev->dur, UINT32_MAX };

	if (ev->phase != TRACE_SLICE || ev->alone)
		return 1;
	return place(r, &ev->track, &interval);
}

static int on_other(struct replay *r, const struct event *ev, struct replay_item *item)
{
	struct thread *th = thread_table__get(r->session->threads, ev->tid);
	const struct trace_event_record record = { &ev->other, th };
	int made;

	if (!th)
		return -ENOMEM;
	if (selection__judge_event(&r->selection, th, &ev->other))
		return 0;
	if (ev->other.what == VTBPF_EVENT_ARGS)
		return call_args__add(&r->args, th, ev);
	made = trace_event__make(&r->maker, r->session, &record, &item->event);
	if (made <= 0)
		return made;
	item->event.track = session__track_of_other(r->session, th, &ev->other);
	if (!item->event.track)
		return -ENOMEM;
	made = place_event(r, &item->event);
	return made > 0 ? REPLAY_EVENT : made;
}

/* Hands out the gap that waits. */
static int take_gap(struct replay *r, struct thread *th, struct replay_item *item)
{
	struct thread_gap *g = &th->gap;

	item->gap = (struct gap){
		.first = g->first,
		.last = g->last,
		.lost = g->lost,
		.samples = g->samples,
		.track = track_table__get(r->session->tracks, th, TRACK_LOST, 0),
	};
	g->written_until = g->last;
	g->lost = 0;
	return item->gap.track ? REPLAY_GAP : -ENOMEM;
}

/* Losses of one thread may overlap: a call lost at its end began before others that were lost. */
static int on_lost(struct replay *r, const struct event *ev, struct replay_item *item)
{
	struct thread *th = thread_table__get(r->session->threads, ev->tid);
	struct event_lost l = ev->lost;
	bool samples = ev->flags & VTBPF_F_LOST_SAMPLES;
	struct thread_gap *g;
	int kind = 0;

	if (!th)
		return -ENOMEM;
	if (th->ignored || !l.lost)
		return 0;
	g = &th->gap;
	if (g->lost && (l.first > g->last || g->samples != samples))
		kind = take_gap(r, th, item);
	if (l.first < g->written_until)
		l.first = g->written_until;
	if (l.last < l.first)
		l.last = l.first;
	if (!g->lost || l.first < g->first)
		g->first = l.first;
	if (!g->lost || l.last > g->last)
		g->last = l.last;
	g->lost += l.lost;
	g->samples = samples;
	return kind;
}

static int on_event(struct replay *r, const struct event *ev, struct replay_item *item)
{
	switch (ev->kind) {
	case VTBPF_REC_CALL:
	case VTBPF_REC_CALL_TRACK:
		return on_call(r, ev, item);
	case VTBPF_REC_LOST:
		return on_lost(r, ev, item);
	case VTBPF_REC_EVENT:
		return on_other(r, ev, item);
	case VTBPF_REC_SESSION:
		session__next_part(r->session);
		return 0;
	case VTBPF_REC_THREAD:
		thread_table__switch(r->session->threads, ev->tid, &ev->thread);
		return 0;
	case VTBPF_REC_THREAD_EXIT:
		if (r->args.kept)
			call_args__end(&r->args, thread_table__get(r->session->threads, ev->tid));
		return 0;
	case VTBPF_REC_SAMPLE:
	case VTBPF_REC_SLEEP:
	case VTBPF_REC_SAMPLING:
		return on_sampled(r, ev, item);
	default:
		return 0;
	}
}

static void start_flushing(struct replay *r)
{
	if (!r->at_end)
		r->flush = thread_table__first(r->session->threads);
	r->at_end = true;
}

static int flush_gaps(struct replay *r, struct replay_item *item)
{
	struct thread *th;

	start_flushing(r);
	while ((th = r->flush)) {
		r->flush = th->next;
		if (th->gap.lost)
			return take_gap(r, th, item);
	}
	return REPLAY_END;
}

int replay__next(struct replay *r, struct replay_item *item)
{
	const struct vtbpf_rec *rec;
	struct event ev;
	int kind = take_sampled(r, item);

	if (kind)
		return kind;
	if (r->at_end)
		return flush_gaps(r, item);
	while ((kind = capture__next(r->capture, &rec)) > 0) {
		if (decoder__decode(rec, &ev)) {
			capture__reject(r->capture); /* the file changed since it was read first */
			continue;
		}
		kind = on_event(r, &ev, item);
		if (!kind)
			kind = take_sampled(r, item);
		if (kind)
			return kind;
	}
	if (kind < 0)
		return kind;
	kind = sampling__end(&r->sampling);
	if (!kind)
		kind = take_sampled(r, item);
	if (!kind)
		return flush_gaps(r, item);
	start_flushing(r);
	return kind;
}
