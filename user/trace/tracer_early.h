/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tracer needs that does not depend on the plan, made by a thread while the plan is being
 * made: the maps, for which the kernel clears some 80 MB, and the kernel's types, which are looked for
 * in 5 MB.
 */
#ifndef VTBPF_TRACER_EARLY_H
#define VTBPF_TRACER_EARLY_H

#include <stdint.h>

struct tracer_early;
struct vtbpf_bpf;

/* Begins. The size is that of struct tracer_config. NULL when there is no memory or no thread: a
 * tracer does without. */
struct tracer_early *tracer_early__start(uint64_t ring_bytes);

/* Waits until all is made and takes it: a skeleton with its maps, not loaded. NULL when e is, when it
 * was taken before, or when the kernel refused something; whoever then loads a skeleton of its own
 * hears why. e has to live until the skeleton is loaded. */
struct vtbpf_bpf *tracer_early__take(struct tracer_early *e);

/* The file of the kernel's types, for other tracers; may be given as tracer_config.types_fd until e is
 * freed, once it was taken. 0: there is none. */
int tracer_early__types_fd(const struct tracer_early *e);

/* NULL is legal; so is what was taken. */
void tracer_early__free(struct tracer_early *e);

#endif
