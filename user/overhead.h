/* SPDX-License-Identifier: GPL-2.0-only */
/* What --max-overhead means before the recording and after it. */
#ifndef VTBPF_OVERHEAD_H
#define VTBPF_OVERHEAD_H

#include <stddef.h>

struct own_cost;
struct recording_result;

/* From now on the CPU time of vtbpf is counted, and vtbpf yields to all others. */
void overhead__begin(struct own_cost *own);

/* The last line of a trace, where there was a budget; the conversion has its part in it. */
void overhead__say(struct recording_result *res);

/* The same as text, which names the process: of one trace among others. "" where there was no budget. */
void overhead__format(struct recording_result *res, int pid, char *text, size_t size);

#endif
