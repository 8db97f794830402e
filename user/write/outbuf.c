// SPDX-License-Identifier: GPL-2.0-only
#include "outbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "gzip_sink.h"

int outbuf__init(struct outbuf *o, int fd, bool gzip)
{
	int err = 0;

	memset(o, 0, sizeof(*o));
	o->fd = fd;
	o->buf = malloc(OUTBUF_BYTES);
	if (!o->buf)
		return -ENOMEM;
	if (gzip)
		err = gzip_sink__new(fd, &o->gzip);
	if (err) {
		outbuf__release(o);
		return err;
	}
	o->at = o->buf;
	o->end = o->buf + OUTBUF_BYTES;
	return 0;
}

int outbuf__write_fd(int fd, const void *data, size_t n, uint64_t *bytes)
{
	const char *p = data;
	ssize_t done;

	while (n) {
		done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		n -= (size_t)done;
		*bytes += (uint64_t)done;
	}
	return 0;
}

void outbuf__flush(struct outbuf *o)
{
	size_t n = (size_t)(o->at - o->buf);

	if (n && !o->err) {
		if (o->gzip)
			o->buf = gzip_sink__exchange(o->gzip, o->buf, n, &o->err);
		else
			o->err = outbuf__write_fd(o->fd, o->buf, n, &o->bytes);
	}
	o->end = o->buf + OUTBUF_BYTES;
	o->at = o->buf;
}

void outbuf__write_large(struct outbuf *o, const void *data, size_t n)
{
	const char *p = data;
	size_t part;

	while (n) {
		outbuf__flush(o);
		part = n < OUTBUF_BYTES ? n : OUTBUF_BYTES;
		memcpy(o->at, p, part);
		o->at += part;
		p += part;
		n -= part;
	}
}

int outbuf__finish(struct outbuf *o)
{
	int err;

	outbuf__flush(o);
	if (o->gzip && !o->err)
		o->err = gzip_sink__finish(o->gzip, &o->bytes);
	err = o->err;
	outbuf__release(o);
	return err;
}

void outbuf__release(struct outbuf *o)
{
	gzip_sink__free(o->gzip);
	free(o->buf);
	o->gzip = NULL;
	o->at = o->end = o->buf = NULL;
}
