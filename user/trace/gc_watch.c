// SPDX-License-Identifier: GPL-2.0-only
#include "gc_watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "../worker_thread.h"

#define LOOK_NS 1000000
#define NEWS 64

struct one_gc {
	uint64_t start; /* 0: none runs */
	size_t news;	/* its place + 1; 0: not told of yet */
};

struct gc_watch {
	pid_t pid;
	uint64_t least_ns;
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	bool stop;
	uint64_t addrs[GC_FLAGS_MAX];
	size_t n;
	struct one_gc gcs[GC_FLAGS_MAX];
	struct gc_seen news[NEWS];
	size_t n_news;
	uint64_t number;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Reads all flags at once; what cannot be read counts as idle. */
static void read_flags(const struct gc_watch *g, int *flags)
{
	struct iovec local[GC_FLAGS_MAX], remote[GC_FLAGS_MAX];

	memset(flags, 0, GC_FLAGS_MAX * sizeof(*flags));
	for (size_t i = 0; i < g->n; i++) {
		local[i] = (struct iovec){ &flags[i], sizeof(*flags) };
		remote[i] = (struct iovec){ (void *)(uintptr_t)g->addrs[i], sizeof(*flags) };
	}
	if (g->n && process_vm_readv(g->pid, local, g->n, remote, g->n, 0) < 0)
		memset(flags, 0, GC_FLAGS_MAX * sizeof(*flags));
}

static void tell(struct gc_watch *g, struct one_gc *gc, uint64_t took)
{
	struct gc_seen *seen;

	/* Its place may have been taken by others that came after it. */
	if (!gc->news || g->news[gc->news - 1].start != gc->start)
		gc->news = g->n_news++ % NEWS + 1;
	seen = &g->news[gc->news - 1];
	seen->start = gc->start;
	seen->took = took;
	seen->number = ++g->number;
}

/* It began, and ended, between two looks: most likely in the middle. */
static void look(struct gc_watch *g, uint64_t before)
{
	int flags[GC_FLAGS_MAX];
	uint64_t now, middle;

	read_flags(g, flags);
	now = now_ns();
	middle = before + (now - before) / 2;
	for (size_t i = 0; i < g->n; i++) {
		struct one_gc *gc = &g->gcs[i];
		uint64_t until = flags[i] ? now : middle;

		if (gc->start && until > gc->start + g->least_ns)
			tell(g, gc, until - gc->start);
		if (!flags[i])
			*gc = (struct one_gc){};
		else if (!gc->start)
			gc->start = middle;
	}
}

static void *run(void *arg)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	struct gc_watch *g = arg;
	uint64_t before = now_ns(), now;
	bool stop = false;

	while (!stop) {
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&g->lock);
		now = now_ns();
		look(g, before);
		before = now;
		stop = g->stop;
		pthread_mutex_unlock(&g->lock);
	}
	return NULL;
}

struct gc_watch *gc_watch__new(pid_t pid, uint64_t least_ns)
{
	struct gc_watch *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return NULL;
	g->pid = pid;
	g->least_ns = least_ns;
	pthread_mutex_init(&g->lock, NULL);
	err = worker_thread__start(&g->thread, run, g);
	if (!err)
		return g;
	free(g);
	errno = -err;
	return NULL;
}

void gc_watch__free(struct gc_watch *g)
{
	if (!g)
		return;
	pthread_mutex_lock(&g->lock);
	g->stop = true;
	pthread_mutex_unlock(&g->lock);
	pthread_join(g->thread, NULL);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void gc_watch__set(struct gc_watch *g, const uint64_t *addrs, size_t n)
{
	n = n < GC_FLAGS_MAX ? n : GC_FLAGS_MAX;
	pthread_mutex_lock(&g->lock);
	if (n != g->n || memcmp(g->addrs, addrs, n * sizeof(*addrs))) {
		memset(g->gcs, 0, sizeof(g->gcs));
		memcpy(g->addrs, addrs, n * sizeof(*addrs));
		g->n = n;
	}
	pthread_mutex_unlock(&g->lock);
}

bool gc_watch__next(struct gc_watch *g, uint64_t *last, struct gc_seen *seen)
{
	const struct gc_seen *found = NULL;

	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < NEWS; i++)
		if (g->news[i].number > *last && (!found || g->news[i].number < found->number))
			found = &g->news[i];
	if (found) {
		*seen = *found;
		*last = found->number;
	}
	pthread_mutex_unlock(&g->lock);
	return found;
}
