// SPDX-License-Identifier: GPL-2.0-only
#include "sample_slices.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "../array.h"

struct open_slice {
	const struct code *code;
	uint64_t start;
};

/* What goes on on one track. */
struct row {
	struct track *track;	 /* key */
	struct open_slice *open; /* outermost first */
	size_t n, room;
	uint64_t end; /* of the last sample */
	UT_hash_handle hh;
};

struct sample_slices {
	struct row *rows;
	struct sampled_slice *ready; /* a queue: from `taken` on */
	size_t n_ready, room, taken;
};

struct sample_slices *sample_slices__new(void)
{
	return calloc(1, sizeof(struct sample_slices));
}

void sample_slices__free(struct sample_slices *s)
{
	struct row *row, *tmp;

	if (!s)
		return;
	HASH_ITER(hh, s->rows, row, tmp) {
		HASH_DEL(s->rows, row);
		free(row->open);
		free(row);
	}
	free(s->ready);
	free(s);
}

static struct row *row_of(struct sample_slices *s, struct track *track)
{
	struct row *row;

	HASH_FIND_PTR(s->rows, &track, row);
	if (row)
		return row;
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	row->track = track;
	HASH_ADD_PTR(s->rows, track, row);
	if (row->hh.tbl)
		return row;
	free(row);
	return NULL;
}

/* Ends all but the `keep` outermost slices of the row at `end`. */
static int close_row(struct sample_slices *s, struct row *row, size_t keep, uint64_t end)
{
	const struct open_slice *o;

	if (s->taken == s->n_ready)
		s->taken = s->n_ready = 0;
	if (row->n <= keep)
		return 0;
	if (ARRAY_RESERVE(s->ready, s->room, s->n_ready + row->n - keep))
		return -ENOMEM;
	while (row->n > keep) {
		o = &row->open[--row->n];
		s->ready[s->n_ready++] = (struct sampled_slice){
			.track = row->track,
			.code = o->code,
			.start = o->start,
			.dur = end - o->start,
			.depth = (uint32_t)row->n,
		};
	}
	return 0;
}

static size_t common_frames(const struct row *row, const struct sample_span *span)
{
	size_t n = row->n < span->n ? row->n : span->n, i = 0;

	while (i < n && row->open[i].code == span->frames[i])
		i++;
	return i;
}

int sample_slices__add(struct sample_slices *s, const struct sample_span *span)
{
	struct row *row = row_of(s, span->track);
	uint64_t from = span->from, end;
	size_t keep = 0;
	int err;

	if (!row)
		return -ENOMEM;
	end = row->end;
	if (from < end + span->slack) {
		/* Timers are late by a little: that is no gap. */
		keep = common_frames(row, span);
		end = from = row->end;
	}
	err = close_row(s, row, keep, end);
	if (err)
		return err;
	if (ARRAY_RESERVE(row->open, row->room, span->n))
		return -ENOMEM;
	for (; row->n < span->n; row->n++)
		row->open[row->n] = (struct open_slice){ span->frames[row->n], from };
	row->end = span->to > from ? span->to : from;
	return 0;
}

int sample_slices__close(struct sample_slices *s)
{
	struct row *row;
	int err = 0;

	for (row = s->rows; row && !err; row = row->hh.next)
		err = close_row(s, row, 0, row->end);
	return err;
}

bool sample_slices__take(struct sample_slices *s, struct sampled_slice *out)
{
	if (s->taken >= s->n_ready)
		return false;
	*out = s->ready[s->taken++];
	return true;
}
