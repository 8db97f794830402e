// SPDX-License-Identifier: GPL-2.0-only
/* What can be asked of a session once it is read. */
#include <string.h>

#include "session.h"

const struct session_text *session__text(const struct session *s, enum vtbpf_text_what what)
{
	return s->texts[what].n ? &s->texts[what].text[0] : NULL;
}

const struct session_text *session__part_text(const struct session *s, uint32_t part,
					      enum vtbpf_text_what what)
{
	const struct session_texts *t = &s->texts[what];
	size_t low = 0, high = t->n;

	while (low < high) { /* they come in the order of the parts */
		size_t middle = low + (high - low) / 2;

		if (t->text[middle].part < part)
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->n && t->text[low].part == part ? &t->text[low] : NULL;
}

bool session__has_text(const struct session *s, enum vtbpf_text_what what, const char *text)
{
	const struct session_texts *t = &s->texts[what];
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (!strcmp(t->text[i].data, text))
			return true;
	}
	return false;
}

uint64_t session__lost(const struct session *s)
{
	const struct thread *th;
	uint64_t lost = 0;
	bool all = true;

	for (th = thread_table__first(s->threads); th; th = th->next) {
		if (th->ignored)
			all = false;
		else
			lost += th->lost;
	}
	return all && s->counters.lost > lost ? s->counters.lost : lost;
}

bool session__has_windows(const struct session *s)
{
	return s->n_windows || s->has_overhead;
}

static uint64_t sum_of(const struct session_span *span, size_t n)
{
	uint64_t sum = 0;

	while (n--)
		sum += span[n].to - span[n].from;
	return sum;
}

/* ns, pauses not counted. */
static uint64_t recorded_time(const struct session *s)
{
	uint64_t all = 0, paused = sum_of(s->pauses, s->n_pauses);

	for (uint32_t i = 0; i < s->n_parts; i++)
		all += s->parts[i].end > s->parts[i].start ? s->parts[i].end - s->parts[i].start :
							     0;
	return all > paused ? all - paused : 0;
}

static double part_of(uint64_t seen, uint64_t all)
{
	return seen < all ? (double)seen / (double)all : seen ? 1 : 0;
}

double session__coverage(const struct session *s)
{
	if (!session__has_windows(s))
		return 1;
	return part_of(sum_of(s->windows, s->n_windows), recorded_time(s));
}

double session__sampled_share(const struct session *s)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < s->n_sampled; i++)
		seen += s->sampled[i].span.to - s->sampled[i].span.from;
	return part_of(seen, recorded_time(s));
}
