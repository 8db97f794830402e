// SPDX-License-Identifier: GPL-2.0-only
#include "nest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../array.h"

#define ROW_MAX 4096

void nest__release(struct nest *nest)
{
	free(nest->row);
	memset(nest, 0, sizeof(*nest));
}

/* Joins neighbours of equal depth in the older half, or, where that frees little, any neighbours. A
 * later slice that begins inside a joined interval is taken for one that does not nest. */
static void shorten(struct nest *nest)
{
	size_t half = nest->n / 2, from, to = 0, pass;

	for (pass = 0; pass < 2 && nest->n > ROW_MAX * 3 / 4; pass++) {
		for (from = 1, to = 0; from < nest->n; from++) {
			if (from < half && (pass || nest->row[from].depth == nest->row[to].depth))
				nest->row[to].end = nest->row[from].end;
			else
				nest->row[++to] = nest->row[from];
		}
		nest->n = to + 1;
	}
}

static int make_room(struct nest *nest)
{
	if (nest->n == ROW_MAX)
		shorten(nest);
	return ARRAY_RESERVE(nest->row, nest->room, nest->n + 1);
}

int nest__take(struct nest *nest, const struct nest_interval *slice)
{
	size_t n = nest->n;
	int err;

	if (n && nest->row[n - 1].end > slice->end)
		return 0; /* out of order */
	while (n && nest->row[n - 1].start >= slice->start)
		n--;
	if (n && nest->row[n - 1].end > slice->start)
		return 0;
	nest->n = n;
	if (n == nest->room || n == ROW_MAX) {
		err = make_room(nest);
		if (err)
			return err;
	}
	nest->row[nest->n++] = *slice;
	return 1;
}
