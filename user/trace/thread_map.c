// SPDX-License-Identifier: GPL-2.0-only
#include "thread_map.h"

#include <bpf/bpf.h>

#include "sweep.h"

bool thread_map__get(const struct thread_map *m, uint32_t tid, struct thread_state *state)
{
	__u32 place;

	/* The place may be another thread's by now. */
	return !bpf_map_lookup_elem(m->threads_fd, &tid, &place) &&
	       !bpf_map_lookup_elem(m->states_fd, &place, state) && state->tid == tid;
}

bool thread_map__next(const struct thread_map *m, const uint32_t *prev, uint32_t *tid)
{
	return !bpf_map_get_next_key(m->threads_fd, prev, tid);
}

void thread_map__clear(const struct thread_map *m, int free_slots_fd)
{
	static const struct thread_state none;
	struct thread_state state;
	__u32 tid, place, *prev = NULL;

	while (thread_map__next(m, prev, &tid)) {
		prev = &tid;
		if (bpf_map_lookup_elem(m->threads_fd, &tid, &place) ||
		    bpf_map_lookup_elem(m->states_fd, &place, &state) || state.tid != tid)
			continue;
		if (state.slot != NO_SLOT)
			bpf_map_update_elem(free_slots_fd, NULL, &state.slot, BPF_ANY);
		bpf_map_update_elem(m->states_fd, &place, &none, BPF_ANY);
	}
	sweep__clear(m->threads_fd);
}
