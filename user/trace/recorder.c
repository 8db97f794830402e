// SPDX-License-Identifier: GPL-2.0-only
#include "recorder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "recorder_codes.h"
#include "recorder_threads.h"
#include "segment_stacks.h"

/* Calls lie in chunks, which are given back when the last of them is dropped. */
#define CHUNK_BYTES (256 << 10)
#define MORE_BYTES (16 << 20) /* beside the calls that are counted: open ones, and other records */
#define LOOK_AT_STACKS 8192
#define HEAD_BYTES (1 << 20) /* for what is said of the session: filters may come without end */

struct chunk {
	struct chunk *next;
	uint64_t number;
	size_t used;
	char bytes[CHUNK_BYTES - 24];
};

_Static_assert(sizeof(struct chunk) == CHUNK_BYTES, "a chunk");

struct recorder {
	struct recorder_config cfg;
	struct recorder_codes codes;
	struct recorder_threads threads;    /* as the oldest record found them */
	struct vtbpf_rec_sampling sampling; /* likewise; len 0: there were no samples */
	struct segment_stacks stacks;	    /* that samples name, by chunk */
	uint64_t look_at_stacks;	    /* number at which to look */
	char *head;			    /* records about the session */
	size_t head_used;
	struct vtbpf_rec_counters counters;	  /* the last; len 0: none yet */
	struct vtbpf_rec_overhead overhead;	  /* likewise */
	struct vtbpf_rec_sample_counters samples; /* likewise */
	struct chunk *first, *last;
	size_t at; /* of the oldest record in the first chunk */
	uint64_t bytes;
	uint64_t calls;	 /* that ended, among what is kept */
	uint64_t newest; /* when the newest of all ended */
	uint64_t held;
	uint64_t dropped, cut_until;
};

/* ---- chunks ----------------------------------------------------------------------------- */

static bool add_chunk(struct recorder *r)
{
	struct chunk *c =
		mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (c == MAP_FAILED)
		return false;
	c->number = r->last ? r->last->number + 1 : 1;
	if (r->last)
		r->last->next = c;
	else
		r->first = c;
	r->last = c;
	r->bytes += sizeof(*c);
	return true;
}

static void drop_chunk(struct recorder *r)
{
	struct chunk *c = r->first;

	r->first = c->next;
	r->at = 0;
	r->bytes -= sizeof(*c);
	munmap(c, sizeof(*c));
}

struct recorder *recorder__new(const struct recorder_config *cfg)
{
	struct recorder *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->cfg = *cfg;
	if (!r->cfg.max_bytes) {
		uint64_t most = UINT64_MAX / 4 / sizeof(struct vtbpf_rec_call_track);

		r->cfg.max_bytes = (cfg->calls < most ? cfg->calls : most) *
					   sizeof(struct vtbpf_rec_call_track) +
				   MORE_BYTES;
	}
	r->held = UINT64_MAX;
	r->head = malloc(HEAD_BYTES);
	recorder_codes__init(&r->codes);
	r->look_at_stacks = LOOK_AT_STACKS;
	if (r->head && add_chunk(r))
		return r;
	free(r->head);
	free(r);
	return NULL;
}

void recorder__free(struct recorder *r)
{
	if (!r)
		return;
	while (r->first)
		drop_chunk(r);
	recorder_threads__release(&r->threads);
	segment_stacks__release(&r->stacks);
	recorder_codes__release(&r->codes);
	free(r->head);
	free(r);
}

/* ---- what a record is ------------------------------------------------------------------- */

static bool is_call(const struct vtbpf_rec *rec)
{
	return rec->kind == VTBPF_REC_CALL || rec->kind == VTBPF_REC_CALL_TRACK;
}

static bool is_sample(const struct vtbpf_rec *rec)
{
	return rec->kind == VTBPF_REC_SAMPLE || rec->kind == VTBPF_REC_SLEEP;
}

/* What it is there for; the rest comes with it. */
static bool is_event(const struct vtbpf_rec *rec)
{
	return is_call(rec) || is_sample(rec);
}

/* Only these count: what is still open in the end is kept besides, for what is beneath. */
static bool is_finished(const struct vtbpf_rec *rec)
{
	return is_sample(rec) || (is_call(rec) && !(rec->flags & VTBPF_F_OPEN_END));
}

/* When what the record tells of was over; 0: it tells of no stretch of time. */
static uint64_t end_of(const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_call *call = (const void *)rec;
	const struct vtbpf_rec_event *event = (const void *)rec;

	switch (rec->kind) {
	case VTBPF_REC_CALL:
	case VTBPF_REC_CALL_TRACK:
		return call->start + call->dur;
	case VTBPF_REC_EVENT:
		return event->start + event->dur;
	case VTBPF_REC_SAMPLE:
		return ((const struct vtbpf_rec_sample *)rec)->ts;
	case VTBPF_REC_SLEEP:
		return ((const struct vtbpf_rec_sleep *)rec)->to;
	case VTBPF_REC_LOST:
		return ((const struct vtbpf_rec_lost *)rec)->last;
	case VTBPF_REC_PAUSE:
	case VTBPF_REC_WINDOW:
	case VTBPF_REC_LEFT_OUT:
		return ((const struct vtbpf_rec_pause *)rec)->to;
	}
	return 0;
}

/* ---- dropping --------------------------------------------------------------------------- */

static const struct vtbpf_rec *oldest(struct recorder *r)
{
	while (r->at == r->first->used) {
		if (!r->first->next)
			return NULL;
		drop_chunk(r);
	}
	return (const void *)(r->first->bytes + r->at);
}

/* What it says of threads still holds for what comes after it. */
static void drop(struct recorder *r, const struct vtbpf_rec *rec)
{
	r->calls -= is_finished(rec);
	r->dropped += is_event(rec);
	if (rec->kind == VTBPF_REC_SAMPLING)
		r->sampling = *(const struct vtbpf_rec_sampling *)rec;
	recorder_threads__fold(&r->threads, rec);
	r->at += rec->len;
}

static bool is_old(const struct recorder *r, const struct vtbpf_rec *rec)
{
	uint64_t end = end_of(rec), from;

	if (!end) /* first in line: nothing before it needs it */
		return r->cfg.keep_ns;
	if (!r->cfg.keep_ns || r->newest <= r->cfg.keep_ns)
		return false;
	from = r->newest - r->cfg.keep_ns;
	return end < (r->held < from ? r->held : from);
}

static void make_room(struct recorder *r)
{
	const struct vtbpf_rec *rec;

	while ((rec = oldest(r)) && (is_old(r, rec) || recorder_threads__is_about(rec) ||
				     (r->cfg.calls && r->calls > r->cfg.calls)))
		drop(r, rec);
	while (r->bytes > r->cfg.max_bytes && (rec = oldest(r))) {
		if (end_of(rec) > r->cut_until)
			r->cut_until = end_of(rec);
		drop(r, rec);
	}
}

/* ---- taking ----------------------------------------------------------------------------- */

static void use_code(void *recorder, uint32_t code)
{
	struct recorder *r = recorder;

	recorder_codes__used(&r->codes, code, r->last->number);
}

/* What it names stays as long as it does. */
static void use_names(struct recorder *r, const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_stack *stack;

	if (is_call(rec))
		use_code(r, ((const struct vtbpf_rec_call *)rec)->code);
	if (rec->kind == VTBPF_REC_EVENT && ((const struct vtbpf_rec_event *)rec)->code)
		use_code(r, ((const struct vtbpf_rec_event *)rec)->code);
	if (!is_sample(rec))
		return;
	stack = segment_stacks__name(&r->stacks,
				     rec->kind == VTBPF_REC_SAMPLE ?
					     ((const struct vtbpf_rec_sample *)rec)->stack :
					     ((const struct vtbpf_rec_sleep *)rec)->stack,
				     r->last->number);
	if (stack) /* the first in this chunk */
		segment_stacks__codes(stack, use_code, r);
}

static void append(struct recorder *r, const struct vtbpf_rec *rec)
{
	if (r->last->used + rec->len > sizeof(r->last->bytes) && !add_chunk(r)) {
		r->dropped += is_event(rec); /* no memory: what is there stays */
		return;
	}
	memcpy(r->last->bytes + r->last->used, rec, rec->len);
	r->last->used += rec->len;
	r->calls += is_finished(rec);
	use_names(r, rec);
	if (is_finished(rec) && end_of(rec) > r->newest)
		r->newest = end_of(rec);
	make_room(r);
}

void recorder__push(void *recorder, const struct vtbpf_rec *rec)
{
	struct recorder *r = recorder;

	switch (rec->kind) {
	case VTBPF_REC_CODE:
	case VTBPF_REC_STR:
		recorder_codes__add(&r->codes, rec);
		break;
	case VTBPF_REC_STACK: /* no chunk has it yet */
		segment_stacks__add(&r->stacks, rec, 0);
		break;
	case VTBPF_REC_SAMPLE_COUNTERS:
		r->samples = *(const struct vtbpf_rec_sample_counters *)rec;
		break;
	case VTBPF_REC_COUNTERS:
		r->counters = *(const struct vtbpf_rec_counters *)rec;
		break;
	case VTBPF_REC_OVERHEAD:
		r->overhead = *(const struct vtbpf_rec_overhead *)rec;
		break;
	case VTBPF_REC_SESSION:
	case VTBPF_REC_TEXT:
	case VTBPF_REC_PROCESS:
		if (r->head_used + rec->len > HEAD_BYTES)
			break;
		memcpy(r->head + r->head_used, rec, rec->len);
		r->head_used += rec->len;
		break;
	default:
		append(r, rec);
	}
}

void recorder__hold(struct recorder *r, uint64_t since)
{
	r->held = since;
}

/* ---- writing ---------------------------------------------------------------------------- */

static void write_head(const struct recorder *r, struct capture_writer *w)
{
	size_t at = 0;

	while (at < r->head_used) {
		const struct vtbpf_rec *rec = (const void *)(r->head + at);

		capture_writer__append(w, rec);
		at += rec->len;
	}
}

struct writing {
	struct capture_writer *w;
	uint64_t since, period; /* of samples, as they are written */
	struct vtbpf_sample_counters samples;
	uint64_t old;
};

static void write_stack(void *w, const struct vtbpf_rec *rec)
{
	capture_writer__append(w, rec);
}

/* It holds from there on, or from `since` on: what was before is not there. */
static void write_sampling(struct writing *o, const struct vtbpf_rec_sampling *rec)
{
	struct vtbpf_rec_sampling sampling = *rec;

	o->period = rec->period;
	if (sampling.ts < o->since)
		sampling.ts = o->since;
	capture_writer__append(o->w, &sampling.rec);
}

/* As much of it as lies behind `since`. */
static void write_sleep(struct writing *o, const struct vtbpf_rec *rec)
{
	struct vtbpf_rec_sleep sleep = *(const struct vtbpf_rec_sleep *)rec;

	if (o->period && sleep.from < o->since)
		sleep.from = sleep.to - (sleep.to - o->since) / o->period * o->period;
	if (o->period)
		o->samples.taken += (sleep.to - sleep.from) / o->period;
	capture_writer__append(o->w, &sleep.rec);
}

static void write_one(struct writing *o, const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_sample *sample = (const void *)rec;

	if ((is_event(rec) || rec->kind == VTBPF_REC_EVENT) && end_of(rec) < o->since) {
		o->old += is_event(rec); /* it is calls, or samples, that are counted */
		return;
	}
	if (rec->kind == VTBPF_REC_SAMPLE && rec->flags & VTBPF_F_UNREADABLE)
		o->samples.unreadable += sample->weight;
	else if (rec->kind == VTBPF_REC_SAMPLE)
		o->samples.taken += sample->weight;
	if (rec->kind == VTBPF_REC_SAMPLING)
		write_sampling(o, (const struct vtbpf_rec_sampling *)rec);
	else if (rec->kind == VTBPF_REC_SLEEP)
		write_sleep(o, rec);
	else
		capture_writer__append(o->w, rec);
}

static void write_counters(const struct recorder *r, const struct writing *o)
{
	struct vtbpf_rec_sample_counters samples = r->samples;

	samples.count.taken = o->samples.taken;
	samples.count.unreadable = o->samples.unreadable;
	if (samples.rec.len)
		capture_writer__append(o->w, &samples.rec);
	if (r->counters.rec.len)
		capture_writer__append(o->w, &r->counters.rec);
	if (r->overhead.rec.len)
		capture_writer__append(o->w, &r->overhead.rec);
}

uint64_t recorder__write(const struct recorder *r, struct capture_writer *w, uint64_t since)
{
	struct vtbpf_rec_overflow o = {
		.rec = { .len = sizeof(o), .kind = VTBPF_REC_OVERFLOW },
	};
	struct writing out = { .w = w, .since = since };
	size_t at = r->at;

	write_head(r, w);
	recorder_threads__write(&r->threads, w);
	recorder_codes__write(&r->codes, w);
	if (r->sampling.rec.len)
		write_sampling(&out, &r->sampling);
	segment_stacks__each(&r->stacks, r->first->number, write_stack, w);
	for (const struct chunk *c = r->first; c; c = c->next, at = 0)
		while (at < c->used) {
			const struct vtbpf_rec *rec = (const void *)(c->bytes + at);

			write_one(&out, rec);
			at += rec->len;
		}
	write_counters(r, &out);
	o.overwritten = r->dropped + out.old;
	if (o.overwritten)
		capture_writer__append(w, &o.rec);
	return o.overwritten;
}

void recorder__use(const struct recorder *r, struct recorder_use *use)
{
	*use = (struct recorder_use){
		.calls = r->calls,
		.bytes = r->bytes + r->codes.bytes + r->stacks.bytes + r->head_used,
		.codes = recorder_codes__count(&r->codes),
		.threads = recorder_threads__count(&r->threads),
		.dropped = r->dropped,
		.cut_until = r->cut_until,
	};
}

/* ---- which code objects are alive ------------------------------------------------------- */

bool recorder__wants_look(const struct recorder *r)
{
	return recorder_codes__count(&r->codes) >= r->codes.look_at ||
	       segment_stacks__count(&r->stacks) >= r->look_at_stacks;
}

void recorder__begin_look(struct recorder *r)
{
	r->codes.look++;
	segment_stacks__age(&r->stacks, r->first->number, recorder__see, r);
	r->look_at_stacks = segment_stacks__count(&r->stacks) * 3 / 2 + LOOK_AT_STACKS;
}

void recorder__see(void *recorder, uint32_t code)
{
	recorder_codes__seen(&((struct recorder *)recorder)->codes, code);
}

void recorder__end_look(struct recorder *r, bool complete)
{
	if (complete) {
		recorder_codes__sweep(&r->codes, r->first->number, r->cfg.forget, r->cfg.ctx);
		return;
	}
	r->codes.look--;
	r->codes.look_at *= 2;
}
