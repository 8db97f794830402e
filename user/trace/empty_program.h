/* SPDX-License-Identifier: GPL-2.0-only */
/* A BPF program for uprobes that does nothing, without any of the maps. */
#ifndef VTBPF_EMPTY_PROGRAM_H
#define VTBPF_EMPTY_PROGRAM_H

#include <stdbool.h>

struct vtbpf_bpf;

/* Loads progs.on_nothing; multi: for uprobe_multi links (Linux 6.6), and no others. NULL where the kernel
 * refuses. The caller's to vtbpf_bpf__destroy(). */
struct vtbpf_bpf *empty_program__load(bool multi);

#endif
