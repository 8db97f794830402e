// SPDX-License-Identifier: GPL-2.0-only
#include "segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../array.h"
#include "../log.h"
#include "recorder_codes.h"
#include "recorder_threads.h"
#include "pacing_cost.h"
#include "recording_state.h"
#include "segment_stacks.h"

struct segments {
	struct recording *r;
	struct recorder_codes codes;
	struct recorder_threads threads;
	struct segment_stacks stacks;
	uint64_t number;
	uint64_t start; /* of the present one, ns; 0: it is the first */
	uint64_t cut;	/* it is ending with this moment; 0: it is not */
	struct held
		done; /* calls that are in an earlier one, and still to come from the kernel side */
	struct vtbpf_counters before;	      /* counted in earlier segments */
	struct vtbpf_counters last;	      /* and at the end of the last one */
	struct vtbpf_sample_counters samples; /* that are in this one; lost and ignored: before it */
	char *next; /* records for the next segment, while this one ends */
	size_t n_next, room;
};

/* A call of either kind, to be changed. */
union call_record {
	struct vtbpf_rec rec;
	struct vtbpf_rec_call call;
	struct vtbpf_rec_call_track track;
};

static bool is_call(const struct vtbpf_rec *rec)
{
	return rec->kind == VTBPF_REC_CALL || rec->kind == VTBPF_REC_CALL_TRACK;
}

static uint64_t end_of(const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_call *call = (const void *)rec;

	return call->start + call->dur;
}

/* ---- what goes into the capture --------------------------------------------------------- */

static void write_record(struct segments *s, const struct vtbpf_rec *rec)
{
	struct capture_writer *w = s->r->w;
	void (*sink)(void *ctx, const struct vtbpf_rec *rec) = w->sink;

	w->sink = NULL;
	capture_writer__append(w, rec);
	w->sink = sink;
}

/* A call that began before this segment begins with it: those further in a little later, as where a
 * trace begins, so that they nest. */
static void cut_begin(const struct segments *s, union call_record *c)
{
	uint64_t end = end_of(&c->rec), start = s->start + c->call.depth;

	if (end < s->start)
		end = s->start;
	if (start > end)
		start = end;
	c->call.start = start;
	c->call.dur = end - start;
	c->rec.flags |= VTBPF_F_OPEN_START;
}

static void write_call(struct segments *s, const struct vtbpf_rec *rec)
{
	union call_record c = {};

	memcpy(&c, rec, rec->len < sizeof(c) ? rec->len : sizeof(c));
	if (c.call.start < s->start)
		cut_begin(s, &c);
	recorder_codes__used(&s->codes, c.call.code, s->number);
	write_record(s, &c.rec);
}

/* The part of a call that lies before the cut. */
static void write_first_part(struct segments *s, const struct vtbpf_rec *rec)
{
	union call_record c = {};

	memcpy(&c, rec, rec->len < sizeof(c) ? rec->len : sizeof(c));
	c.call.dur = s->cut - c.call.start;
	c.rec.flags |= VTBPF_F_OPEN_END;
	write_call(s, &c.rec);
}

/* 0 or -ENOMEM. */
static int keep_for_next(struct segments *s, const struct vtbpf_rec *rec)
{
	if (ARRAY_RESERVE(s->next, s->room, s->n_next + rec->len))
		return -ENOMEM;
	memcpy(s->next + s->n_next, rec, rec->len);
	s->n_next += rec->len;
	return 0;
}

static void put_call(struct segments *s, const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_call *call = (const void *)rec;

	if (held__take(&s->done, rec))
		return;
	if (s->cut && end_of(rec) > s->cut) {
		if (call->start < s->cut)
			write_first_part(s, rec);
		if (!keep_for_next(s, rec))
			return; /* in the wrong capture it is better than in none */
	}
	write_call(s, rec);
}

static void write_other(struct segments *s, const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_event *event = (const void *)rec;

	if (event->code)
		recorder_codes__used(&s->codes, event->code, s->number);
	write_record(s, rec);
}

/* What goes on beyond the cut is in the next capture, which takes of it what lies there. What of it lies
 * before, the kernel side has said of itself when it was asked what it holds. */
static void put_other(struct segments *s, const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_event *event = (const void *)rec;

	if (s->cut && event->start + event->dur > s->cut && !keep_for_next(s, rec))
		return;
	write_other(s, rec);
}

/* It is counted where it is written: the kernel side's sums are those of another moment. */
static void put_sample(struct segments *s, const struct vtbpf_rec *rec)
{
	struct vtbpf_rec_sample sample = *(const struct vtbpf_rec_sample *)rec;
	const struct vtbpf_rec_stack *stack;

	if (s->cut && sample.ts > s->cut && !keep_for_next(s, rec))
		return;
	if (sample.ts < s->start)
		sample.ts = s->start;
	stack = segment_stacks__name(&s->stacks, sample.stack, s->number);
	if (stack)
		write_record(s, &stack->rec);
	if (rec->flags & VTBPF_F_UNREADABLE)
		s->samples.unreadable += sample.weight;
	else
		s->samples.taken += sample.weight;
	write_record(s, &sample.rec);
}

static void put_sample_counters(struct segments *s, const struct vtbpf_rec *rec)
{
	struct vtbpf_rec_sample_counters c = *(const struct vtbpf_rec_sample_counters *)rec;

	c.count.taken = s->samples.taken;
	c.count.unreadable = s->samples.unreadable;
	c.count.lost -= s->samples.lost;
	c.count.ignored -= s->samples.ignored;
	write_record(s, &c.rec);
}

/* What was counted before is in the other captures. */
static void put_counters(struct segments *s, const struct vtbpf_rec *rec)
{
	struct vtbpf_rec_counters c = *(const struct vtbpf_rec_counters *)rec;
	const __u64 *before = (const __u64 *)&s->before;
	__u64 *count = (__u64 *)&c.count;

	s->last = c.count;
	for (size_t i = 0; i < sizeof(c.count) / sizeof(*count); i++)
		count[i] -= before[i] < count[i] ? before[i] : count[i];
	write_record(s, &c.rec);
}

static void put_pause(struct segments *s, const struct vtbpf_rec *rec)
{
	struct vtbpf_rec_pause p = *(const struct vtbpf_rec_pause *)rec;

	if (p.from < s->start)
		p.from = s->start;
	write_record(s, &p.rec);
}

static void put(struct segments *s, const struct vtbpf_rec *rec)
{
	recorder_threads__fold(&s->threads, rec);
	switch (rec->kind) {
	case VTBPF_REC_CALL:
	case VTBPF_REC_CALL_TRACK:
		put_call(s, rec);
		return;
	case VTBPF_REC_EVENT:
		put_other(s, rec);
		return;
	case VTBPF_REC_COUNTERS:
		put_counters(s, rec);
		return;
	case VTBPF_REC_PAUSE:
		put_pause(s, rec);
		return;
	case VTBPF_REC_SAMPLE:
		put_sample(s, rec);
		return;
	case VTBPF_REC_SAMPLE_COUNTERS:
		put_sample_counters(s, rec);
		return;
	case VTBPF_REC_CODE:
	case VTBPF_REC_STR:
		recorder_codes__add(&s->codes, rec);
		break;
	case VTBPF_REC_STACK:
		if (segment_stacks__add(&s->stacks, rec, s->number))
			log_debug("no memory for a stack: its samples in later files lack it");
		break;
	}
	write_record(s, rec);
}

static void on_record(void *ctx, const struct vtbpf_rec *rec)
{
	put(ctx, rec);
}

int segment__begin(struct recording *r)
{
	struct segments *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->r = r;
	recorder_codes__init(&s->codes);
	r->segments = s;
	r->w->sink = on_record;
	r->w->sink_ctx = s;
	return 0;
}

void segment__free(struct segments *s)
{
	if (!s)
		return;
	held__release(&s->done);
	recorder_codes__release(&s->codes);
	segment_stacks__release(&s->stacks);
	recorder_threads__release(&s->threads);
	free(s->next);
	free(s);
}

/* ---- from one to the next --------------------------------------------------------------- */

/* One call that the kernel side holds, open or not handed on yet. Has the ending segment, or one before
 * it, all of it? */
static bool put_held(void *ctx, const struct vtbpf_rec *rec)
{
	struct segments *s = ctx;
	const struct vtbpf_rec_call *call = (const void *)rec;

	if (rec->kind == VTBPF_REC_EVENT)
		write_other(s, rec);
	if (!is_call(rec) || call->start >= s->cut)
		return false;
	if (held__take(&s->done, rec))
		return true;
	if (!(rec->flags & VTBPF_F_OPEN_END) && end_of(rec) <= s->cut) {
		write_call(s, rec);
		return true;
	}
	write_first_part(s, rec);
	return false;
}

static void use_code(void *ctx, uint32_t code)
{
	struct segments *s = ctx;

	recorder_codes__used(&s->codes, code, s->number + 1);
}

static void see_code(void *ctx, uint32_t code)
{
	recorder_codes__seen(ctx, code);
}

/* Code objects that the target has no more need not be said again. */
static void forget_dead_codes(struct segments *s)
{
	s->codes.look++;
	if (tracer__live_codes(s->r->tracer, see_code, &s->codes))
		s->codes.look--;
	else
		recorder_codes__sweep(&s->codes, s->number, NULL, NULL);
}

/* What the kernel side knows of stacks it will say again, and of those that come meanwhile there is a
 * copy. */
static void begin_samples_anew(struct segments *s)
{
	if (!s->r->sampling)
		return;
	segment_stacks__age(&s->stacks, UINT64_MAX, use_code, s);
	tracer__forget_stacks(s->r->tracer);
}

static void end_samples(struct segments *s)
{
	struct vtbpf_sample_counters now;

	if (!s->r->sampling)
		return;
	if (recording__is_on(s->r))
		sampler__ended(s->r, s->cut);
	tracer__sample_counters(s->r->tracer, &now);
	s->samples = (struct vtbpf_sample_counters){ .lost = now.lost, .ignored = now.ignored };
}

static void end_segment(struct segments *s)
{
	struct recording *r = s->r;
	struct vtbpf_rec_counters counters = {
		.rec = { .len = sizeof(counters), .kind = VTBPF_REC_COUNTERS },
	};
	struct held held = {};

	begin_samples_anew(s);
	s->cut = clock_ns(CLOCK_MONOTONIC);
	snapshot__collect(r, &held);
	held__keep(&held, put_held, s);
	held__release(&s->done);
	s->done = held;
	string_repair__run(r->repair);
	if (r->paused)
		window__put_pause(r, s->cut);
	else
		window__put_idle(r, s->cut);
	end_samples(s);
	tracer__counters(r->tracer, &counters.count);
	put_counters(s, &counters.rec);
	s->before = s->last;
	if (r->cfg->budget)
		pacing_cost__put(r, s->cut);
	sources__write(r->sources, r->cfg->target, r->w);
	wall_clock__put(r->w);
	capture_writer__end(r->w, s->cut);
}

static void begin_segment(struct segments *s)
{
	struct recording *r = s->r;
	size_t at = 0;

	s->start = s->cut;
	s->cut = 0;
	s->number++;
	recording__put_session(r, s->start);
	for (size_t i = 0; i < r->noted.n; i++)
		recording__put_text(r, VTBPF_TEXT_FILTER, r->noted.items[i]);
	r->w->sink = NULL;
	recorder_threads__write(&s->threads, r->w);
	recorder_codes__write(&s->codes, r->w);
	r->w->sink = on_record;
	if (recording__is_on(r))
		sampler__began(r, s->start);
	while (at < s->n_next) {
		const struct vtbpf_rec *rec = (const void *)(s->next + at);

		put(s, rec);
		at += rec->len;
	}
	s->n_next = 0;
}

int segment__cut(struct recording *r)
{
	struct segments *s = r->segments;
	uint64_t start = s->start ? s->start : r->res->start;
	int err;

	end_segment(s);
	err = r->w->err;
	if (!err)
		err = r->cfg->next_capture(r->cfg->dump_ctx, start, s->cut);
	r->w->sink = on_record;
	r->w->sink_ctx = s;
	if (err)
		return err;
	begin_segment(s);
	forget_dead_codes(s);
	return 0;
}
