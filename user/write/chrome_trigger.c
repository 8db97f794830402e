// SPDX-License-Identifier: GPL-2.0-only
/* What a trigger fired on: a mark in the timeline, and a word beside it. */
#include <stdio.h>

#include "chrome.h"

static void write_args(struct json_writer *j, const struct session_hit *h)
{
	json__str_field(j, "expr", h->expr);
	json__str_field(j, "function", h->name);
	if (h->value)
		json__u64_field(j, "value", h->value);
}

void chrome__hits(struct chrome *c, const struct session *s)
{
	struct json_writer *j = &c->json;

	for (size_t i = 0; i < s->n_hits; i++) {
		const struct session_hit *h = &s->hits[i];

		snprintf(c->scratch, CHROME_SCRATCH, "trigger: %s", h->expr);
		json__open(j, '{');
		json__str_field(j, "ph", "i");
		json__str_field(j, "s", "t");
		json__str_field(j, "cat", "vtbpf");
		json__u64_field(j, "pid", h->thread->pid);
		json__u64_field(j, "tid", h->thread->tid);
		json__us_field(j, "ts", h->ts);
		json__str_field(j, "name", c->scratch);
		json__key(j, "args");
		json__open(j, '{');
		write_args(j, h);
		json__close(j, '}');
		json__close(j, '}');
		outbuf__write(j->out, "\n", 1);
	}
}

void chrome__trigger_info(struct json_writer *j, const struct session *s)
{
	const struct session_hit *h = s->hits;

	if (!s->n_hits)
		return;
	json__key(j, "trigger");
	json__open(j, '{');
	json__str_field(j, "expr", h->expr);
	json__us_field(j, "ts", h->ts);
	json__u64_field(j, "tid", h->thread->tid);
	json__str_field(j, "name", h->name);
	if (h->value)
		json__u64_field(j, "value", h->value);
	json__close(j, '}');
}
