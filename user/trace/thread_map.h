/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel side keeps of each thread: `threads` says by its tid where in `thread_states` that is. */
#ifndef VTBPF_THREAD_MAP_H
#define VTBPF_THREAD_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "../../bpf/vtbpf.h"

struct thread_map {
	int threads_fd, states_fd; /* the maps of these names; not owned */
};

/* The state of thread tid. False when there is none. */
bool thread_map__get(const struct thread_map *m, uint32_t tid, struct thread_state *state);

/* The next thread after *prev, or the first one when prev is NULL; tid may be *prev. False after the
 * last one. Threads that come or go meanwhile may make it begin anew: bound the loop. */
bool thread_map__next(const struct thread_map *m, const uint32_t *prev, uint32_t *tid);

/* Forgets all threads, and gives their slots back to the queue of free ones. No program may run. */
void thread_map__clear(const struct thread_map *m, int free_slots_fd);

#endif
