/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel side, which is in this program twice: as it is on Linux 5.17 and later, and without what
 * older kernels lack (VTBPF_OLD_KERNEL in bpf/maps.bpf.h).
 */
#ifndef VTBPF_KERNEL_OBJECT_H
#define VTBPF_KERNEL_OBJECT_H

#include <stdbool.h>

#include <bpf/libbpf.h>

#include "../../bpf/vtbpf.h"
#include "vtbpf.skel.h"

/* Is this kernel one that wants the older object? Found out once. */
bool kernel_object__is_old(void);

/* Opens the one or the other object. types_fd: BTF to relocate by; 0: the kernel's. NULL with errno set.
 * Free with vtbpf_bpf__destroy(). */
struct vtbpf_bpf *kernel_object__open(bool old, int types_fd);

#endif
