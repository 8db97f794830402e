// SPDX-License-Identifier: GPL-2.0-only
#include "recorder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "recorder_codes.h"
#include "recorder_threads.h"

/* Calls lie in chunks, which are given back when the last of them is dropped. */
#define CHUNK_BYTES (256 << 10)
#define MORE_BYTES (16 << 20) /* beside the calls that are counted: open ones, and other records */
#define HEAD_BYTES (1 << 20)  /* for what is said of the session: filters may come without end */

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
	struct recorder_threads threads; /* as the oldest record found them */
	char *head;			 /* records about the session */
	size_t head_used;
	struct vtbpf_rec_counters counters; /* the last; len 0: none yet */
	struct vtbpf_rec_overhead overhead; /* likewise */
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
	recorder_codes__release(&r->codes);
	free(r->head);
	free(r);
}

/* ---- what a record is ------------------------------------------------------------------- */

static bool is_call(const struct vtbpf_rec *rec)
{
	return rec->kind == VTBPF_REC_CALL || rec->kind == VTBPF_REC_CALL_TRACK;
}

/* Only these count: what is still open in the end is kept besides, for what is beneath. */
static bool is_finished_call(const struct vtbpf_rec *rec)
{
	return is_call(rec) && !(rec->flags & VTBPF_F_OPEN_END);
}

/* When what the record tells of was over; 0: it tells of no stretch of time. */
static uint64_t end_of(const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_call *call = (const void *)rec;

	switch (rec->kind) {
	case VTBPF_REC_CALL:
	case VTBPF_REC_CALL_TRACK:
		return call->start + call->dur;
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
	r->calls -= is_finished_call(rec);
	r->dropped += is_call(rec);
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

static void append(struct recorder *r, const struct vtbpf_rec *rec)
{
	if (r->last->used + rec->len > sizeof(r->last->bytes) && !add_chunk(r)) {
		r->dropped += is_call(rec); /* no memory: what is there stays */
		return;
	}
	memcpy(r->last->bytes + r->last->used, rec, rec->len);
	r->last->used += rec->len;
	r->calls += is_finished_call(rec);
	if (is_call(rec))
		recorder_codes__used(&r->codes, ((const struct vtbpf_rec_call *)rec)->code,
				     r->last->number);
	if (is_finished_call(rec) && end_of(rec) > r->newest)
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

uint64_t recorder__write(const struct recorder *r, struct capture_writer *w, uint64_t since)
{
	struct vtbpf_rec_overflow o = {
		.rec = { .len = sizeof(o), .kind = VTBPF_REC_OVERFLOW },
		.overwritten = r->dropped,
	};
	size_t at = r->at;

	write_head(r, w);
	recorder_threads__write(&r->threads, w);
	recorder_codes__write(&r->codes, w);
	for (const struct chunk *c = r->first; c; c = c->next, at = 0)
		while (at < c->used) {
			const struct vtbpf_rec *rec = (const void *)(c->bytes + at);
			bool old = is_call(rec) && end_of(rec) < since;

			if (!old)
				capture_writer__append(w, rec);
			o.overwritten += old;
			at += rec->len;
		}
	if (r->counters.rec.len)
		capture_writer__append(w, &r->counters.rec);
	if (r->overhead.rec.len)
		capture_writer__append(w, &r->overhead.rec);
	if (o.overwritten)
		capture_writer__append(w, &o.rec);
	return o.overwritten;
}

void recorder__use(const struct recorder *r, struct recorder_use *use)
{
	*use = (struct recorder_use){
		.calls = r->calls,
		.bytes = r->bytes + r->codes.bytes + r->head_used,
		.codes = recorder_codes__count(&r->codes),
		.threads = recorder_threads__count(&r->threads),
		.dropped = r->dropped,
		.cut_until = r->cut_until,
	};
}

/* ---- which code objects are alive ------------------------------------------------------- */

bool recorder__wants_look(const struct recorder *r)
{
	return recorder_codes__count(&r->codes) >= r->codes.look_at;
}

void recorder__begin_look(struct recorder *r)
{
	r->codes.look++;
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
