/* SPDX-License-Identifier: GPL-2.0-only */
/* vtbpf's own CPU time, as far as it was taken from others: where a CPU is idle it costs nobody
 * anything. */
#ifndef VTBPF_OWN_COST_H
#define VTBPF_OWN_COST_H

#include <stdint.h>

struct own_cost {
	uint64_t cpu, idle, at; /* ns, when it was asked last */
	double busy;		/* 1: no CPU was idle meanwhile; 0: there was one */
};

/* From the process's beginning on. */
void own_cost__init(struct own_cost *o);

/* What it took from others since it was asked last, ns. Once a second or so: idle time is counted in
 * hundredths. */
uint64_t own_cost__take(struct own_cost *o);

/* The decision alone: of `cpu` ns used in `wall` ns, while all CPUs together were idle for `idle`. From 0
 * to 1. */
double own_cost__busy(uint64_t cpu, uint64_t idle, uint64_t wall);

#endif
