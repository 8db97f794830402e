/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where an interpreter takes and gives up the lock that it runs under (the GIL), found without symbols: its
 * calls of pthread_mutex_lock() and pthread_cond_signal(), of which there are few, wherever the compiler
 * has put take_gil() and drop_gil(). Which of them concern the lock, the BPF side tells by the argument
 * (bpf/gil.bpf.h).
 */
#ifndef VTBPF_GIL_SITES_H
#define VTBPF_GIL_SITES_H

#include "probe_plan.h"

#define GIL_SITES_MAX 128 /* of either kind; link-time optimisation copies drop_gil() */

struct gil_places {
	size_t n;
	unsigned long offsets[GIL_SITES_MAX]; /* in the file, of the call */
};

struct gil_plan {
	uint8_t arg_reg;		  /* the first argument of a call: bpf/vtbpf.h */
	struct gil_places locks, signals; /* signals.n 0: the lock is not watched */
};

/*
 * Finds them in the file open at fd, of which `plan` was made. 0, or a negative errno with a sentence for
 * the user in why: -ENOTSUP when this build's machine code does not show them. A free-threaded interpreter
 * has no such lock: that is no error, but nothing is found.
 */
int gil_sites__find(int fd, const struct probe_plan *plan, struct gil_plan *gil, char *why,
		    size_t why_size);

#endif
