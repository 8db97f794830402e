// SPDX-License-Identifier: GPL-2.0-only
#include "string_repair.h"

#include <stdio.h>
#include <stdlib.h>

#include <uthash.h>

#include "../urgent.h"

/* A code object's strings follow it at once, but threads may interleave: so many are remembered. */
#define RECENT 256
#define MAX_PENDING 4096
#define C_NAME_MAX 1024 /* bytes */

struct pending {
	uint32_t code;
	uint8_t which;
	uint64_t addr;
	uint32_t flags; /* co_flags */
	uint64_t owner; /* of a C function */
};

struct string_repair {
	struct py_reader *reader, *origin;
	struct capture_writer *w;
	struct vtbpf_rec_code recent[RECENT];
	unsigned int next;
	struct pending pending[MAX_PENDING];
	size_t n_pending;
};

struct string_repair *string_repair__new(struct py_reader *reader, struct py_reader *origin,
					 struct capture_writer *w)
{
	struct string_repair *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->reader = reader;
	s->origin = origin;
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

/* As VizTracer names it: its module, or type, and its own name; alone where the former is no name. */
static char *c_function(struct py_reader *reader, const struct pending *p)
{
	char *name = py_c_string(reader, p->addr, C_NAME_MAX), *owner = NULL, *text = NULL;

	if (!name)
		return NULL;
	if (p->flags & VTBPF_CODE_HAS_MODULE)
		owner = py_str(reader, p->owner, C_NAME_MAX);
	else if (p->owner)
		owner = py_c_string(reader, p->owner, C_NAME_MAX);
	if (asprintf(&text, "%s%s%s", owner ? owner : "", owner ? "." : "", name) < 0)
		text = NULL;
	free(owner);
	free(name);
	return text;
}

static char *read_text(struct py_reader *reader, const struct pending *p)
{
	if (p->flags & VTBPF_CODE_IS_C)
		return c_function(reader, p);
	return py_str(reader, p->addr, VTBPF_MAX_STR_BYTES);
}

static bool repair(struct string_repair *s, const struct pending *p)
{
	char *text;

	urgent__begin();
	text = read_text(s->reader, p);
	if (!text && s->origin)
		text = read_text(s->origin, p);
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

	for (unsigned int i = 0; i < RECENT && !p.addr; i++) {
		const struct vtbpf_rec_code *code = &s->recent[i];

		if (code->id != str->code)
			continue;
		p.addr = str->which == VTBPF_STR_FILENAME ? code->filename : code->name;
		p.owner = code->filename;
		p.flags = code->co_flags;
	}
	if (p.addr && !repair(s, &p) && s->n_pending < MAX_PENDING)
		s->pending[s->n_pending++] = p;
}

void string_repair__run(struct string_repair *s)
{
	for (size_t i = 0; i < s->n_pending; i++)
		repair(s, &s->pending[i]);
	s->n_pending = 0;
}
