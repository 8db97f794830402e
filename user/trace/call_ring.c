// SPDX-License-Identifier: GPL-2.0-only
#include "call_ring.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MORE_BYTES (1 << 20) /* for records that are no calls */
#define MAX_CALLS (1ULL << 32)

struct call_ring {
	struct capture_writer *w;
	char *bytes; /* records one after the other, around the end in pieces of 8 bytes */
	uint64_t size;
	uint64_t head, tail; /* of what is kept; modulo size */
	uint64_t calls, max_calls;
	uint64_t overwritten;
};

struct call_ring *call_ring__new(uint64_t calls, struct capture_writer *w)
{
	struct call_ring *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->w = w;
	r->max_calls = calls < MAX_CALLS ? calls : MAX_CALLS;
	r->size = r->max_calls * sizeof(struct vtbpf_rec_call_track) + MORE_BYTES;
	r->bytes = mmap(NULL, r->size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->bytes == MAP_FAILED) {
		free(r);
		errno = ENOMEM;
		return NULL;
	}
	return r;
}

void call_ring__free(struct call_ring *r)
{
	if (!r)
		return;
	munmap(r->bytes, r->size);
	free(r);
}

/* ---- bytes around the end --------------------------------------------------------------- */

static void copy_in(struct call_ring *r, const void *from, size_t len)
{
	size_t at = r->tail % r->size, first = r->size - at < len ? r->size - at : len;

	memcpy(r->bytes + at, from, first);
	memcpy(r->bytes, (const char *)from + first, len - first);
	r->tail += len;
}

static void copy_out(const struct call_ring *r, void *to, size_t len)
{
	size_t at = r->head % r->size, first = r->size - at < len ? r->size - at : len;

	memcpy(to, r->bytes + at, first);
	memcpy((char *)to + first, r->bytes, len - first);
}

/* ---- records ---------------------------------------------------------------------------- */

static bool is_call(const struct vtbpf_rec *rec)
{
	return rec->kind == VTBPF_REC_CALL || rec->kind == VTBPF_REC_CALL_TRACK;
}

union any_record {
	struct vtbpf_rec rec;
	uint64_t align[(UINT16_MAX + 1) / 8];
};

/* Only these count towards N: what is still open in the end is kept besides, for what is beneath. */
static bool is_finished_call(const struct vtbpf_rec *rec)
{
	return is_call(rec) && !(rec->flags & VTBPF_F_OPEN_END);
}

/* Takes the oldest record out, to the capture if `keep`. */
static void pop(struct call_ring *r, bool keep)
{
	union any_record any;

	copy_out(r, &any.rec, sizeof(any.rec));
	copy_out(r, &any, any.rec.len);
	r->head += any.rec.len;
	r->calls -= is_finished_call(&any.rec);
	r->overwritten += is_call(&any.rec) && !keep;
	if (keep)
		capture_writer__append(r->w, &any.rec);
}

static bool has_room(const struct call_ring *r, const struct vtbpf_rec *rec)
{
	if (is_finished_call(rec) && r->calls >= r->max_calls)
		return false;
	return r->tail - r->head + rec->len <= r->size;
}

void call_ring__push(struct call_ring *r, const struct vtbpf_rec *rec)
{
	if (!is_call(rec))
		capture_writer__append(r->w, rec);
	if (!is_call(rec) && rec->kind != VTBPF_REC_THREAD)
		return;
	while (r->head != r->tail && !has_room(r, rec))
		pop(r, false);
	copy_in(r, rec, rec->len);
	r->calls += is_finished_call(rec);
}

uint64_t call_ring__write(struct call_ring *r)
{
	struct vtbpf_rec_overflow o = {
		.rec = { .len = sizeof(o), .kind = VTBPF_REC_OVERFLOW },
		.overwritten = r->overwritten,
	};

	while (r->head != r->tail)
		pop(r, true);
	if (o.overwritten)
		capture_writer__append(r->w, &o.rec);
	return o.overwritten;
}
