// SPDX-License-Identifier: GPL-2.0-only
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../progress.h"

#define BUFFER_BYTES (256 * 1024)
#define BYTE_ORDER_MARK 0x1234

struct capture {
	int fd;
	unsigned char *buf; /* holds the file's bytes from `base` on, `have` of them */
	size_t pos, have;
	uint64_t base;
	uint64_t first; /* offset of the first record */
	uint64_t size;	/* of the file */
	uint64_t end;	/* no record at or after this offset is handed out */
	uint64_t last;	/* offset of the record handed out last */
	bool torn, damaged;
	/* A capture of several files is a list of them, addressed as one. */
	struct capture *next;
	uint64_t offset;	 /* of this file's first byte in the whole */
	struct capture *current; /* of the first file: which one is read now */
};

/* What the first bytes of a file that is no capture say it is. */
static const char *guess_kind(const unsigned char *p, size_t n)
{
	size_t i = 0;

	if (!n)
		return "an empty file";
	if (n >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return "a gzip file (a JSON trace?)";
	if (n >= 4 && !memcmp(p,
			      "\x7f"
			      "ELF",
			      4))
		return "a program";
	while (i < n && (p[i] == ' ' || p[i] == '\n' || p[i] == '\t' || p[i] == '\r'))
		i++;
	if (i < n && (p[i] == '{' || p[i] == '['))
		return "a JSON trace";
	if (p[0] == 0x0a)
		return "a Perfetto trace";
	return "something else";
}

static int check_header(struct capture *c, char *why, size_t why_size)
{
	struct vtbpf_capture_header h;

	if (c->have < sizeof(h) || memcmp(c->buf, VTBPF_CAPTURE_MAGIC, sizeof(h.magic))) {
		snprintf(why, why_size, "not a vtbpf capture (.vtb) but %s",
			 c->have >= 8 && !memcmp(c->buf, VTBPF_CAPTURE_MAGIC, 8) ?
				 "the torn beginning of one" :
				 guess_kind(c->buf, c->have));
		return -EMEDIUMTYPE;
	}
	memcpy(&h, c->buf, sizeof(h));
	if (h.byte_order != BYTE_ORDER_MARK) {
		snprintf(why, why_size, "captured on a machine of the other byte order");
		return -EMEDIUMTYPE;
	}
	if (h.min_version > VTBPF_CAPTURE_VERSION) {
		snprintf(why, why_size, "capture format %u is newer than this vtbpf; update vtbpf",
			 h.min_version);
		return -EMEDIUMTYPE;
	}
	if (h.header_len < sizeof(h) || h.header_len % 8 || h.header_len > c->size) {
		snprintf(why, why_size, "the capture's header is damaged");
		return -EMEDIUMTYPE;
	}
	c->first = h.header_len;
	return 0;
}

/* Moves what is left to the front of the buffer and reads on. 0 or a negative errno. */
static int fill(struct capture *c)
{
	size_t had;
	ssize_t n;

	memmove(c->buf, c->buf + c->pos, c->have - c->pos);
	c->base += c->pos;
	c->have -= c->pos;
	c->pos = 0;
	had = c->have;
	while (c->have < BUFFER_BYTES) {
		n = read(c->fd, c->buf + c->have, BUFFER_BYTES - c->have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		c->have += (size_t)n;
	}
	progress__add(c->have - had);
	return 0;
}

static int seek_file(struct capture *c, uint64_t offset)
{
	if (lseek(c->fd, (off_t)offset, SEEK_SET) < 0)
		return -errno;
	c->base = offset;
	c->pos = c->have = 0;
	return 0;
}

static int start(struct capture *c, char *why, size_t why_size)
{
	struct stat st;
	int err;

	if (fstat(c->fd, &st) < 0)
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		err = -ESPIPE;
	else
		err = fill(c);
	if (err) {
		snprintf(why, why_size, "%s",
			 err == -ESPIPE ? "not a regular file" : strerror(-err));
		return err;
	}
	c->size = (uint64_t)st.st_size;
	c->end = UINT64_MAX;
	err = check_header(c, why, why_size);
	return err ? err : seek_file(c, c->first);
}

int capture__open_fd(int fd, struct capture **out, char *why, size_t why_size)
{
	struct capture *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	*out = NULL;
	if (!c || !(c->buf = malloc(BUFFER_BYTES))) {
		snprintf(why, why_size, "out of memory");
		free(c);
		close(fd);
		return err;
	}
	c->fd = fd;
	c->current = c;
	err = start(c, why, why_size);
	if (err) {
		capture__free(c);
		return err;
	}
	*out = c;
	return 0;
}

int capture__open(const char *path, struct capture **out, char *why, size_t why_size)
{
	/* O_NONBLOCK: a FIFO is refused, not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err = -errno;

	*out = NULL;
	if (fd < 0) {
		snprintf(why, why_size, "%s", strerror(-err));
		return err;
	}
	return capture__open_fd(fd, out, why, why_size);
}

void capture__append(struct capture *c, struct capture *more)
{
	while (c->next)
		c = c->next;
	c->next = more;
	/* What a file gains after it was opened would overlap with the addresses of the next. */
	if (c->end > c->size)
		c->end = c->size;
	more->offset = c->offset + c->size;
}

void capture__free(struct capture *c)
{
	struct capture *next;

	for (; c; c = next) {
		next = c->next;
		close(c->fd);
		free(c->buf);
		free(c);
	}
}

static int stop(struct capture *c, bool torn)
{
	c->end = c->base + c->pos;
	if (torn)
		c->torn = true;
	else
		c->damaged = true;
	return 0;
}

static int next_of_file(struct capture *c, const struct vtbpf_rec **rec)
{
	const struct vtbpf_rec *r;
	size_t left = c->have - c->pos;
	int err;

	if (c->base + c->pos >= c->end)
		return 0;
	if (left < sizeof(*r) || left < ((const struct vtbpf_rec *)(c->buf + c->pos))->len) {
		err = fill(c);
		if (err)
			return err;
		left = c->have;
	}
	if (!left) {
		c->end = c->base + c->pos;
		return 0;
	}
	r = (const struct vtbpf_rec *)(c->buf + c->pos);
	if (left < sizeof(*r))
		return stop(c, true);
	if (r->len < sizeof(*r) || r->len % 8)
		return stop(c, false);
	if (left < r->len)
		return stop(c, true);
	c->last = c->base + c->pos;
	c->pos += r->len;
	*rec = r;
	return 1;
}

int capture__next(struct capture *c, const struct vtbpf_rec **rec)
{
	int got = next_of_file(c->current, rec);

	while (!got && c->current->next) {
		c->current = c->current->next;
		got = seek_file(c->current, c->current->first);
		if (!got)
			got = next_of_file(c->current, rec);
	}
	return got;
}

void capture__reject(struct capture *c)
{
	c = c->current;
	c->end = c->last;
	c->damaged = true;
	/* The next file begins with a record of its own. */
	c->pos = c->have = 0;
	c->base = c->last;
}

const char *capture__damage(const struct capture *c)
{
	for (; c; c = c->next) {
		if (c->damaged)
			return "the capture is damaged";
		if (c->torn)
			return "the capture ends in the middle of a record";
	}
	return NULL;
}

uint64_t capture__tell(const struct capture *c)
{
	return c->current->offset + c->current->base + c->current->pos;
}

/* A file's last byte and the next one's first have the same address: it means the end of the former,
 * as no record lies at the beginning of a file. */
int capture__seek(struct capture *c, uint64_t offset)
{
	struct capture *file = c;

	while (file->next && offset > file->next->offset)
		file = file->next;
	c->current = file;
	return seek_file(file, offset - file->offset);
}

uint64_t capture__start(const struct capture *c)
{
	return c->first;
}

uint64_t capture__size(const struct capture *c)
{
	uint64_t size = 0;

	for (; c; c = c->next)
		size += c->size;
	return size;
}
