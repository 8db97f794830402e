// SPDX-License-Identifier: GPL-2.0-only
#include "writer.h"

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

/* Ignored threads keep their names, so that the filters can be named by them again, but no
 * calls. */
static bool keeps(struct writer *w, const struct slice_filter *filter, const struct event *ev)
{
	struct thread *th;

	if (ev->kind == VTBPF_REC_THREAD)
		thread_table__switch(w->session->threads, ev->tid, &ev->thread);
	if (ev->kind != VTBPF_REC_CALL && ev->kind != VTBPF_REC_CALL_TRACK &&
	    ev->kind != VTBPF_REC_LOST)
		return true;
	th = thread_table__get(w->session->threads, ev->tid);
	if (th && th->ignored)
		return false;
	return ev->kind == VTBPF_REC_LOST || filter__keeps_call(filter, &ev->call);
}

int capture_copy__write(struct writer *w, const struct slice_filter *filter)
{
	const struct vtbpf_rec *rec;
	struct event ev;
	int err;

	outbuf__write(&w->out, &header, sizeof(header));
	while ((err = capture__next(w->capture, &rec)) > 0) {
		if (decoder__decode(rec, &ev))
			return 0;
		if (keeps(w, filter, &ev))
			outbuf__write(&w->out, rec, rec->len);
		if (w->out.err)
			return w->out.err;
	}
	return err;
}
