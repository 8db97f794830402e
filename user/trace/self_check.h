/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Was the plan right for this interpreter? Entries, exits and the frames' own links must fit
 * together; where a build merged a handler or inlined what the planner took for a function, they do
 * not, and the trace would be wrong without a sign.
 */
#ifndef VTBPF_SELF_CHECK_H
#define VTBPF_SELF_CHECK_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "../../bpf/vtbpf.h"

/* True when the counters contradict the plan; then text says what was seen and what to do. */
bool self_check__contradicts(const struct vtbpf_counters *c, char *text, size_t size);

#endif
