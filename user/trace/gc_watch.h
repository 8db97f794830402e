/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long garbage collections take: a thread of ours looks, each millisecond or two, whether one runs.
 * On every build, without a probe; what takes less than a look or two is not seen.
 */
#ifndef VTBPF_GC_WATCH_H
#define VTBPF_GC_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define GC_FLAGS_MAX 64 /* interpreters of a process that are looked at */

/* A collection that runs, or has ended, and has taken longer than the least limit. */
struct gc_seen {
	uint64_t start, took; /* ns */
	uint64_t number;      /* of news: one that is told of again has a higher one */
};

struct gc_watch;

/* Looks at process pid from now on, and tells of collections longer than least_ns. NULL and errno. */
struct gc_watch *gc_watch__new(pid_t pid, uint64_t least_ns);
void gc_watch__free(struct gc_watch *g);

/* Where the flags lie (py_gc.h); n 0: nothing is looked at. */
void gc_watch__set(struct gc_watch *g, const uint64_t *addrs, size_t n);

/* The next news after number *last, which is updated. False when there is none. */
bool gc_watch__next(struct gc_watch *g, uint64_t *last, struct gc_seen *seen);

#endif
