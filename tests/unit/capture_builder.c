// SPDX-License-Identifier: GPL-2.0-only
#include "capture_builder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/decode/capture.h"

static void fail(const char *what)
{
	fprintf(stderr, "capture builder: %s\n", what);
	abort();
}

static void *extend(struct capture_builder *b, size_t n)
{
	unsigned char *p;

	if (b->len + n > b->room) {
		b->room = (b->len + n) * 2;
		b->data = realloc(b->data, b->room);
		if (!b->data)
			fail("out of memory");
	}
	p = b->data + b->len;
	memset(p, 0, n);
	b->len += n;
	return p;
}

void builder__init(struct capture_builder *b)
{
	struct vtbpf_capture_header *h;

	memset(b, 0, sizeof(*b));
	h = extend(b, sizeof(*h));
	memcpy(h->magic, VTBPF_CAPTURE_MAGIC, sizeof(h->magic));
	h->version = h->min_version = VTBPF_CAPTURE_VERSION;
	h->header_len = sizeof(*h);
	h->byte_order = 0x1234;
}

void builder__release(struct capture_builder *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

void *builder__record(struct capture_builder *b, uint8_t kind, uint32_t tid, size_t n)
{
	size_t len = (sizeof(struct vtbpf_rec) + n + 7) & ~(size_t)7;
	struct vtbpf_rec *r;

	if (len > UINT16_MAX)
		fail("record too long");
	r = extend(b, len);
	r->len = (uint16_t)len;
	r->kind = kind;
	r->tid = tid;
	return r;
}

/* A record of `type`, with n more bytes. */
#define RECORD(b, type, kind, tid, n) builder__record(b, kind, tid, sizeof(type) + (n)-8)

void builder__session(struct capture_builder *b, uint32_t pid, uint64_t start)
{
	struct vtbpf_rec_session *s =
		RECORD(b, struct vtbpf_rec_session, VTBPF_REC_SESSION, pid, 0);

	s->start = start;
	s->realtime_offset = 1795303070979461651;
	s->boottime_offset = (__u64)-7;
	s->proc_start = 4711;
	s->ns_pid = pid;
	s->python = 0x030b02f0;
}

void builder__end(struct capture_builder *b, uint64_t ts)
{
	struct vtbpf_rec_end *e = RECORD(b, struct vtbpf_rec_end, VTBPF_REC_END, 0, 0);

	e->ts = ts;
}

void builder__text(struct capture_builder *b, enum vtbpf_text_what what, const char *text, size_t n)
{
	struct vtbpf_rec_text *t = RECORD(b, struct vtbpf_rec_text, VTBPF_REC_TEXT, 0, n);

	t->what = what;
	t->bytes = (uint16_t)n;
	memcpy(t->text, text, n);
}

void builder__thread(struct capture_builder *b, const struct build_thread *t)
{
	struct vtbpf_rec_thread *r =
		RECORD(b, struct vtbpf_rec_thread, VTBPF_REC_THREAD, t->tid, 0);

	r->ts = 1000;
	r->tgid = t->pid;
	r->start_time = t->start_time;
	strncpy(r->comm, t->comm, sizeof(r->comm) - 1);
}

void builder__thread_exit(struct capture_builder *b, uint32_t tid, uint64_t ts)
{
	struct vtbpf_rec_thread_exit *r =
		RECORD(b, struct vtbpf_rec_thread_exit, VTBPF_REC_THREAD_EXIT, tid, 0);

	r->ts = ts;
}

void builder__thread_name(struct capture_builder *b, uint32_t tid, const char *name, uint64_t ident)
{
	size_t n = strlen(name);
	struct vtbpf_rec_thread_name *r =
		RECORD(b, struct vtbpf_rec_thread_name, VTBPF_REC_THREAD_NAME, tid, n);

	r->ident = ident;
	r->bytes = (uint16_t)n;
	memcpy(r->name, name, n);
}

void builder__str(struct capture_builder *b, const struct build_str *s, const void *data, size_t n)
{
	struct vtbpf_rec_str *r = RECORD(b, struct vtbpf_rec_str, VTBPF_REC_STR, 1, n);

	r->code = s->code;
	r->which = s->which;
	r->width = s->width;
	r->bytes = (uint16_t)n;
	r->offset = s->offset;
	r->length = s->length;
	memcpy(r->data, data, n);
}

/* Text is UTF-8, but of characters below U+10000 only; stored as CPython does. */
static void whole_str(struct capture_builder *b, uint32_t id, uint8_t which, const char *text)
{
	struct build_str s = { .code = id, .which = which, .width = 1 };
	const unsigned char *p = (const unsigned char *)text;
	uint16_t wide[256];

	for (; *p && s.length < 256; s.length++) {
		if (*p >= 0x80)
			s.width = 2;
		if (*p >= 0xe0) {
			wide[s.length] =
				(uint16_t)((p[0] & 15) << 12 | (p[1] & 63) << 6 | (p[2] & 63));
			p += 3;
		} else if (*p >= 0x80) {
			wide[s.length] = (uint16_t)((p[0] & 31) << 6 | (p[1] & 63));
			p += 2;
		} else {
			wide[s.length] = *p++;
		}
	}
	builder__str(b, &s, s.width == 1 ? (const void *)text : wide, s.length * s.width);
}

void builder__code(struct capture_builder *b, uint32_t id, const char *name, const char *file)
{
	struct vtbpf_rec_code *c = RECORD(b, struct vtbpf_rec_code, VTBPF_REC_CODE, 1, 0);

	c->id = id;
	c->firstlineno = id * 10;
	whole_str(b, id, VTBPF_STR_FILENAME, file);
	whole_str(b, id, VTBPF_STR_NAME, name);
}

void builder__call(struct capture_builder *b, const struct build_call *c)
{
	struct vtbpf_rec_call *r;

	if (c->track) {
		r = RECORD(b, struct vtbpf_rec_call_track, VTBPF_REC_CALL_TRACK, c->tid, 0);
		((struct vtbpf_rec_call_track *)r)->track = c->track;
	} else {
		r = RECORD(b, struct vtbpf_rec_call, VTBPF_REC_CALL, c->tid, 0);
	}
	r->rec.flags = c->flags;
	r->start = c->start;
	r->dur = c->end - c->start;
	r->code = c->code;
	r->depth = c->depth;
}

static size_t text_size(const struct build_event *e, size_t i)
{
	return !e->text[i] ? 0 : !i && e->bytes ? e->bytes : strlen(e->text[i]);
}

void builder__event(struct capture_builder *b, const struct build_event *e)
{
	struct vtbpf_rec_event *r;
	size_t n = 0, i;
	char *p;

	for (i = 0; i < VTBPF_EVENT_TEXTS; i++)
		n += text_size(e, i);
	r = RECORD(b, struct vtbpf_rec_event, VTBPF_REC_EVENT, e->tid, n);
	r->rec.flags = e->flags;
	r->start = e->start;
	r->dur = e->end - e->start;
	r->code = e->code;
	r->track = e->track;
	r->what = e->what;
	memcpy(r->value, e->value, sizeof(r->value));
	for (i = 0, p = r->data; i < VTBPF_EVENT_TEXTS; i++) {
		r->text[i].bytes = (uint16_t)text_size(e, i);
		memcpy(p, e->text[i] ? e->text[i] : "", r->text[i].bytes);
		p += r->text[i].bytes;
	}
}

void builder__lost(struct capture_builder *b, uint32_t tid, const struct vtbpf_rec_lost *l)
{
	struct vtbpf_rec_lost *r = RECORD(b, struct vtbpf_rec_lost, VTBPF_REC_LOST, tid, 0);

	r->lost = l->lost;
	r->first = l->first;
	r->last = l->last;
}

void builder__source(struct capture_builder *b, const char *data, uint8_t flags)
{
	size_t n = strlen(data);
	struct vtbpf_rec_source *r = RECORD(b, struct vtbpf_rec_source, VTBPF_REC_SOURCE, 1, n);

	r->rec.flags = flags;
	r->bytes = (uint32_t)n;
	memcpy(r->data, data, n);
}

static void write_all(const struct capture_builder *b, int fd)
{
	if (fd < 0 || write(fd, b->data, b->len) != (ssize_t)b->len || lseek(fd, 0, SEEK_SET))
		fail("cannot write the capture");
}

int builder__fd(const struct capture_builder *b)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	write_all(b, fd);
	return fd;
}

void builder__save(const struct capture_builder *b, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	write_all(b, fd);
	close(fd);
}

struct capture *builder__open(const struct capture_builder *b)
{
	struct capture *c;
	char why[256];

	if (capture__open_fd(builder__fd(b), &c, why, sizeof(why)))
		fail(why);
	return c;
}
