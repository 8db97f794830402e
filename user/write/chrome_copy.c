// SPDX-License-Identifier: GPL-2.0-only
#include "chrome_copy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../version.h"
#include "json_writer.h"
#include "own_file.h"

#define METADATA_MAX (1 << 20)
#define LOOK_EVERY 4096

static const char metadata_key[] = "\"viztracer_metadata\"";

struct copy {
	struct chrome_filter *filter;
	struct json_writer json;
	bool in_events; /* the array is open */
	bool had_events, had_metadata;
	bool dropping;	/* pieces of a member that is written at the end */
	bool to_change; /* pieces of the metadata, to be kept until they are all there */
	char *metadata;
	size_t metadata_len;
};

/* ---- members beside the events ---------------------------------------------------------- */

/* "overflow" of VizTracer's metadata says that only the newest calls are there. */
static void write_overflow(struct copy *c)
{
	struct json_writer *j = &c->json;
	struct json_span rest, key, value;

	json__open(j, '{');
	json__key(j, "overflow");
	json__bool(j, true);
	if (json_text__enter((struct json_span){ c->metadata, c->metadata_len }, '{', &rest)) {
		while (json_text__next_member(&rest, &key, &value) > 0) {
			if (json_text__is(key, "overflow"))
				continue;
			json__raw(j, key.p - 1, key.n + 2);
			outbuf__write(j->out, ":", 1);
			j->comma = false;
			json__raw(j, value.p, value.n);
		}
	}
	json__close(j, '}');
}

static void end_metadata(struct copy *c)
{
	if (!c->to_change)
		return;
	write_overflow(c);
	c->to_change = false;
}

static void open_events(struct copy *c)
{
	if (c->in_events)
		return;
	end_metadata(c);
	json__key(&c->json, "traceEvents");
	json__open(&c->json, '[');
	c->in_events = c->had_events = true;
}

static void close_events(struct copy *c)
{
	if (c->in_events)
		json__close(&c->json, ']');
	c->in_events = false;
}

static int add_metadata(struct copy *c, struct json_span piece)
{
	char *more;

	if (piece.n > METADATA_MAX - c->metadata_len)
		return -EMSGSIZE;
	more = realloc(c->metadata, c->metadata_len + piece.n + 1);
	if (!more)
		return -ENOMEM;
	memcpy(more + c->metadata_len, piece.p, piece.n);
	c->metadata = more;
	c->metadata_len += piece.n;
	return 0;
}

static void on_key(struct copy *c, struct json_span key)
{
	struct json_writer *j = &c->json;

	end_metadata(c);
	close_events(c);
	c->dropping = json_text__is(key, "\"vtbpf\"");
	if (c->dropping)
		return;
	json__raw(j, key.p, key.n);
	outbuf__write(j->out, ":", 1);
	j->comma = false;
	if (json_text__is(key, metadata_key)) {
		c->had_metadata = true;
		c->to_change = c->filter->overflow;
	}
}

static int on_piece(struct copy *c, struct json_span piece)
{
	if (c->dropping)
		return 0;
	if (c->to_change)
		return add_metadata(c, piece);
	outbuf__write(c->json.out, piece.p, piece.n);
	c->json.comma = true;
	return 0;
}

static int on_event(struct copy *c, struct json_span event)
{
	struct json_writer *j = &c->json;
	int keeps = chrome_filter__keeps(c->filter, event);

	open_events(c);
	if (keeps <= 0)
		return keeps;
	json__raw(j, event.p, event.n);
	outbuf__write(j->out, "\n", 1);
	return 0;
}

/* ---- "vtbpf" ---------------------------------------------------------------------------- */

static struct json_span info_of(const struct chrome_filter *f)
{
	return (struct json_span){ f->info, f->info_len };
}

static bool old_member(const struct chrome_filter *f, const char *key, struct json_span *value)
{
	return f->info && json_text__find(info_of(f), key, value);
}

/* Members that are not written anew. */
static void copy_info(struct copy *c)
{
	static const char *const anew[] = { "filters", "removed", "threads", OWN_FILE_JSON_KEY };
	struct json_span rest, key, value;
	struct json_writer *j = &c->json;
	size_t i;

	if (!c->filter->info || !json_text__enter(info_of(c->filter), '{', &rest)) {
		json__str_field(j, "version", VTBPF_VERSION);
		return;
	}
	while (json_text__next_member(&rest, &key, &value) > 0) {
		for (i = 0; i < sizeof(anew) / sizeof(anew[0]); i++) {
			if (json_text__is(key, anew[i]))
				break;
		}
		if (i < sizeof(anew) / sizeof(anew[0]))
			continue;
		json__raw(j, key.p - 1, key.n + 2);
		outbuf__write(j->out, ":", 1);
		j->comma = false;
		json__raw(j, value.p, value.n);
	}
}

/* Is the filter, whose text is quoted and escaped, among the old ones? */
static bool is_named(struct json_span old, const char *quoted, size_t n)
{
	struct json_span rest, value;

	if (!json_text__enter(old, '[', &rest))
		return false;
	while (json_text__next_element(&rest, &value) > 0) {
		if (value.n == n + 2 && !memcmp(value.p + 1, quoted, n))
			return true;
	}
	return false;
}

static void write_filters(struct copy *c)
{
	struct json_span old = {}, rest, value;
	struct json_writer *j = &c->json;
	char text[4096], escaped[JSON_ESCAPED_MAX(sizeof(text))];
	size_t i;

	json__key(j, "filters");
	json__open(j, '[');
	if (old_member(c->filter, "filters", &old) && json_text__enter(old, '[', &rest)) {
		while (json_text__next_element(&rest, &value) > 0)
			json__raw(j, value.p, value.n);
	}
	for (i = 0; filter__text(c->filter->filter, i, text, sizeof(text)) > 0; i++) {
		size_t n = (size_t)(json__escape(text, strlen(text), escaped) - escaped);

		if (!is_named(old, escaped, n))
			json__string(j, text);
	}
	json__close(j, ']');
}

/* What was left out before, and now. */
static void removed_field(struct copy *c, const char *key, uint64_t now)
{
	struct json_span removed, value;
	int64_t before = 0;

	if (old_member(c->filter, "removed", &removed) && json_text__find(removed, key, &value) &&
	    json_text__to_int(value, &before) && before > 0)
		now += (uint64_t)before;
	json__u64_field(&c->json, key, now);
}

static void write_removed(struct copy *c)
{
	const struct chrome_filter *f = c->filter;

	json__key(&c->json, "removed");
	json__open(&c->json, '{');
	removed_field(c, "threads", chrome_filter__totals(f).ignored_threads);
	removed_field(c, "of_threads", f->removed[REMOVED_THREAD]);
	removed_field(c, "of_functions", f->removed[REMOVED_FUNCTION]);
	removed_field(c, "too_short", f->removed[REMOVED_SHORT]);
	removed_field(c, "too_deep", f->removed[REMOVED_DEEP]);
	removed_field(c, "too_old", f->removed[REMOVED_OLD]);
	json__close(&c->json, '}');
}

/* The list of threads, without those of which nothing is left. */
static void write_threads(struct copy *c)
{
	struct json_span threads, rest, thread;
	struct json_writer *j = &c->json;
	struct chrome_track *track;

	if (!old_member(c->filter, "threads", &threads) || !json_text__enter(threads, '[', &rest))
		return;
	json__key(j, "threads");
	json__open(j, '[');
	while (json_text__next_element(&rest, &thread) > 0) {
		track = chrome_tracks__of_thread(&c->filter->tracks, thread);
		if (!track || !(track->ignored || track->vanished))
			json__raw(j, thread.p, thread.n);
	}
	json__close(j, ']');
}

static void write_info(struct copy *c)
{
	struct json_writer *j = &c->json;

	json__key(j, "vtbpf");
	json__open(j, '{');
	copy_info(c);
	write_filters(c);
	write_removed(c);
	write_threads(c);
	json__str_field(j, OWN_FILE_JSON_KEY, OWN_FILE_JSON_VALUE VTBPF_VERSION);
	json__close(j, '}');
}

/* ---- all -------------------------------------------------------------------------------- */

static int on_item(struct copy *c, int kind, struct json_span text)
{
	switch (kind) {
	case CHROME_KEY:
		on_key(c, text);
		return 0;
	case CHROME_PIECE:
		return on_piece(c, text);
	default:
		return on_event(c, text);
	}
}

static int copy_items(struct copy *c)
{
	struct chrome_filter *f = c->filter;
	struct chrome_item item;
	unsigned int n = 0;
	int kind, err;

	while ((kind = chrome_reader__next(f->reader, &item)) > 0) {
		err = on_item(c, kind, item.text);
		if (err)
			return err;
		if (++n % LOOK_EVERY)
			continue;
		if (f->cancel && *f->cancel)
			return -ECANCELED;
		if (c->json.out->err)
			return c->json.out->err;
	}
	return kind;
}

static void end(struct copy *c)
{
	struct json_writer *j = &c->json;

	end_metadata(c);
	if (!c->had_events)
		open_events(c);
	close_events(c);
	if (c->filter->overflow && !c->had_metadata) {
		json__raw(j, metadata_key, sizeof(metadata_key) - 1);
		outbuf__write(j->out, ":", 1);
		j->comma = false;
		write_overflow(c);
	}
	write_info(c);
	json__close(j, '}');
	outbuf__write(j->out, "\n", 1);
}

int chrome_copy__write(struct chrome_filter *f, struct outbuf *out)
{
	struct copy c = { .filter = f };
	int err;

	json__init(&c.json, out);
	c.json.escape_del = true; /* of events, nothing is written anew */
	json__open(&c.json, '{');
	err = copy_items(&c);
	if (!err)
		end(&c);
	free(c.metadata);
	return err;
}
