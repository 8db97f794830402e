/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * --max-overhead: what the target's threads pay for the probes is counted, and recording stops when
 * they have paid what this window may cost. They trap until the probes are gone, so whoever holds
 * those is woken at once, and what is paid meanwhile is counted as well.
 */
#ifndef VTBPF_BUDGET_BPF_H
#define VTBPF_BUDGET_BPF_H

static __noinline void budget_stop(void)
{
	__u64 now = bpf_ktime_get_ns();

	stopped_ns = now;
	active = 0;
	bpf_ringbuf_output(&alarms, &now, sizeof(now), BPF_RB_FORCE_WAKEUP);
}

/* Not atomic: with a GIL one thread at a time comes here, without one each CPU has its own. A program
 * that is pushed off its CPU in the middle may take back what another one added, which is little. */
static __always_inline void budget_spend(__u64 ns)
{
	__u32 cell = spent_by_cpu ? bpf_get_smp_processor_id() & (SPENT_CELLS - 1) : 0;

	spent[cell].ns += ns;
	if (active && spent[cell].ns > spent_limit)
		budget_stop();
}

#define BUDGET_LONGEST_NS 5000000 /* no hit takes that long: the thread was off its CPU meanwhile */

/* A hit of that site, which began to be looked at `begin`: what the trap costs, and what was done in it. */
static __always_inline void budget_spend_hit(__u32 site, __u64 begin)
{
	__u64 work = bpf_ktime_get_ns() - begin;

	budget_spend(site_costs[site] + (work < BUDGET_LONGEST_NS ? work : 0));
}

/* The same for a sample. */
static __always_inline void budget_spend_sample(__u64 begin)
{
	__u64 work = bpf_ktime_get_ns() - begin;

	budget_spend(sample_cost + (work < BUDGET_LONGEST_NS ? work : 0));
}

#endif
