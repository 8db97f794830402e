/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where an interpreter's garbage collector begins and ends, found without symbols or static probes: the
 * instructions that change gcstate->collecting, which each collection sets first and clears last
 * (Modules/gcmodule.c up to 3.12, Python/gc.c and gc_free_threading.c since).
 */
#ifndef VTBPF_GC_SITES_H
#define VTBPF_GC_SITES_H

#include "probe_plan.h"

struct gc_place {
	struct vtbpf_gc_site site;
	uint64_t vaddr;	 /* of the probed instruction, in the file's own address space */
	uint64_t offset; /* in the file */
};

struct gc_plan {
	enum vtbpf_gc_stats stats;
	size_t n; /* 0: collections are not watched */
	struct gc_place places[VTBPF_MAX_GC_SITES];
};

/*
 * Finds them in the file open at fd, of which `plan` was made. 0, or a negative errno with a sentence
 * for the user in why: -ENOTSUP when this build's machine code does not show them.
 */
int gc_sites__find(int fd, const struct probe_plan *plan, struct gc_plan *gc, char *why,
		   size_t why_size);

#endif
