// SPDX-License-Identifier: GPL-2.0-only
#include "hits.h"

#include <stdlib.h>

#include "../array.h"

struct hits {
	struct hits_config cfg;
	struct hits_sums sums;
	struct hit *waiting; /* oldest first; never more than cfg.max */
	size_t n;
	uint64_t quiet_until[]; /* by trigger */
};

struct hits *hits__new(const struct hits_config *cfg)
{
	struct hits *h = calloc(1, sizeof(*h) + cfg->triggers * sizeof(h->quiet_until[0]));

	if (!h)
		return NULL;
	h->cfg = *cfg;
	return h;
}

void hits__free(struct hits *h)
{
	if (!h)
		return;
	free(h->waiting);
	free(h);
}

bool hits__note(struct hits *h, const struct hit *hit)
{
	if (hit->ts < h->quiet_until[hit->trigger]) {
		h->sums.suppressed++;
		return false;
	}
	if (h->sums.taken >= h->cfg.max || ARRAY_ONE_MORE(h->waiting, h->n)) {
		h->sums.beyond++;
		return false;
	}
	h->waiting[h->n++] = *hit;
	h->sums.taken++;
	h->quiet_until[hit->trigger] = hit->ts + h->cfg.cool_down_ns;
	return true;
}

void hits__add_suppressed(struct hits *h, uint64_t n)
{
	h->sums.suppressed += n;
}

bool hits__take(struct hits *h, uint64_t now, bool all, struct hit *hit)
{
	if (!h->n || (!all && now < h->waiting[0].ts + h->cfg.after_ns))
		return false;
	*hit = h->waiting[0];
	h->n--;
	for (size_t i = 0; i < h->n; i++)
		h->waiting[i] = h->waiting[i + 1];
	return true;
}

uint64_t hits__oldest(const struct hits *h)
{
	return h->n ? h->waiting[0].ts : UINT64_MAX;
}

void hits__sums(const struct hits *h, struct hits_sums *sums)
{
	*sums = h->sums;
}
