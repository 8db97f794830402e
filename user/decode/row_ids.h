/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose pids and tids are whose when several traces become one. A pid that another trace has, too, is
 * the same process only if both say the same boot of a machine and the same start of the process, and
 * if on each row the one's slices lie wholly before the other's, in one order; else it gets a made-up
 * pid. So does every made-up tid that another trace has. Made-up ids lie above the kernel's largest,
 * and none is used for two things.
 */
#ifndef VTBPF_ROW_IDS_H
#define VTBPF_ROW_IDS_H

#include "trace_scan.h"

struct row_ids_input {
	struct trace_scan *scan; /* its processes and rows get their `shown` */
	int64_t shift;		 /* of its times */
};

/* 0, -ENOMEM, or -ENOSPC when there are no ids left. Earlier inputs keep their ids. */
int row_ids__assign(struct row_ids_input *in, size_t n);

/* Is it a made-up pid, or was it one before and is another now? */
static inline bool row_ids__moved(const struct scan_process *p)
{
	return p->shown != p->key.pid;
}

#endif
