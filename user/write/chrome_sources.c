// SPDX-License-Identifier: GPL-2.0-only
/* "file_info": the sources that the capture holds of functions in the trace, for vizviewer to
 * show. */
#include "chrome.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* A set of byte strings that belong to others. */
struct seen {
	const void *key;
	struct session_source *source; /* of the set of sources */
	UT_hash_handle hh;
};

/* Adds key if it is not in. 1 added, 0 there already, -ENOMEM. */
static int seen_add(struct seen **set, const void *key, size_t len, struct session_source *source)
{
	struct seen *s;

	HASH_FIND(hh, *set, key, len, s);
	if (s)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->key = key;
	s->source = source;
	HASH_ADD_KEYPTR(hh, *set, s->key, len, s);
	if (!s->hh.tbl) {
		free(s);
		return -ENOMEM;
	}
	return 1;
}

static struct session_source *seen_source(struct seen *set, const struct code_text *name)
{
	struct seen *s;

	HASH_FIND(hh, set, name->data, name->len, s);
	return s ? s->source : NULL;
}

static void seen_free(struct seen **set)
{
	struct seen *s, *tmp;

	HASH_ITER(hh, *set, s, tmp) {
		HASH_DEL(*set, s);
		free(s);
	}
}

/* Sources by name; of several under one name the first holds. */
static int index_sources(struct session *session, struct seen **by_name)
{
	size_t i;

	for (i = 0; i < session->n_sources; i++) {
		struct session_source *src = &session->sources[i];

		if (seen_add(by_name, src->name.data, src->name.len, src) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The pieces of one text, from its first record on. */
static int write_text(struct writer *w, const struct session_source *src, uint64_t *newlines)
{
	struct chrome *c = w->priv;
	const struct vtbpf_rec *rec;
	struct event ev = { .more = true };
	size_t i;
	int err = capture__seek(w->capture, src->offset);

	while (!err && ev.more && capture__next(w->capture, &rec) > 0) {
		if (rec->kind != VTBPF_REC_SOURCE)
			continue;
		if (decoder__decode(rec, &ev) || ev.source.is_name)
			break;
		json__string_part(&c->json, ev.source.data.data, ev.source.data.len);
		for (i = 0; i < ev.source.data.len; i++)
			*newlines += ev.source.data.data[i] == '\n';
	}
	return err;
}

static int write_files(struct writer *w)
{
	struct chrome *c = w->priv;
	struct json_writer *j = &c->json;
	uint64_t newlines;
	size_t i;
	int err;

	json__key(j, "files");
	json__open(j, '{');
	for (i = 0; i < w->session->n_sources; i++) {
		const struct session_source *src = &w->session->sources[i];

		if (!src->used)
			continue;
		newlines = 0;
		json__key_n(j, src->name.data, src->name.len);
		json__open(j, '[');
		json__string_begin(j);
		err = write_text(w, src, &newlines);
		if (err)
			return err;
		json__string_end(j);
		json__u64(j, newlines);
		json__close(j, ']');
	}
	json__close(j, '}');
	return 0;
}

static void write_function(struct chrome *c, const struct code *code)
{
	struct json_writer *j = &c->json;
	const struct chrome_fragment *f = &c->names[code->index];

	/* the fragment is ,"name":"..."} : what lies between is the key, quoted and escaped */
	json__quoted(j, f->text + 8, f->len - 8 - 2);
	outbuf__write(j->out, ":", 1);
	j->comma = false;
	json__open(j, '[');
	json__string_n(j, code->file.data, code->file.len);
	json__u64(j, code->line);
	json__close(j, ']');
}

static int write_functions(struct writer *w, struct seen *by_name)
{
	struct chrome *c = w->priv;
	struct session_source *src;
	struct seen *names = NULL;
	size_t i;
	int added = 0;

	json__key(&c->json, "functions");
	json__open(&c->json, '{');
	for (i = 0; i < c->n_names && added >= 0; i++) {
		if (!c->codes[i] || !(src = seen_source(by_name, &c->codes[i]->file)))
			continue;
		src->used = true;
		added = seen_add(&names, c->names[i].text, c->names[i].len, NULL);
		if (added > 0)
			write_function(c, c->codes[i]);
	}
	json__close(&c->json, '}');
	seen_free(&names);
	return added < 0 ? added : 0;
}

int chrome__file_info(struct writer *w)
{
	struct chrome *c = w->priv;
	struct seen *by_name = NULL;
	int err;

	json__key(&c->json, "file_info");
	json__open(&c->json, '{');
	err = index_sources(w->session, &by_name);
	if (!err)
		err = write_functions(w, by_name);
	if (!err)
		err = write_files(w);
	json__close(&c->json, '}');
	seen_free(&by_name);
	return err;
}
