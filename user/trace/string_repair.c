// SPDX-License-Identifier: GPL-2.0-only
#include "string_repair.h"

#include <stdlib.h>

#include <uthash.h>

#include "../urgent.h"

/* A code object's strings follow it at once, but threads may interleave: so many are remembered. */
#define RECENT 256
#define MAX_PENDING 4096

struct pending {
	uint32_t code;
	uint8_t which;
	uint64_t addr;
};

struct string_repair {
	struct py_reader *reader;
	struct capture_writer *w;
	struct vtbpf_rec_code recent[RECENT];
	unsigned int next;
	struct pending pending[MAX_PENDING];
	size_t n_pending;
};

struct string_repair *string_repair__new(struct py_reader *reader, struct capture_writer *w)
{
	struct string_repair *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->reader = reader;
	s->w = w;
	return s;
}

void string_repair__free(struct string_repair *s)
{
	free(s);
}

void string_repair__code(struct string_repair *s, const struct vtbpf_rec_code *code)
{
	s->recent[s->next++ % RECENT] = *code;
}

static bool repair(struct string_repair *s, const struct pending *p)
{
	char *text;

	urgent__begin();
	text = py_str(s->reader, p->addr, VTBPF_MAX_STR_BYTES);
	urgent__end();
	if (!text)
		return false;
	capture_writer__code_str(s->w, p->code, p->which, text);
	free(text);
	return true;
}

void string_repair__note(struct string_repair *s, const struct vtbpf_rec_str *str)
{
	struct pending p = { .code = str->code, .which = str->which };

	for (unsigned int i = 0; i < RECENT && !p.addr; i++)
		if (s->recent[i].id == str->code)
			p.addr = str->which == VTBPF_STR_FILENAME ? s->recent[i].filename :
								    s->recent[i].name;
	if (p.addr && !repair(s, &p) && s->n_pending < MAX_PENDING)
		s->pending[s->n_pending++] = p;
}

void string_repair__run(struct string_repair *s)
{
	for (size_t i = 0; i < s->n_pending; i++)
		repair(s, &s->pending[i]);
	s->n_pending = 0;
}
