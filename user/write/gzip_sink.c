// SPDX-License-Identifier: GPL-2.0-only
#include "gzip_sink.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#include "../worker_thread.h"
#include "outbuf.h"
#include "own_file.h"

/*
 * Who waits for a trace to be written waits for this. Of a trace of 146 bytes a call, level 1 makes 11.6
 * bytes at 1.74 million calls a second, 3 makes 11.2 at 1.68, 4 makes 10.1 at 0.99, 6 makes 9.3 at 0.61.
 * Faster libraries do not fit: zlib-ng is not packaged for Debian 12, libdeflate compresses whole buffers,
 * and browsers' DecompressionStream takes no file of several members.
 */
#define GZIP_LEVEL 3
#define GZIP_WINDOW_BITS (15 + 16) /* deflateInit2: 16 more asks for a gzip header */

struct block {
	char *data;
	size_t n;
};

struct gzip_sink {
	int fd;
	bool threaded;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows, up to the line */
	pthread_cond_t taken, put;
	struct block queue[GZIP_QUEUE]; /* a ring: n_full blocks from `first` on wait */
	unsigned int first, n_full;
	bool ended; /* no more blocks come */
	int err;    /* first error, a negative errno */
	/* ---- the thread's alone; without one, the caller's */
	uint64_t bytes;
	z_stream z;
	gz_header header;
	unsigned char out[GZIP_BLOCK_BYTES];
};

/* ---- compressing ------------------------------------------------------------------------ */

static int compress_block(struct gzip_sink *g, const struct block *b, int flush)
{
	z_stream *z = &g->z;
	int err = 0;

	z->next_in = (Bytef *)b->data;
	z->avail_in = (uInt)b->n;
	do {
		z->next_out = g->out;
		z->avail_out = sizeof(g->out);
		if (deflate(z, flush) == Z_STREAM_ERROR)
			return -EIO;
		err = outbuf__write_fd(g->fd, g->out, sizeof(g->out) - z->avail_out, &g->bytes);
	} while (!err && z->avail_out == 0);
	return err;
}

/* ---- the thread ------------------------------------------------------------------------- */

/* The oldest block; false when there is none and none will come. */
static bool take_block(struct gzip_sink *g, struct block *b)
{
	bool got;

	pthread_mutex_lock(&g->lock);
	while (!g->n_full && !g->ended)
		pthread_cond_wait(&g->put, &g->lock);
	got = g->n_full && !g->err;
	*b = g->queue[g->first];
	pthread_mutex_unlock(&g->lock);
	return got;
}

/* The block was compressed, and is free again. */
static void give_back(struct gzip_sink *g, int err)
{
	pthread_mutex_lock(&g->lock);
	g->first = (g->first + 1) % GZIP_QUEUE;
	g->n_full--;
	if (!g->err)
		g->err = err;
	pthread_cond_signal(&g->taken);
	pthread_mutex_unlock(&g->lock);
}

static void *run(void *arg)
{
	struct gzip_sink *g = arg;
	struct block b;

	while (take_block(g, &b))
		give_back(g, compress_block(g, &b, Z_NO_FLUSH));
	return NULL;
}

static void stop_thread(struct gzip_sink *g, bool drop)
{
	if (!g->threaded)
		return;
	pthread_mutex_lock(&g->lock);
	g->ended = true;
	if (drop && !g->err)
		g->err = -ECANCELED;
	pthread_cond_signal(&g->put);
	pthread_mutex_unlock(&g->lock);
	pthread_join(g->thread, NULL);
	g->threaded = false;
}

/* ---- the caller's side ------------------------------------------------------------------ */

static char *put_block(struct gzip_sink *g, struct block b, int *err)
{
	struct block *slot;
	char *other;

	pthread_mutex_lock(&g->lock);
	while (g->n_full == GZIP_QUEUE && !g->err)
		pthread_cond_wait(&g->taken, &g->lock);
	*err = g->err;
	if (*err) {
		other = b.data;
	} else {
		slot = &g->queue[(g->first + g->n_full++) % GZIP_QUEUE];
		other = slot->data;
		*slot = b;
		pthread_cond_signal(&g->put);
	}
	pthread_mutex_unlock(&g->lock);
	return other;
}

char *gzip_sink__exchange(struct gzip_sink *g, char *block, size_t n, int *err)
{
	const struct block b = { block, n };

	if (g->threaded)
		return put_block(g, b, err);
	if (!g->err)
		g->err = compress_block(g, &b, Z_NO_FLUSH);
	*err = g->err;
	return block;
}

int gzip_sink__finish(struct gzip_sink *g, uint64_t *bytes)
{
	const struct block nothing = {};

	stop_thread(g, false);
	if (!g->err)
		g->err = compress_block(g, &nothing, Z_FINISH);
	*bytes = g->bytes;
	return g->err;
}

static bool make_blocks(struct gzip_sink *g)
{
	unsigned int i;

	for (i = 0; i < GZIP_QUEUE; i++) {
		g->queue[i].data = malloc(GZIP_BLOCK_BYTES);
		if (!g->queue[i].data)
			return false;
	}
	return true;
}

int gzip_sink__new(int fd, struct gzip_sink **out)
{
	static Bytef comment[] = OWN_FILE_GZIP_COMMENT;
	struct gzip_sink *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->fd = fd;
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->put, NULL);
	pthread_cond_init(&g->taken, NULL);
	if (!make_blocks(g) || deflateInit2(&g->z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, 9,
					    Z_DEFAULT_STRATEGY) != Z_OK) {
		gzip_sink__free(g);
		return -ENOMEM;
	}
	g->header.comment = comment;
	g->header.os = 3; /* Unix */
	deflateSetHeader(&g->z, &g->header);
	g->threaded = !worker_thread__start(&g->thread, run, g);
	*out = g;
	return 0;
}

void gzip_sink__free(struct gzip_sink *g)
{
	unsigned int i;

	if (!g)
		return;
	stop_thread(g, true);
	deflateEnd(&g->z);
	for (i = 0; i < GZIP_QUEUE; i++)
		free(g->queue[i].data);
	pthread_cond_destroy(&g->taken);
	pthread_cond_destroy(&g->put);
	pthread_mutex_destroy(&g->lock);
	free(g);
}
