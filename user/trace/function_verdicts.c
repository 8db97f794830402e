// SPDX-License-Identifier: GPL-2.0-only
#include "function_verdicts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "str_pieces.h"

/* Longer names are left to decode. */
#define MAX_NAME_BYTES (64 << 10)

struct text {
	struct str_pieces pieces;
	char *utf8; /* NULL until it is whole */
};

struct function {
	uint32_t id;
	struct text file, name;
	UT_hash_handle hh;
};

struct function_verdicts {
	struct function_filter filter;
	char **globs; /* all of filter.ignore; those from `own` on are ours */
	size_t own;
	struct tracer *tracer;
	struct function *functions;
	void (*tell)(void *ctx, uint32_t code, const char *name, const char *file);
	void *tell_ctx;
};

struct function_verdicts *function_verdicts__new(const struct function_filter *filter,
						 struct tracer *tracer)
{
	struct function_verdicts *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->filter = *filter;
	v->own = filter->ignore.n;
	v->tracer = tracer;
	if (function_filter__is_set(filter) || filter->args.n)
		tracer__await_names(tracer);
	return v;
}

static void text__reset(struct text *t)
{
	str_pieces__reset(&t->pieces);
	free(t->utf8);
}

static void forget(struct function_verdicts *v, struct function *f)
{
	HASH_DEL(v->functions, f);
	text__reset(&f->file);
	text__reset(&f->name);
	free(f);
}

void function_verdicts__free(struct function_verdicts *v)
{
	struct function *f, *tmp;

	if (!v)
		return;
	HASH_ITER(hh, v->functions, f, tmp)
		forget(v, f);
	for (size_t i = v->own; v->globs && i < v->filter.ignore.n; i++)
		free(v->globs[i]);
	free(v->globs);
	free(v);
}

static void decide(struct function_verdicts *v, const struct function *f)
{
	uint8_t verdict;

	if (!f->file.utf8 || !f->name.utf8)
		return;
	verdict = function_filter__verdict(&v->filter, f->name.utf8, f->file.utf8);
	if (v->filter.args.n)
		verdict |= function_filter__fits(&v->filter.args, f->name.utf8, f->file.utf8) ?
				   VTBPF_SHOW_ARGS :
				   VTBPF_HIDE_ARGS;
	if (verdict)
		tracer__set_verdict(v->tracer, f->id, verdict);
}

void function_verdicts__tell(struct function_verdicts *v,
			     void (*fn)(void *ctx, uint32_t code, const char *name,
					const char *file),
			     void *ctx)
{
	v->tell = fn;
	v->tell_ctx = ctx;
}

/* ---- names ------------------------------------------------------------------------------ */

/* Adds a piece. True when the string has become whole by it. */
static bool text__add(struct text *t, const struct vtbpf_rec_str *rec)
{
	if (t->utf8 || (uint64_t)rec->length * rec->width > MAX_NAME_BYTES)
		return false;
	t->utf8 = str_pieces__add(&t->pieces, rec);
	return t->utf8;
}

static struct function *get_function(struct function_verdicts *v, uint32_t id)
{
	struct function *f;

	HASH_FIND(hh, v->functions, &id, sizeof(id), f);
	if (f || id >= VTBPF_MAX_VERDICTS)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->id = id;
	HASH_ADD(hh, v->functions, id, sizeof(f->id), f);
	return f;
}

void function_verdicts__note(struct function_verdicts *v, const struct vtbpf_rec_str *rec)
{
	struct function *f;

	if (rec->rec.len < sizeof(*rec) ||
	    (rec->which != VTBPF_STR_FILENAME && rec->which != VTBPF_STR_NAME))
		return;
	f = get_function(v, rec->code);
	if (!f || !text__add(rec->which == VTBPF_STR_NAME ? &f->name : &f->file, rec))
		return;
	decide(v, f);
	if (v->tell && f->file.utf8 && f->name.utf8)
		v->tell(v->tell_ctx, f->id, f->name.utf8, f->file.utf8);
}

void function_verdicts__forget(struct function_verdicts *v, uint32_t code)
{
	struct function *f;

	HASH_FIND(hh, v->functions, &code, sizeof(code), f);
	if (f)
		forget(v, f);
}

/* ---- at run time ------------------------------------------------------------------------ */

int function_verdicts__ignore(struct function_verdicts *v, const char *glob)
{
	size_t n = v->filter.ignore.n;
	char **globs = calloc(n + 1, sizeof(*globs)), *copy = strdup(glob);
	struct function *f;

	if (!globs || !copy) {
		free(globs);
		free(copy);
		return -ENOMEM;
	}
	if (n)
		memcpy(globs, v->filter.ignore.items, n * sizeof(*globs));
	globs[n] = copy;
	free(v->globs);
	v->globs = globs;
	v->filter.ignore = (struct str_list){ .items = (const char **)globs, .n = n + 1 };
	tracer__await_names(v->tracer);
	for (f = v->functions; f; f = f->hh.next)
		decide(v, f);
	return 0;
}
