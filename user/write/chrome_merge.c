// SPDX-License-Identifier: GPL-2.0-only
#include "chrome_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../tmpfile.h"

#define LOOK_EVERY 4096

/* One input being copied. */
struct copying {
	struct chrome_merge *m;
	size_t number;
	struct merge_input *in;
	struct outbuf files; /* where its file_info goes */
	bool plain;
	bool in_files; /* pieces are of that */
};

static int on_key(struct copying *c, struct json_span key)
{
	int err = 0;

	c->in_files = json_text__is(key, "\"file_info\"") && c->in->files < 0;
	if (!c->in_files)
		return 0;
	c->in->files = tmpfile__open(c->m->dir);
	if (c->in->files < 0)
		err = c->in->files;
	return err ? err : outbuf__init(&c->files, c->in->files, false);
}

static int on_event(struct copying *c, struct json_span event)
{
	struct json_writer *j = &c->m->json;
	int err = 0;

	if (c->plain)
		json__raw(j, event.p, event.n);
	else
		err = chrome_merge__event(c->m, c->number, event);
	outbuf__write(j->out, "\n", 1);
	return err;
}

static int on_item(struct copying *c, int kind, struct json_span text)
{
	switch (kind) {
	case CHROME_KEY:
		return on_key(c, text);
	case CHROME_PIECE:
		if (c->in_files)
			outbuf__write(&c->files, text.p, text.n);
		return 0;
	default:
		return on_event(c, text);
	}
}

static int copy_items(struct copying *c)
{
	const struct chrome_merge *m = c->m;
	struct chrome_item item;
	unsigned int n = 0;
	int kind, err;

	while ((kind = chrome_reader__next(c->in->reader, &item)) > 0) {
		err = on_item(c, kind, item.text);
		if (err)
			return err;
		if (++n % LOOK_EVERY)
			continue;
		if (m->cancel && *m->cancel)
			return -ECANCELED;
		if (m->json.out->err)
			return m->json.out->err;
	}
	return kind;
}

static int map_files(struct merge_input *in)
{
	off_t size = in->files < 0 ? 0 : lseek(in->files, 0, SEEK_END);

	if (size <= 0)
		return size ? -errno : 0;
	in->text = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, in->files, 0);
	if (in->text == MAP_FAILED) {
		in->text = NULL;
		return -errno;
	}
	in->text_size = (size_t)size;
	return 0;
}

static int copy_input(struct chrome_merge *m, size_t number)
{
	struct copying c = { .m = m, .number = number, .in = &m->in[number] };
	int err;

	c.in->files = -1;
	c.plain = chrome_merge__is_plain(m, number);
	err = copy_items(&c);
	if (err)
		outbuf__release(&c.files);
	else if (c.in->files >= 0)
		err = outbuf__finish(&c.files);
	if (!err)
		err = map_files(c.in);
	if (err && err != -ECANCELED && !m->json.out->err)
		m->bad = c.in;
	chrome_merge__name_processes(m, number);
	return err;
}

/* By the time of their first events, for a process that is in several to come in order. */
static int by_begin(const void *a, const void *b)
{
	const struct merge_input *x = *(struct merge_input *const *)a;
	const struct merge_input *y = *(struct merge_input *const *)b;
	int64_t t = x->scan.first, u = y->scan.first;

	if (t == CLOCK_UNKNOWN || u == CLOCK_UNKNOWN || t + x->clock->shift == u + y->clock->shift)
		return t == CLOCK_UNKNOWN || u == CLOCK_UNKNOWN ? (t > u) - (t < u) :
								  (x > y) - (x < y);
	return t + x->clock->shift < u + y->clock->shift ? -1 : 1;
}

static int copy_inputs(struct chrome_merge *m)
{
	struct merge_input **order = calloc(m->n, sizeof(*order));
	int err = order ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; i < m->n && !err; i++) {
		m->in[i].files = -1;
		order[i] = &m->in[i];
	}
	if (!err)
		qsort(order, m->n, sizeof(*order), by_begin);
	for (i = 0; i < m->n && !err; i++)
		err = copy_input(m, (size_t)(order[i] - m->in));
	free(order);
	return err;
}

static void release(struct chrome_merge *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct merge_input *in = &m->in[i];

		if (in->text)
			munmap(in->text, in->text_size);
		if (in->files >= 0)
			close(in->files);
		in->text = NULL;
		in->files = -1;
	}
}

int chrome_merge__write(struct chrome_merge *m, struct outbuf *out)
{
	struct json_writer *j = &m->json;
	int err;

	json__init(j, out);
	json__open(j, '{');
	json__key(j, "traceEvents");
	json__open(j, '[');
	err = copy_inputs(m);
	json__close(j, ']');
	if (!err) {
		json__str_field(j, "displayTimeUnit", "us");
		err = chrome_merge__files(m);
	}
	if (!err)
		err = chrome_merge__info(m);
	json__close(j, '}');
	outbuf__write(out, "\n", 1);
	release(m);
	return err;
}
