// SPDX-License-Identifier: GPL-2.0-only
#include "writer.h"

#define FILTER_TEXT_MAX 4096

const struct writer_ops capture_writer = {
	.name = "vtb",
	.extension = ".vtb",
};

static const struct vtbpf_capture_header header = {
	.magic = VTBPF_CAPTURE_MAGIC,
	.version = VTBPF_CAPTURE_VERSION,
	.min_version = VTBPF_CAPTURE_VERSION,
	.header_len = sizeof(header),
	.byte_order = 0x1234,
};

/* What only goes with its thread. Functions in samples are left to who reads the copy: it names the
 * filters. */
static bool is_of_thread(const struct event *ev)
{
	return ev->kind == VTBPF_REC_LOST || ev->kind == VTBPF_REC_SAMPLE ||
	       ev->kind == VTBPF_REC_SLEEP || ev->kind == VTBPF_REC_EVENT;
}

/* Threads that are left out keep their names, so that the filters can be named by them again, but no
 * calls. */
static bool keeps(struct writer *w, const struct event *ev)
{
	struct replay *r = w->replay;
	struct thread *th;

	if (ev->kind == VTBPF_REC_SESSION)
		session__next_part(w->session);
	if (ev->kind == VTBPF_REC_THREAD)
		thread_table__switch(w->session->threads, ev->tid, &ev->thread);
	if (ev->kind != VTBPF_REC_CALL && ev->kind != VTBPF_REC_CALL_TRACK && !is_of_thread(ev))
		return true;
	th = thread_table__get(w->session->threads, ev->tid);
	if (!th || is_of_thread(ev))
		return !th || !th->ignored;
	if (selection__judge(&r->selection, th, ev))
		return false;
	th->slices++;
	r->slices++;
	return true;
}

/* For a reader to know that the calls it finds are not all there were. */
static void write_overflow(struct writer *w)
{
	struct vtbpf_rec_overflow o = {
		.rec = { .len = sizeof(o), .kind = VTBPF_REC_OVERFLOW },
		.overwritten = w->replay->selection.parts[w->session->part].too_old,
	};

	if (o.overwritten)
		outbuf__write(&w->out, &o, sizeof(o));
}

/* Names the filters, as the tracer does those that it applies. */
static void write_filters(struct writer *w)
{
	union {
		struct vtbpf_rec_text text;
		char room[sizeof(struct vtbpf_rec_text) + FILTER_TEXT_MAX];
	} r;
	struct vtbpf_rec_text *t = &r.text;
	size_t i;
	int n;

	for (i = 0;; i++) {
		memset(&r, 0, sizeof(r));
		n = filter__text(w->replay->filter, i, t->text, FILTER_TEXT_MAX);
		if (n <= 0)
			return;
		if (n >= FILTER_TEXT_MAX)
			n = FILTER_TEXT_MAX - 1;
		if (session__has_text(w->session, VTBPF_TEXT_FILTER, t->text))
			continue;
		t->rec.kind = VTBPF_REC_TEXT;
		t->rec.len = (__u16)((sizeof(*t) + (size_t)n + 7) & ~(size_t)7);
		t->what = VTBPF_TEXT_FILTER;
		t->bytes = (__u16)n;
		outbuf__write(&w->out, &r, t->rec.len);
	}
}

int capture_copy__write(struct writer *w)
{
	const struct vtbpf_rec *rec;
	struct event ev;
	bool named = false;
	int err;

	outbuf__write(&w->out, &header, sizeof(header));
	while ((err = capture__next(w->capture, &rec)) > 0) {
		if (decoder__decode(rec, &ev)) {
			capture__reject(w->capture);
			continue;
		}
		/* A session comes first in its part, if at all, and an end last. */
		if (ev.kind == VTBPF_REC_SESSION) {
			named = false;
		} else if (!named) {
			write_filters(w);
			write_overflow(w);
			named = true;
		}
		if (keeps(w, &ev))
			outbuf__write(&w->out, rec, rec->len);
		if (w->out.err)
			return w->out.err;
	}
	return err;
}
