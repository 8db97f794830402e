// SPDX-License-Identifier: GPL-2.0-only
#include "capture_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUF_BYTES (1 << 20)
#define TEXT_PIECE 16384 /* of long text in one record */

static void write_all(struct capture_writer *w, const char *data, size_t len)
{
	while (len && !w->err) {
		ssize_t n = write(w->fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			w->err = n ? -errno : -EIO;
			return;
		}
		data += n;
		len -= n;
		w->written += n;
	}
}

int capture_writer__init(struct capture_writer *w, int fd)
{
	struct vtbpf_capture_header h = {
		.version = VTBPF_CAPTURE_VERSION,
		.min_version = VTBPF_CAPTURE_VERSION,
		.header_len = sizeof(h),
		.byte_order = 0x1234,
	};

	memset(w, 0, sizeof(*w));
	w->fd = fd;
	w->buf = malloc(BUF_BYTES);
	if (!w->buf)
		return -ENOMEM;
	memcpy(h.magic, VTBPF_CAPTURE_MAGIC, sizeof(h.magic));
	write_all(w, (char *)&h, sizeof(h));
	return w->err;
}

void capture_writer__free(struct capture_writer *w)
{
	free(w->buf);
	w->buf = NULL;
}

int capture_writer__flush(struct capture_writer *w)
{
	write_all(w, w->buf, w->used);
	w->used = 0;
	return w->err;
}

int capture_writer__append(struct capture_writer *w, const struct vtbpf_rec *rec)
{
	if (w->sink) {
		w->sink(w->sink_ctx, rec);
		return w->err;
	}
	if (w->used + rec->len > BUF_BYTES)
		capture_writer__flush(w);
	if (w->err)
		return w->err;
	memcpy(w->buf + w->used, rec, rec->len);
	w->used += rec->len;
	return 0;
}

/* ---- records of user space -------------------------------------------------------------- */

union any_record {
	struct vtbpf_rec rec;
	char room[TEXT_PIECE + 128];
	uint64_t align;
};

static void put(struct capture_writer *w, union any_record *r, enum vtbpf_rec_kind kind, pid_t tid,
		size_t len)
{
	r->rec.len = (len + 7) & ~7UL;
	r->rec.kind = kind;
	r->rec.tid = tid;
	capture_writer__append(w, &r->rec);
}

void capture_writer__text(struct capture_writer *w, enum vtbpf_text_what what, const char *text,
			  size_t len)
{
	do {
		union any_record r = {};
		struct vtbpf_rec_text *t = (void *)&r;
		size_t n = len < TEXT_PIECE ? len : TEXT_PIECE;

		t->what = what;
		t->bytes = n;
		memcpy(t->text, text, n);
		text += n;
		len -= n;
		r.rec.flags = len ? VTBPF_F_MORE : 0;
		put(w, &r, VTBPF_REC_TEXT, 0, sizeof(*t) + n);
	} while (len);
}

void capture_writer__thread_name(struct capture_writer *w, pid_t tid, pid_t tgid, uint64_t ident,
				 const char *name, const char *comm)
{
	union any_record r = {};
	struct vtbpf_rec_thread_name *t = (void *)&r;
	size_t n = name ? strlen(name) : 0;

	if (n > TEXT_PIECE)
		n = TEXT_PIECE;
	t->ident = ident;
	t->tgid = tgid;
	t->bytes = n;
	strncpy(t->comm, comm ? comm : "", sizeof(t->comm) - 1);
	memcpy(t->name, name ? name : "", n);
	put(w, &r, VTBPF_REC_THREAD_NAME, tid, sizeof(*t) + n);
}

static void put_source_piece(struct capture_writer *w, const char *data, size_t len, uint8_t flags)
{
	union any_record r = {};
	struct vtbpf_rec_source *s = (void *)&r;

	s->bytes = len;
	memcpy(s->data, data, len);
	r.rec.flags = flags;
	put(w, &r, VTBPF_REC_SOURCE, 0, sizeof(*s) + len);
}

void capture_writer__source(struct capture_writer *w, const char *path, const char *text,
			    size_t len)
{
	size_t path_len = strlen(path);

	if (path_len > TEXT_PIECE)
		return;
	put_source_piece(w, path, path_len, VTBPF_F_SOURCE_NAME);
	do {
		size_t n = len < TEXT_PIECE ? len : TEXT_PIECE;

		put_source_piece(w, text, n, len > n ? VTBPF_F_MORE : 0);
		text += n;
		len -= n;
	} while (len);
}

/* Next code point of well-formed UTF-8 (py_str() makes no other). */
static uint32_t next_code_point(const unsigned char **p)
{
	const unsigned char *s = *p;
	int more = *s >= 0xf0 ? 3 : *s >= 0xe0 ? 2 : *s >= 0xc0 ? 1 : 0;
	uint32_t c = more ? *s & (0x3f >> more) : *s;

	for (s++; more && (*s & 0xc0) == 0x80; more--)
		c = c << 6 | (*s++ & 0x3f);
	*p = s;
	return c;
}

static size_t count_code_points(const char *utf8)
{
	size_t n = 0;

	for (; *utf8; utf8++)
		n += (*utf8 & 0xc0) != 0x80;
	return n;
}

void capture_writer__code_str(struct capture_writer *w, uint32_t code, enum vtbpf_str_which which,
			      const char *utf8)
{
	const unsigned char *p = (const unsigned char *)utf8;
	size_t length = count_code_points(utf8), done = 0;

	do {
		union any_record r = {};
		struct vtbpf_rec_str *s = (void *)&r;
		size_t n = 0;

		s->offset = done * 4;
		for (; *p && n < TEXT_PIECE / 4; n++) {
			uint32_t c = next_code_point(&p);

			memcpy(s->data + n * 4, &c, 4);
		}
		s->code = code;
		s->which = which;
		s->width = 4;
		s->bytes = n * 4;
		s->length = length;
		put(w, &r, VTBPF_REC_STR, 0, sizeof(*s) + n * 4);
		done += n;
	} while (*p);
}

void capture_writer__end(struct capture_writer *w, uint64_t ts)
{
	struct vtbpf_rec_end r = {
		.rec = { .len = sizeof(r), .kind = VTBPF_REC_END },
		.ts = ts,
	};

	capture_writer__append(w, &r.rec);
	capture_writer__flush(w);
}
