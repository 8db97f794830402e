// SPDX-License-Identifier: GPL-2.0-only
/* Why a dump was made. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../array.h"
#include "session.h"

#define HITS_MAX 65536 /* a dump has one; of several that became one trace there may be more */

int session__add_hit(struct session *s, const struct event *ev)
{
	struct thread *th = thread_table__get(s->threads, ev->tid);
	struct session_hit *h;

	if (!th || !track_table__get(s->tracks, th, TRACK_THREAD, 0))
		return -ENOMEM;
	if (s->n_hits >= HITS_MAX)
		return 0;
	if (ARRAY_ONE_MORE(s->hits, s->n_hits))
		return -ENOMEM;
	h = &s->hits[s->n_hits];
	*h = (struct session_hit){ .ts = ev->hit.ts, .value = ev->hit.value, .thread = th };
	h->expr = strndup(ev->hit.expr.data, ev->hit.expr.len);
	h->name = strndup(ev->hit.name.data, ev->hit.name.len);
	s->n_hits++;
	return h->expr && h->name ? 0 : -ENOMEM;
}

void session__free_hits(struct session *s)
{
	for (size_t i = 0; i < s->n_hits; i++) {
		free(s->hits[i].expr);
		free(s->hits[i].name);
	}
	free(s->hits);
}
