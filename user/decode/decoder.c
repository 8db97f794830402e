// SPDX-License-Identifier: GPL-2.0-only
#include "decoder.h"

#include <errno.h>
#include <string.h>

static const uint16_t fixed_size[256] = {
	[VTBPF_REC_CALL] = sizeof(struct vtbpf_rec_call),
	[VTBPF_REC_CALL_TRACK] = sizeof(struct vtbpf_rec_call_track),
	[VTBPF_REC_CODE] = sizeof(struct vtbpf_rec_code),
	[VTBPF_REC_STR] = sizeof(struct vtbpf_rec_str),
	[VTBPF_REC_THREAD] = sizeof(struct vtbpf_rec_thread),
	[VTBPF_REC_THREAD_EXIT] = sizeof(struct vtbpf_rec_thread_exit),
	[VTBPF_REC_LOST] = sizeof(struct vtbpf_rec_lost),
	[VTBPF_REC_EXEC] = sizeof(struct vtbpf_rec_exec),
	[VTBPF_REC_SESSION] = sizeof(struct vtbpf_rec_session),
	[VTBPF_REC_TEXT] = sizeof(struct vtbpf_rec_text),
	[VTBPF_REC_PROCESS] = sizeof(struct vtbpf_rec_process),
	[VTBPF_REC_NS_PID] = sizeof(struct vtbpf_rec_ns_pid),
	[VTBPF_REC_THREAD_NAME] = sizeof(struct vtbpf_rec_thread_name),
	[VTBPF_REC_SOURCE] = sizeof(struct vtbpf_rec_source),
	[VTBPF_REC_END] = sizeof(struct vtbpf_rec_end),
	[VTBPF_REC_COUNTERS] = sizeof(struct vtbpf_rec_counters),
	[VTBPF_REC_OVERFLOW] = sizeof(struct vtbpf_rec_overflow),
	[VTBPF_REC_PAUSE] = sizeof(struct vtbpf_rec_pause),
	[VTBPF_REC_HIT] = sizeof(struct vtbpf_rec_hit),
	[VTBPF_REC_MISSED] = sizeof(struct vtbpf_rec_missed),
	[VTBPF_REC_WINDOW] = sizeof(struct vtbpf_rec_window),
	[VTBPF_REC_OVERHEAD] = sizeof(struct vtbpf_rec_overhead),
	[VTBPF_REC_LEFT_OUT] = sizeof(struct vtbpf_rec_left_out),
	[VTBPF_REC_EVENT] = sizeof(struct vtbpf_rec_event),
	[VTBPF_REC_SAMPLE] = sizeof(struct vtbpf_rec_sample),
	[VTBPF_REC_STACK] = sizeof(struct vtbpf_rec_stack),
	[VTBPF_REC_SLEEP] = sizeof(struct vtbpf_rec_sleep),
	[VTBPF_REC_SAMPLING] = sizeof(struct vtbpf_rec_sampling),
	[VTBPF_REC_SAMPLE_COUNTERS] = sizeof(struct vtbpf_rec_sample_counters),
};

/* No time of a capture is beyond this: what is, is damage, and sums of two cannot overflow. */
#define TIME_MAX (UINT64_MAX / 4)

/* No period of sampling is longer than the one second of --hz 1. */
#define PERIOD_MAX 1000000000ULL

static int take_bytes(const struct vtbpf_rec *rec, size_t len, struct event_bytes *out)
{
	size_t fixed = fixed_size[rec->kind];

	if (len > rec->len - fixed)
		return -EBADMSG;
	out->data = (const char *)rec + fixed;
	out->len = len;
	return 0;
}

static void take_comm(const char *comm, char *out)
{
	memcpy(out, comm, VTBPF_COMM_LEN);
	out[VTBPF_COMM_LEN] = '\0';
}

static int decode_call(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_call *c = (const void *)rec;

	if (c->start > TIME_MAX || c->dur > TIME_MAX)
		return -EBADMSG;
	ev->call.start = c->start;
	ev->call.dur = c->dur;
	ev->call.code = c->code;
	ev->call.depth = c->depth;
	ev->call.track = 0;
	if (rec->kind == VTBPF_REC_CALL_TRACK)
		ev->call.track = ((const struct vtbpf_rec_call_track *)c)->track;
	return 0;
}

static int decode_code(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_code *c = (const void *)rec;

	ev->code = (struct event_code){
		.id = c->id,
		.tgid = c->tgid,
		.firstlineno = c->firstlineno,
		.co_flags = c->co_flags,
	};
	return 0;
}

static int decode_str(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_str *s = (const void *)rec;

	ev->str.code = s->code;
	ev->str.offset = s->offset;
	ev->str.length = s->length;
	ev->str.which = s->which;
	ev->str.width = s->width;
	return take_bytes(rec, s->bytes, &ev->str.piece);
}

static int decode_thread(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_thread *t = (const void *)rec;

	if (t->tgid > KERNEL_TID_MAX || t->ts > TIME_MAX)
		return -EBADMSG;
	ev->thread.ts = t->ts;
	ev->thread.start_time = t->start_time;
	ev->thread.tgid = t->tgid;
	take_comm(t->comm, ev->thread.comm);
	return 0;
}

static int decode_thread_name(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_thread_name *t = (const void *)rec;

	if (t->tgid > KERNEL_TID_MAX)
		return -EBADMSG;
	ev->thread_name.ident = t->ident;
	ev->thread_name.tgid = t->tgid;
	take_comm(t->comm, ev->thread_name.comm);
	return take_bytes(rec, t->bytes, &ev->thread_name.name);
}

static int decode_lost(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_lost *l = (const void *)rec;

	if (l->first > TIME_MAX || l->last > TIME_MAX)
		return -EBADMSG;
	ev->lost.lost = l->lost;
	ev->lost.first = l->first;
	ev->lost.last = l->last < l->first ? l->first : l->last;
	return 0;
}

static int decode_ts(const struct vtbpf_rec *rec, struct event *ev)
{
	/* thread exit, exec and end are one time each */
	ev->ts = ((const struct vtbpf_rec_end *)rec)->ts;
	return ev->ts > TIME_MAX ? -EBADMSG : 0;
}

static int decode_session(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_session *s = (const void *)rec;

	if (s->start > TIME_MAX)
		return -EBADMSG;
	ev->session = (struct event_session){
		.start = s->start,
		.realtime_offset = (int64_t)s->realtime_offset,
		.boottime_offset = (int64_t)s->boottime_offset,
		.proc_start = s->proc_start,
		.ns_pid = s->ns_pid,
		.python = s->python,
	};
	return 0;
}

static int decode_text(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_text *t = (const void *)rec;

	ev->text.what = t->what;
	ev->more = rec->flags & VTBPF_F_MORE;
	return take_bytes(rec, t->bytes, &ev->text.text);
}

static int decode_process(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_process *p = (const void *)rec;

	ev->process.ppid = p->ppid;
	return take_bytes(rec, p->bytes, &ev->process.name);
}

static int decode_source(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_source *s = (const void *)rec;

	ev->source.is_name = rec->flags & VTBPF_F_SOURCE_NAME;
	ev->more = rec->flags & VTBPF_F_MORE;
	return take_bytes(rec, s->bytes, &ev->source.data);
}

static int decode_counters(const struct vtbpf_rec *rec, struct event *ev)
{
	ev->counters = ((const struct vtbpf_rec_counters *)rec)->count;
	return 0;
}

static int decode_span(const struct vtbpf_rec *rec, struct event *ev)
{
	/* Pauses, windows and what is left out are all from one time to another. */
	const struct vtbpf_rec_pause *p = (const void *)rec;

	if (p->from > p->to || p->to > TIME_MAX)
		return -EBADMSG;
	ev->span.from = p->from;
	ev->span.to = p->to;
	return 0;
}

#define WHOLE 1000000000 /* ns per second */

static int decode_overhead(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_overhead *o = (const void *)rec;

	if (o->from > o->to || o->to > TIME_MAX || o->stated > WHOLE)
		return -EBADMSG;
	ev->overhead = (struct event_overhead){
		.from = o->from,
		.to = o->to,
		.lost = o->lost,
		.worst = (double)o->worst / WHOLE,
		.stated = (double)o->stated / WHOLE,
		.windows = o->windows,
		.sampled = o->flags & VTBPF_OVERHEAD_SAMPLED,
	};
	return 0;
}

/* ---- samples ---------------------------------------------------------------------------- */

static int decode_sample(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_sample *s = (const void *)rec;

	ev->sample.ts = s->ts;
	ev->sample.stack = s->stack;
	ev->sample.weight = s->weight;
	return s->ts > TIME_MAX ? -EBADMSG : 0;
}

static int decode_stack(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_stack *s = (const void *)rec;

	ev->stack.id = s->id;
	ev->stack.n = s->n;
	ev->stack.codes = s->codes;
	return s->n > VTBPF_MAX_SAMPLED || s->n * sizeof(__u32) > rec->len - sizeof(*s) ? -EBADMSG :
											  0;
}

static int decode_sleep(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_sleep *s = (const void *)rec;

	ev->sleep.from = s->from;
	ev->sleep.to = s->to;
	ev->sleep.stack = s->stack;
	ev->sleep.wait = s->wait < VTBPF_WAITS ? s->wait : VTBPF_WAIT_OFF_CPU;
	return s->from > s->to || s->to > TIME_MAX ? -EBADMSG : 0;
}

static int decode_sampling(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_sampling *s = (const void *)rec;

	ev->sampling.ts = s->ts;
	ev->sampling.period = s->period;
	ev->sampling.wall = s->wall;
	ev->sampling.every = s->every ? s->every : 1;
	return s->ts > TIME_MAX || s->period > PERIOD_MAX ? -EBADMSG : 0;
}

static int decode_sampled(const struct vtbpf_rec *rec, struct event *ev)
{
	switch (rec->kind) {
	case VTBPF_REC_SAMPLE:
		return decode_sample(rec, ev);
	case VTBPF_REC_STACK:
		return decode_stack(rec, ev);
	case VTBPF_REC_SLEEP:
		return decode_sleep(rec, ev);
	case VTBPF_REC_SAMPLING:
		return decode_sampling(rec, ev);
	case VTBPF_REC_SAMPLE_COUNTERS:
		ev->sample_counters = ((const struct vtbpf_rec_sample_counters *)rec)->count;
		return 0;
	default:
		return 0;
	}
}

/* ---- all -------------------------------------------------------------------------------- */

static int decode_hit(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_hit *h = (const void *)rec;
	int err = take_bytes(rec, (size_t)h->expr_bytes + h->name_bytes, &ev->hit.expr);

	if (err || h->ts > TIME_MAX)
		return -EBADMSG;
	ev->hit.ts = h->ts;
	ev->hit.value = h->value;
	ev->hit.name.data = ev->hit.expr.data + h->expr_bytes;
	ev->hit.name.len = h->name_bytes;
	ev->hit.expr.len = h->expr_bytes;
	return 0;
}

static int decode_other(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_event *e = (const void *)rec;
	struct event_other *o = &ev->other;
	size_t at = 0, i;
	int err;

	if (e->start > TIME_MAX || e->dur > TIME_MAX)
		return -EBADMSG;
	o->start = e->start;
	o->dur = e->dur;
	memcpy(o->value, e->value, sizeof(o->value));
	o->code = e->code;
	o->track = e->track;
	o->what = e->what;
	for (i = 0; i < VTBPF_EVENT_TEXTS; i++) {
		err = take_bytes(rec, at + e->text[i].bytes, &o->text[i].bytes);
		if (err)
			return err;
		o->text[i].bytes.data += at;
		o->text[i].bytes.len = e->text[i].bytes;
		o->text[i].width = e->text[i].width;
		at += e->text[i].bytes;
	}
	return 0;
}

static int decode_missed(const struct vtbpf_rec *rec, struct event *ev)
{
	const struct vtbpf_rec_missed *m = (const void *)rec;

	if (m->ppid > KERNEL_TID_MAX)
		return -EBADMSG;
	ev->missed.ppid = m->ppid;
	take_comm(m->comm, ev->missed.comm);
	return take_bytes(rec, m->bytes, &ev->missed.reason);
}

static int decode_payload(const struct vtbpf_rec *rec, struct event *ev)
{
	switch (rec->kind) {
	case VTBPF_REC_CODE:
		return decode_code(rec, ev);
	case VTBPF_REC_STR:
		return decode_str(rec, ev);
	case VTBPF_REC_THREAD:
		return decode_thread(rec, ev);
	case VTBPF_REC_THREAD_NAME:
		return decode_thread_name(rec, ev);
	case VTBPF_REC_LOST:
		return decode_lost(rec, ev);
	case VTBPF_REC_THREAD_EXIT:
	case VTBPF_REC_EXEC:
	case VTBPF_REC_END:
		return decode_ts(rec, ev);
	case VTBPF_REC_SESSION:
		return decode_session(rec, ev);
	case VTBPF_REC_TEXT:
		return decode_text(rec, ev);
	case VTBPF_REC_PROCESS:
		return decode_process(rec, ev);
	case VTBPF_REC_HIT:
		return decode_hit(rec, ev);
	case VTBPF_REC_EVENT:
		return decode_other(rec, ev);
	case VTBPF_REC_MISSED:
		return decode_missed(rec, ev);
	case VTBPF_REC_SOURCE:
		return decode_source(rec, ev);
	case VTBPF_REC_COUNTERS:
		return decode_counters(rec, ev);
	case VTBPF_REC_OVERFLOW:
		ev->overwritten = ((const struct vtbpf_rec_overflow *)rec)->overwritten;
		return 0;
	case VTBPF_REC_OVERHEAD:
		return decode_overhead(rec, ev);
	case VTBPF_REC_NS_PID:
		ev->ns_pid = ((const struct vtbpf_rec_ns_pid *)rec)->ns_pid;
		return 0;
	case VTBPF_REC_PAUSE:
	case VTBPF_REC_WINDOW:
	case VTBPF_REC_LEFT_OUT:
		return decode_span(rec, ev);
	default:
		return decode_sampled(rec, ev);
	}
}

int decoder__decode(const struct vtbpf_rec *rec, struct event *ev)
{
	/* kind 0 is never written: it is a hole of a file that was not synced before a crash */
	if (rec->kind == VTBPF_REC_NONE || rec->len < fixed_size[rec->kind])
		return -EBADMSG;
	if (rec->tid > KERNEL_TID_MAX)
		return -EBADMSG;
	ev->kind = rec->kind;
	ev->flags = rec->flags;
	ev->tid = rec->tid;
	ev->more = false;
	if (rec->kind == VTBPF_REC_CALL || rec->kind == VTBPF_REC_CALL_TRACK)
		return decode_call(rec, ev);
	return decode_payload(rec, ev);
}
