/* SPDX-License-Identifier: GPL-2.0-only */
/* Thread ids across pid namespaces: what a target calls a thread, and what /proc calls it here. */
#ifndef VTBPF_PY_TIDS_H
#define VTBPF_PY_TIDS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Reads the NSpid line of a /proc/.../status file: the id in the namespace of this /proc mount
 * (outer) and in the task's own (inner); either may be NULL. They are equal where namespaces are
 * equal or the kernel has none. 0, -ESRCH when the task is gone, -EINVAL when the file has no ids.
 */
int py_tids__read_ns(const char *path, pid_t *outer, pid_t *inner);

/* Whether process pid (as /proc here counts) has a thread that calls itself inner. */
bool py_tids__has(pid_t pid, pid_t inner);

#endif
