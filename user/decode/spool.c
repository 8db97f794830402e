// SPDX-License-Identifier: GPL-2.0-only
#include "spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../array.h"
#include "../tmpfile.h"

#define BLOCK_BYTES 16384
#define FIRST_RECORDS 16

struct spool {
	char *dir; /* NULL: any */
	size_t record_size;
	size_t per_block; /* records */
	int fd;		  /* -1: not made yet */
	uint64_t blocks;  /* in the file */
};

struct spool *spool__new(const char *dir, size_t record_size)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fd = -1;
	s->record_size = record_size;
	s->per_block = BLOCK_BYTES / record_size;
	s->dir = dir ? strdup(dir) : NULL;
	if (dir && !s->dir) {
		free(s);
		return NULL;
	}
	return s;
}

void spool__free(struct spool *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->dir);
	free(s);
}

static int make_file(struct spool *s)
{
	int fd = tmpfile__open(s->dir);

	if (fd < 0)
		return fd;
	s->fd = fd;
	return 0;
}

static int write_all(int fd, const char *p, size_t n, uint64_t at)
{
	ssize_t done;

	while (n) {
		done = pwrite(fd, p, n, (off_t)at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? -errno : -EIO;
		p += done;
		at += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

static int read_all(int fd, char *p, size_t n, uint64_t at)
{
	ssize_t done;

	while (n) {
		done = pread(fd, p, n, (off_t)at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? -errno : -EIO;
		p += done;
		at += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

/* The last block is full: to the file with it. */
static int put_away(struct spool *s, struct spool_list *list)
{
	size_t bytes = s->per_block * s->record_size;
	int err = ARRAY_RESERVE(list->blocks, list->blocks_room, list->n_blocks + 1);

	if (!err && s->fd < 0)
		err = make_file(s);
	if (!err)
		err = write_all(s->fd, list->last, bytes, s->blocks * bytes);
	if (err)
		return err;
	list->blocks[list->n_blocks++] = s->blocks++;
	list->next = list->last;
	return 0;
}

int spool__grow(struct spool *s, struct spool_list *list)
{
	size_t n = (size_t)(list->end - list->last) / s->record_size;
	size_t room = n ? n * 2 : FIRST_RECORDS;
	char *last;

	if (n == s->per_block)
		return put_away(s, list);
	if (room > s->per_block)
		room = s->per_block;
	last = realloc(list->last, room * s->record_size);
	if (!last)
		return -ENOMEM;
	list->last = last;
	list->next = last + n * s->record_size;
	list->end = last + room * s->record_size;
	list->step = s->record_size;
	return 0;
}

int spool__append(struct spool *s, struct spool_list *list, const void *record)
{
	int err = 0;
	void *slot = spool__slot(s, list, &err);

	if (slot)
		memcpy(slot, record, s->record_size);
	return err;
}

void spool__reset(struct spool *s)
{
	s->blocks = 0;
}

void spool_list__release(struct spool_list *list)
{
	free(list->blocks);
	free(list->last);
	memset(list, 0, sizeof(*list));
}

/* The block of that number: in memory when it is the last one. */
static int get_block(struct spool_cursor *c, uint64_t no)
{
	size_t bytes = c->spool->per_block * c->spool->record_size;

	c->at = c->list->last;
	if (no == c->list->n_blocks)
		return 0;
	if (!c->block)
		c->block = malloc(bytes);
	if (!c->block)
		return -ENOMEM;
	c->at = c->block;
	return read_all(c->spool->fd, c->block, bytes, c->list->blocks[no] * bytes);
}

int spool_cursor__fill(struct spool_cursor *c)
{
	size_t size = c->spool->record_size, per_block = c->spool->per_block;
	uint64_t left = c->list->n - c->done;
	uint64_t at = c->backwards ? left - 1 : c->done;
	int err;

	if (!left)
		return 0;
	err = get_block(c, at / per_block);
	if (err)
		return err;
	c->at += at % per_block * size;
	c->step = c->backwards ? -(ptrdiff_t)size : (ptrdiff_t)size;
	c->left = c->backwards ? at % per_block + 1 : per_block - at % per_block;
	if (c->left > left)
		c->left = left;
	return 1;
}

void spool_cursor__release(struct spool_cursor *c)
{
	free(c->block);
	c->block = NULL;
	c->left = 0;
}
