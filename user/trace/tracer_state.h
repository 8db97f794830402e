/* SPDX-License-Identifier: GPL-2.0-only */
/* The tracer's inside: private to tracer.c, tracer_maps.c, live_codes.c and watch.c, the only ones that
 * see the skeleton. */
#ifndef VTBPF_TRACER_STATE_H
#define VTBPF_TRACER_STATE_H

#include "tracer.h"
#include "vtbpf.skel.h"

struct tracer {
	struct vtbpf_bpf *skel;
	struct ring_buffer *ring;
	struct probe_plan plan;
	struct holder holder;
	tracer_record_fn fn;
	void *ctx;
	enum tracer_variant variant; /* never TRACER_BEST */
	size_t most;		     /* bytes that one poll may hand on, 0: all there are */
	size_t handed;
	struct vtbpf_counters swept; /* what all threads counted, as the last sweep found it */
};

/* The ring as the kernel takes it: a power of two, whole pages. */
uint64_t tracer__ring_size(uint64_t want);

#endif
