/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A large buffer in front of a file descriptor, plain or gzip (which a thread of its own compresses).
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

#include "gzip_sink.h"

#define OUTBUF_BYTES GZIP_BLOCK_BYTES
#define OUTBUF_RESERVE_MAX 1024 /* most that outbuf__reserve gives */

struct outbuf {
	char *at;  /* next byte goes here */
	char *end; /* of the buffer */
	char *buf;
	int fd;			/* the caller's */
	int err;		/* first error, a negative errno; 0 none */
	uint64_t bytes;		/* written to fd; of gzip, known at the end */
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

/* All of it to a file descriptor; adds what was written to *bytes. 0 or a negative errno. */
int outbuf__write_fd(int fd, const void *data, size_t n, uint64_t *bytes);

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
