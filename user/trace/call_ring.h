/* SPDX-License-Identifier: GPL-2.0-only */
/* The newest N calls that ended, in memory (--tracer-entries), and those still open. What else was
 * recorded goes to the capture at once; THREAD records also keep their place among the calls, so that a
 * thread id means the thread that had it then. */
#ifndef VTBPF_CALL_RING_H
#define VTBPF_CALL_RING_H

#include <stdint.h>

#include "capture_writer.h"

struct call_ring;

/* Room for `calls` calls; memory is used as it fills. The writer must outlive it. NULL and errno. */
struct call_ring *call_ring__new(uint64_t calls, struct capture_writer *w);
void call_ring__free(struct call_ring *r);

/* Takes a copy of a record as it came. */
void call_ring__push(struct call_ring *r, const struct vtbpf_rec *rec);

/* Writes what is kept to the capture, and how much is not. Returns the number of calls that gave way
 * to newer ones. */
uint64_t call_ring__write(struct call_ring *r);

#endif
