// SPDX-License-Identifier: GPL-2.0-only
/* What raises.c and the kernel side tell each other. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tracer_state.h"

void tracer__quiet_raises_for(struct tracer *t, uint64_t ns)
{
	t->skel->bss->raise_quiet_ns = ns;
}

void tracer__decide_raise(struct tracer *t, const struct raise_key *key,
			  const struct raise_state *state)
{
	bpf_map_update_elem(bpf_map__fd(t->skel->maps.raises), key, state, BPF_ANY);
}

uint64_t tracer__unsaid_raises(const struct tracer *t, struct vtbpf_rec_raise *last)
{
	uint64_t n = t->skel->bss->raises_unsaid;

	*last = t->skel->bss->last_unsaid;
	return n;
}

uint64_t tracer__quiet_raises(const struct tracer *t)
{
	return t->skel->bss->raises_quiet;
}
