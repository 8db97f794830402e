// SPDX-License-Identifier: GPL-2.0-only
/* "file_info" of several traces: the first of each name stays. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include "chrome_merge.h"

/* A name that was written; it points into an input's text. */
struct known {
	UT_hash_handle hh;
	struct json_span value;
};

static struct json_span text_of(const struct merge_input *in)
{
	return (struct json_span){ in->text, in->text_size };
}

static int remember(struct known **all, struct json_span key, struct json_span value)
{
	struct known *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->value = value;
	HASH_ADD_KEYPTR(hh, *all, key.p, key.n, k);
	if (k->hh.tbl)
		return 0;
	free(k);
	return -ENOMEM;
}

static void forget(struct known **all)
{
	struct known *k, *tmp;

	HASH_ITER(hh, *all, k, tmp) {
		HASH_DEL(*all, k);
		free(k);
	}
}

/* The string that a source's list begins with, the caller's to free; NULL when there is none. */
static char *source_text(struct json_span value, size_t *n)
{
	struct json_span rest, text;
	char *source;
	long len;

	if (!json_text__enter(value, '[', &rest) || json_text__next_element(&rest, &text) <= 0)
		return NULL;
	source = malloc(text.n + 1);
	len = source ? json_text__unquote(text, source) : -1;
	if (len < 0) {
		free(source);
		return NULL;
	}
	*n = (size_t)len;
	return source;
}

/* Writers differ in blanks and escapes. */
static bool is_same(struct json_span a, struct json_span b)
{
	char *x, *y;
	size_t n, m;
	bool same;

	if (a.n == b.n && !memcmp(a.p, b.p, a.n))
		return true;
	x = source_text(a, &n);
	y = source_text(b, &m);
	same = x && y && n == m && !memcmp(x, y, n);
	free(x);
	free(y);
	return same;
}

/* Writes the members of one input's part that are new; returns how many others differ. */
static int64_t unite(struct json_writer *j, struct known **all, struct json_span part)
{
	struct json_span rest, key, value;
	struct known *k;
	int64_t differing = 0;
	int err;

	if (!json_text__enter(part, '{', &rest))
		return 0;
	while (json_text__next_member(&rest, &key, &value) > 0) {
		HASH_FIND(hh, *all, key.p, key.n, k);
		if (k) {
			differing += !is_same(k->value, value);
			continue;
		}
		err = remember(all, key, value);
		if (err)
			return err;
		json__raw(j, key.p - 1, key.n + 2);
		outbuf__write(j->out, ":", 1);
		outbuf__write(j->out, value.p, value.n);
	}
	return differing;
}

static int64_t write_part(struct chrome_merge *m, const char *name)
{
	struct known *all = NULL;
	struct json_span part;
	int64_t differing = 0, n = 0;

	json__key(&m->json, name);
	json__open(&m->json, '{');
	for (size_t i = 0; i < m->n && n >= 0; i++) {
		if (!m->in[i].text || !json_text__find(text_of(&m->in[i]), name, &part))
			continue;
		n = unite(&m->json, &all, part);
		differing += n;
	}
	json__close(&m->json, '}');
	forget(&all);
	return n < 0 ? n : differing;
}

int chrome_merge__files(struct chrome_merge *m)
{
	bool any = false;
	int64_t err, n;

	for (size_t i = 0; i < m->n; i++)
		any |= m->in[i].text != NULL;
	if (!any)
		return 0;
	json__key(&m->json, "file_info");
	json__open(&m->json, '{');
	err = write_part(m, "functions");
	n = err < 0 ? err : write_part(m, "files");
	json__close(&m->json, '}');
	if (n < 0)
		return (int)n;
	m->differing = (uint64_t)n;
	return 0;
}
