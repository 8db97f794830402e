/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A large buffer in front of a file descriptor, plain or gzip.
 *
 * Errors stick: after the first one everything written is dropped, so that a writer may write on
 * and ask once, at the end.
 */
#ifndef VTBPF_OUTBUF_H
#define VTBPF_OUTBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OUTBUF_BYTES (256 * 1024)
#define OUTBUF_RESERVE_MAX 1024 /* most that outbuf__reserve gives */

struct gzip_sink;

struct outbuf {
	char *at;  /* next byte goes here */
	char *end; /* of the buffer */
	char *buf;
	int fd;			/* the caller's */
	int err;		/* first error, a negative errno; 0 none */
	uint64_t bytes;		/* written to fd */
	struct gzip_sink *gzip; /* NULL: plain */
};

/* Starts writing to fd. 0 or -ENOMEM. */
int outbuf__init(struct outbuf *o, int fd, bool gzip);

/* Writes what is buffered, ends a gzip stream, frees all but fd. Returns the first error. */
int outbuf__finish(struct outbuf *o);

/* Frees all but fd; what is buffered is lost. Legal on a zeroed or finished o. */
void outbuf__release(struct outbuf *o);

/* Empties the buffer, to make room. */
void outbuf__flush(struct outbuf *o);

void outbuf__write_large(struct outbuf *o, const void *data, size_t n);

static inline void outbuf__write(struct outbuf *o, const void *data, size_t n)
{
	if (__builtin_expect(n > (size_t)(o->end - o->at), 0)) {
		outbuf__write_large(o, data, n);
		return;
	}
	memcpy(o->at, data, n);
	o->at += n;
}

/* Room for n <= OUTBUF_RESERVE_MAX bytes; the caller then moves o->at past what it wrote. */
static inline char *outbuf__reserve(struct outbuf *o, size_t n)
{
	if (__builtin_expect(n > (size_t)(o->end - o->at), 0))
		outbuf__flush(o);
	return o->at;
}

#endif
