// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The floor of every uprobe tracer: a program that does nothing. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("uprobe.multi")
int on_hit_multi(void *ctx __attribute__((unused)))
{
	return 0;
}

SEC("uprobe")
int on_hit(void *ctx __attribute__((unused)))
{
	return 0;
}
