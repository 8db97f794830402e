/* SPDX-License-Identifier: GPL-2.0-only */
/* The pid and the time namespace that vtbpf itself is in, as when it runs in a container. */
#ifndef VTBPF_OWN_NAMESPACE_H
#define VTBPF_OWN_NAMESPACE_H

#include <stdbool.h>
#include <stdint.h>

/* Its inode number, or 0 for the initial one, in which the kernel counts (bpf/ids.bpf.h). */
uint32_t own_namespace__inode(void);

/* Whether /proc shows the processes of this namespace: a container may have another one's. */
bool own_namespace__has_proc(void);

/* Whether its monotonic clock is not the kernel's, by which BPF programs tell the time. */
bool own_namespace__shifts_clock(void);

#endif
