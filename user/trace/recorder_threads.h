/* SPDX-License-Identifier: GPL-2.0-only */
/* What the records that the flight recorder dropped said of threads, as far as it still holds: who
 * has each thread id, and its name. */
#ifndef VTBPF_RECORDER_THREADS_H
#define VTBPF_RECORDER_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture_writer.h"

struct recorder_thread;

struct recorder_threads {
	struct recorder_thread *by_tid;
};

void recorder_threads__release(struct recorder_threads *t);

/* Is it a record that fold() keeps all of? Then it need not wait its turn. */
bool recorder_threads__is_about(const struct vtbpf_rec *rec);

/* Takes note of a record that is dropped, in their order. */
void recorder_threads__fold(struct recorder_threads *t, const struct vtbpf_rec *rec);

uint64_t recorder_threads__count(const struct recorder_threads *t);
void recorder_threads__write(const struct recorder_threads *t, struct capture_writer *w);

#endif
