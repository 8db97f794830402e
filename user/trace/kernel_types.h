/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's types that the BPF programs use, as BTF of their own. To find the members of a few
 * structs libbpf otherwise reads all BTF of the kernel, 5 MB, when the plan waits for nothing else.
 */
#ifndef VTBPF_KERNEL_TYPES_H
#define VTBPF_KERNEL_TYPES_H

#include <bpf/btf.h>

/*
 * BTF of the structs and unions that `local`, the BTF of BPF programs, and `kernel` both have by name,
 * with those members that are in both: where and how large they are in the kernel. What a program may
 * ask for besides (values of enums, existence of types) is not in it. NULL and errno: ENOTSUP when a
 * member is of a kind that is not known here, ENOMEM.
 */
struct btf *kernel_types__of(const struct btf *kernel, const struct btf *local);

#endif
