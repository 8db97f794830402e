// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The floor of every tracer and sampler: programs that do nothing. */
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

SEC("perf_event")
int on_tick(void *ctx __attribute__((unused)))
{
	return 0;
}
