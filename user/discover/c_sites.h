/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where Python code calls C functions (--c-calls): in the handlers of the CALL family, before they
 * look at what they call, and behind the machine's calls that do it.
 */
#ifndef VTBPF_C_SITES_H
#define VTBPF_C_SITES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/vtbpf.h"

struct site_search;

#define C_CALLS_SINCE 11 /* minor version whose handlers are known */

struct c_place {
	struct vtbpf_c_site site;
	uint64_t offset; /* in the file */
	bool emulated;
	const char *name; /* the opcode that it was found for */
};

struct c_plan {
	struct vtbpf_c_layout layout;
	size_t n; /* 0: calls of C functions are not watched */
	struct c_place places[VTBPF_MAX_C_SITES];
};

/* Finds them; s knows its registers. 0, -ENOSPC, or -ENOENT when the code does not show them. */
int c_sites__find(const struct site_search *s, struct c_plan *plan);

#endif
