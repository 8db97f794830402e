/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compresses a stream into a file descriptor, in a thread of its own: who makes the stream goes on
 * meanwhile, by at most GZIP_QUEUE blocks.
 */
#ifndef VTBPF_GZIP_SINK_H
#define VTBPF_GZIP_SINK_H

#include <stddef.h>
#include <stdint.h>

#define GZIP_BLOCK_BYTES (256 * 1024)
#define GZIP_QUEUE 4

struct gzip_sink;

/* fd is the caller's. Where no thread can be had, blocks are compressed as they come. 0 or -ENOMEM. */
int gzip_sink__new(int fd, struct gzip_sink **out);

/* Takes a block of n bytes, which malloc made, of GZIP_BLOCK_BYTES; gives another for it, whose content
 * is anything. Waits while the queue is full. *err is set to the first error of writing, if there is
 * one: then blocks are dropped. */
char *gzip_sink__exchange(struct gzip_sink *g, char *block, size_t n, int *err);

/* Waits for all to be written, ends the stream. Returns the first error; *bytes is what was written. */
int gzip_sink__finish(struct gzip_sink *g, uint64_t *bytes);

/* Drops what waits, if it was not finished. NULL is fine. */
void gzip_sink__free(struct gzip_sink *g);

#endif
