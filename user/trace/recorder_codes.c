// SPDX-License-Identifier: GPL-2.0-only
#include "recorder_codes.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define LOOK_FIRST 8192
#define MAX_NAMES_BYTES (3 << 20) /* of one: two strings of the longest, twice over */

struct recorder_code {
	uint32_t id;
	uint32_t look;	/* when it was last known to be alive */
	uint64_t chunk; /* of the last call that names it */
	uint32_t size;
	char *records;
	UT_hash_handle hh;
};

void recorder_codes__init(struct recorder_codes *c)
{
	memset(c, 0, sizeof(*c));
	c->look_at = LOOK_FIRST;
}

static void drop(struct recorder_codes *c, struct recorder_code *code)
{
	struct recorder_code **recent = &c->recent[code->id % RECORDER_RECENT];

	if (*recent == code)
		*recent = NULL;
	c->bytes -= code->size + sizeof(*code);
	HASH_DEL(c->by_id, code);
	free(code->records);
	free(code);
}

void recorder_codes__release(struct recorder_codes *c)
{
	struct recorder_code *code, *tmp;

	HASH_ITER(hh, c->by_id, code, tmp)
		drop(c, code);
}

static struct recorder_code *find(struct recorder_codes *c, uint32_t id)
{
	struct recorder_code **recent = &c->recent[id % RECORDER_RECENT];

	if (!*recent || (*recent)->id != id)
		HASH_FIND(hh, c->by_id, &id, sizeof(id), *recent);
	return *recent;
}

static struct recorder_code *get(struct recorder_codes *c, uint32_t id)
{
	struct recorder_code *code = find(c, id);

	if (code)
		return code;
	code = calloc(1, sizeof(*code));
	if (!code)
		return NULL;
	code->id = id;
	code->look = c->look;
	HASH_ADD(hh, c->by_id, id, sizeof(code->id), code);
	if (!code->hh.tbl) {
		free(code);
		return NULL;
	}
	c->bytes += sizeof(*code);
	return code;
}

/* Without the room after a string's bytes that the kernel side reserves. */
static size_t used_size(const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_str *s = (const void *)rec;
	size_t size;

	if (rec->kind != VTBPF_REC_STR || rec->len < sizeof(*s))
		return rec->len;
	size = (sizeof(*s) + s->bytes + 7) & ~7UL;
	return size < rec->len ? size : rec->len;
}

static void append(struct recorder_codes *c, struct recorder_code *code,
		   const struct vtbpf_rec *rec)
{
	struct vtbpf_rec *copy;
	size_t size = used_size(rec);
	char *records;

	if (code->size + size > MAX_NAMES_BYTES)
		return;
	records = realloc(code->records, code->size + size);
	if (!records)
		return;
	code->records = records;
	copy = (void *)(records + code->size);
	memcpy(copy, rec, size);
	copy->len = size;
	code->size += size;
	c->bytes += size;
}

void recorder_codes__add(struct recorder_codes *c, const struct vtbpf_rec *rec)
{
	bool is_code = rec->kind == VTBPF_REC_CODE;
	struct recorder_code *code;

	if (!is_code && ((const struct vtbpf_rec_str *)rec)->which > VTBPF_STR_NAME)
		return; /* a thread's name, which comes as a record of its own, too */
	code = get(c, is_code ? ((const struct vtbpf_rec_code *)rec)->id :
				((const struct vtbpf_rec_str *)rec)->code);
	if (!code)
		return;
	if (is_code) { /* it may come again: then its names do, too */
		c->bytes -= code->size;
		code->size = 0;
		code->look = c->look;
	}
	append(c, code, rec);
}

void recorder_codes__used(struct recorder_codes *c, uint32_t id, uint64_t chunk)
{
	struct recorder_code *code = find(c, id);

	if (code)
		code->chunk = chunk;
}

/* ---- which are alive -------------------------------------------------------------------- */

void recorder_codes__seen(struct recorder_codes *c, uint32_t id)
{
	struct recorder_code *code;

	/* Past the recent ones, which are those that are called. */
	HASH_FIND(hh, c->by_id, &id, sizeof(id), code);
	if (code)
		code->look = c->look;
}

void recorder_codes__sweep(struct recorder_codes *c, uint64_t first,
			   void (*forget)(void *ctx, uint32_t code), void *ctx)
{
	struct recorder_code *code, *tmp;

	HASH_ITER(hh, c->by_id, code, tmp) {
		if (code->look + 1 >= c->look || code->chunk >= first)
			continue;
		if (forget)
			forget(ctx, code->id);
		drop(c, code);
	}
	c->look_at = HASH_COUNT(c->by_id) + HASH_COUNT(c->by_id) / 2 + LOOK_FIRST;
}

uint64_t recorder_codes__count(const struct recorder_codes *c)
{
	return HASH_COUNT(c->by_id);
}

/* ---- writing ---------------------------------------------------------------------------- */

void recorder_codes__write(const struct recorder_codes *c, struct capture_writer *w)
{
	for (const struct recorder_code *code = c->by_id; code; code = code->hh.next) {
		size_t at = 0;

		while (at < code->size) {
			const struct vtbpf_rec *rec = (const void *)(code->records + at);

			capture_writer__append(w, rec);
			at += rec->len;
		}
	}
}
