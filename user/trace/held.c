// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel side holds while a dump is made: open calls, and calls that were not written yet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <uthash.h>

#include "recording_state.h"

/* What makes a call out among all. */
struct held_key {
	uint64_t start;
	uint32_t tid, track, depth, _pad;
};

struct held_call {
	struct held_key key;
	struct vtbpf_rec *rec; /* NULL: it was written meanwhile */
	UT_hash_handle hh;
};

static struct held_key key_of(const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_call *call = (const void *)rec;
	struct held_key key = { .start = call->start, .tid = rec->tid, .depth = call->depth };

	if (rec->kind == VTBPF_REC_CALL_TRACK)
		key.track = ((const struct vtbpf_rec_call_track *)rec)->track;
	return key;
}

static bool is_call(const struct vtbpf_rec *rec)
{
	return rec->kind == VTBPF_REC_CALL || rec->kind == VTBPF_REC_CALL_TRACK;
}

int held__add(void *ctx, const struct vtbpf_rec *rec)
{
	struct held *held = ctx;
	struct held_call *c, *same;

	c = calloc(1, sizeof(*c));
	if (!c || !(c->rec = malloc(rec->len))) {
		free(c);
		return -ENOMEM;
	}
	memcpy(c->rec, rec, rec->len);
	if (is_call(rec))
		c->key = key_of(rec);
	else /* made up: no call starts at its own number in the list */
		c->key = (struct held_key){ .tid = UINT32_MAX, .start = HASH_COUNT(held->calls) };
	HASH_FIND(hh, held->calls, &c->key, sizeof(c->key), same);
	if (same) {
		free(c->rec);
		free(c);
		return 0;
	}
	HASH_ADD(hh, held->calls, key, sizeof(c->key), c);
	return 0;
}

/* A call comes through the ring: it is in the capture, and no longer held. */
void held__written(struct held *held, const struct vtbpf_rec *rec)
{
	struct held_key key = key_of(rec);
	struct held_call *c;

	HASH_FIND(hh, held->calls, &key, sizeof(key), c);
	if (!c)
		return;
	free(c->rec);
	c->rec = NULL;
}

void held__release(struct held *held)
{
	struct held_call *c, *tmp;

	HASH_ITER(hh, held->calls, c, tmp) {
		HASH_DEL(held->calls, c);
		free(c->rec);
		free(c);
	}
	held->calls = NULL;
}

bool held__take(struct held *held, const struct vtbpf_rec *rec)
{
	struct held_key key = key_of(rec);
	struct held_call *c;

	HASH_FIND(hh, held->calls, &key, sizeof(key), c);
	if (!c)
		return false;
	HASH_DEL(held->calls, c);
	free(c->rec);
	free(c);
	return true;
}

void held__keep(struct held *held, bool (*keep)(void *ctx, const struct vtbpf_rec *rec), void *ctx)
{
	struct held_call *c, *tmp;

	for (c = held->calls; c; c = tmp) {
		tmp = c->hh.next;
		if (c->rec && keep(ctx, c->rec))
			continue;
		HASH_DEL(held->calls, c);
		free(c->rec);
		free(c);
	}
}

/* In the order of the sweep: callees before callers. */
void held__write(const struct held *held, struct capture_writer *w, uint64_t since, uint64_t end)
{
	for (struct held_call *c = held->calls; c; c = c->hh.next) {
		struct vtbpf_rec_call *call = (void *)c->rec;

		if (!call)
			continue;
		if (is_call(c->rec) && c->rec->flags & VTBPF_F_OPEN_END)
			call->dur = end > call->start ? end - call->start : 0;
		if (!is_call(c->rec) || call->start + call->dur >= since)
			capture_writer__append(w, c->rec);
	}
}
