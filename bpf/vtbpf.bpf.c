// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What happens when a probed instruction of an interpreter is reached.
 *
 * A site says what it means (struct vtbpf_site): a frame is entered, returns, suspends, or is
 * resumed by throw(). An entry opens a frame with its time and code object; the exit of the same
 * frame, found by its address, closes it and writes one record. User space attaches either one
 * program to all sites, told apart by the attach cookie, or, on kernels without cookies, one
 * program to each site.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "vtbpf.h"

#include "ids.bpf.h"
#include "maps.bpf.h"
#include "budget.bpf.h"
#include "emit.bpf.h"
#include "frame.bpf.h"
#include "code.bpf.h"
#include "trigger.bpf.h"
#include "thread_name.bpf.h"
#include "stack.bpf.h"
#include "thread.bpf.h"
#include "process.bpf.h"
#include "sample_frames.bpf.h"
#include "raise.bpf.h"
#include "task.bpf.h"
#include "async.bpf.h"
#include "parent.bpf.h"
#include "call.bpf.h"
#include "sample.bpf.h"
#include "sleep.bpf.h"
#include "sched.bpf.h"
#include "gc.bpf.h"
#include "gil.bpf.h"
#include "mark.bpf.h"
#include "args.bpf.h"
#include "exception_line.bpf.h"
#include "exception.bpf.h"
#include "exception_caught.bpf.h"
#include "ccall.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline __u64 site_frame(struct pt_regs *ctx, const volatile struct vtbpf_site *site)
{
	return read_place(ctx, site->frame_reg, site->frame_at,
			  site->flags & VTBPF_SITE_FRAME_IN_WORD);
}

/* The instruction at an entry. */
static __always_inline __u64 site_instr(struct pt_regs *ctx, const volatile struct vtbpf_site *site)
{
	return read_place(ctx, site->instr_reg, site->instr_at,
			  site->flags & VTBPF_SITE_INSTR_IN_WORD) -
	       CODE_UNIT * (site->flags & VTBPF_SITE_ADVANCED_MASK);
}

static __always_inline void take_hit(struct pt_regs *ctx, __u64 index)
{
	const volatile struct vtbpf_site *site = &sites[index];
	struct hit hit = {};

	hit.kind = site->kind;
	hit.raises = triggers & VTBPF_WATCH_RAISE && site->flags & VTBPF_SITE_RAISES;
	hit.frame = site_frame(ctx, site);
	if (hit.kind == VTBPF_SITE_CODE_FREED) {
		__u32 tgid = current_ids() >> 32;

		if (!following || bpf_map_lookup_elem(&targets, &tgid))
			code_forget(hit.frame, tgid);
		return;
	}
	if (hit.kind == VTBPF_SITE_ENTRY && site->instr_reg != VTBPF_NO_REG)
		hit.instr = site_instr(ctx, site);
	handle_hit(&hit);
}

/* What is no call: see vtbpf_gc.h. */
static __noinline int on_other_site(struct pt_regs *ctx, __u64 cookie)
{
	__u64 begin = budgeted ? bpf_ktime_get_ns() : 0;

	if (!active)
		return 0;
	if (marks_watched && cookie == VTBPF_COOKIE_MARK)
		take_mark(ctx);
	else if (gc_watched)
		gc_take_hit(ctx, cookie - VTBPF_COOKIE_GC);
	if (budgeted)
		budget_spend(other_site_cost + bpf_ktime_get_ns() - begin);
	return 0;
}

static __always_inline int on_site(struct pt_regs *ctx, __u64 index)
{
	__u64 begin = budgeted ? bpf_ktime_get_ns() : 0;

	if (index >= VTBPF_MAX_SITES)
		return marks_watched || gc_watched ? on_other_site(ctx, index) : 0;
	if (active)
		take_hit(ctx, index);
	if (budgeted)
		budget_spend_hit(index, begin);
	return 0;
}

SEC("uprobe.multi")
int on_site_multi(struct pt_regs *ctx)
{
	return on_site(ctx, bpf_get_attach_cookie(ctx));
}

SEC("uprobe")
int on_site_cookie(struct pt_regs *ctx)
{
	return on_site(ctx, bpf_get_attach_cookie(ctx));
}

/* With --args. */
static __always_inline int on_site_args(struct pt_regs *ctx, __u64 index)
{
	const volatile struct vtbpf_site *site = &sites[index];
	__u64 begin = bpf_ktime_get_ns(), after, instr = 0;

	on_site(ctx, index);
	if (!active || index >= VTBPF_MAX_SITES || site->kind != VTBPF_SITE_ENTRY)
		return 0;
	after = budgeted ? bpf_ktime_get_ns() : 0;
	if (site->instr_reg != VTBPF_NO_REG)
		instr = site_instr(ctx, site);
	take_args(current_ids(), site_frame(ctx, site), instr, begin);
	if (budgeted)
		budget_spend(bpf_ktime_get_ns() - after);
	return 0;
}

SEC("?uprobe.multi")
int on_site_multi_args(struct pt_regs *ctx)
{
	return on_site_args(ctx, bpf_get_attach_cookie(ctx));
}

SEC("?uprobe")
int on_site_cookie_args(struct pt_regs *ctx)
{
	return on_site_args(ctx, bpf_get_attach_cookie(ctx));
}

static __always_inline int on_exception(struct pt_regs *ctx, __u64 index)
{
	__u64 begin = budgeted ? bpf_ktime_get_ns() : 0;

	if (!active || index >= VTBPF_MAX_EXCEPTION_SITES)
		return 0;
	take_exception(ctx, index);
	if (budgeted)
		budget_spend(other_site_cost + bpf_ktime_get_ns() - begin);
	return 0;
}

SEC("?uprobe.multi")
int on_exception_multi(struct pt_regs *ctx)
{
	return on_exception(ctx, bpf_get_attach_cookie(ctx));
}

SEC("?uprobe")
int on_exception_cookie(struct pt_regs *ctx)
{
	return on_exception(ctx, bpf_get_attach_cookie(ctx));
}

/* Linux before 5.15 has no cookies: a program for each site, which knows its number. The handler is
 * one function there, for the size of the object. */
static __noinline int on_numbered_site(struct pt_regs *ctx, __u64 index)
{
	return on_site(ctx, index);
}

#define SITE_PROGRAM(n)                          \
	SEC("?uprobe")                           \
	int on_site_##n(struct pt_regs *ctx)     \
	{                                        \
		return on_numbered_site(ctx, n); \
	}

SITE_PROGRAM(0)
SITE_PROGRAM(1)
SITE_PROGRAM(2)
SITE_PROGRAM(3)
SITE_PROGRAM(4)
SITE_PROGRAM(5)
SITE_PROGRAM(6)
SITE_PROGRAM(7)
SITE_PROGRAM(8)
SITE_PROGRAM(9)
SITE_PROGRAM(10)
SITE_PROGRAM(11)
SITE_PROGRAM(12)
SITE_PROGRAM(13)
SITE_PROGRAM(14)
SITE_PROGRAM(15)
SITE_PROGRAM(16)
SITE_PROGRAM(17)
SITE_PROGRAM(18)
SITE_PROGRAM(19)
SITE_PROGRAM(20)
SITE_PROGRAM(21)
SITE_PROGRAM(22)
SITE_PROGRAM(23)

/* What a hit costs before anything is done with it (vtbpf doctor). */
SEC("?uprobe")
int on_nothing(struct pt_regs *ctx __attribute__((unused)))
{
	return 0;
}

/* --gil: two programs, so that no cookie need tell what is called. */
SEC("?uprobe.multi")
int on_gil_lock_multi(struct pt_regs *ctx)
{
	gil_take_lock(read_reg(ctx, gil_arg_reg));
	return 0;
}

SEC("?uprobe")
int on_gil_lock(struct pt_regs *ctx)
{
	gil_take_lock(read_reg(ctx, gil_arg_reg));
	return 0;
}

SEC("?uprobe.multi")
int on_gil_signal_multi(struct pt_regs *ctx)
{
	gil_take_signal(read_reg(ctx, gil_arg_reg));
	return 0;
}

SEC("?uprobe")
int on_gil_signal(struct pt_regs *ctx)
{
	gil_take_signal(read_reg(ctx, gil_arg_reg));
	return 0;
}

/* A timer of a thread's CPU time. */
SEC("?perf_event")
int on_sample(struct bpf_perf_event_data_kern *ctx)
{
	__u64 begin = budgeted ? bpf_ktime_get_ns() : 0;
	struct perf_event *event = NULL;

	bpf_core_read(&event, sizeof(event), &ctx->event);
	take_sample(event);
	if (budgeted)
		budget_spend_sample(begin);
	return 0;
}

/* One thread leaves the CPU, which is still the current one, and another one gets it. */
SEC("?raw_tp/sched_switch")
int on_switch(__u64 *ctx) /* preempt, prev, next */
{
	if (!active)
		return 0;
	sleep_begins(ctx[0]);
	sleep_ends((struct task_struct *)ctx[2]);
	return 0;
}

SEC("?raw_tp/sched_switch")
int on_sched_switch(__u64 *ctx) /* preempt, prev, next */
{
	if (!active)
		return 0;
	sched_leaves(ctx[0]);
	sched_gets((struct task_struct *)ctx[2]);
	return 0;
}

SEC("?raw_tp/sched_waking")
int on_sched_waking(__u64 *ctx) /* the thread */
{
	if (active)
		sched_wakes((struct task_struct *)ctx[0]);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int on_thread_exit(void *ctx __attribute__((unused)))
{
	__u64 id = current_ids();
	__u32 tid = id;
	struct thread_state *t = thread_of(tid);

	if (t && !t->dead)
		thread_end(t, tid);
	bpf_map_delete_elem(&verdicts, &tid); /* the next thread with this id is another one */
	if (following)
		process_end(id >> 32);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int on_exec(void *ctx __attribute__((unused)))
{
	__u64 id = current_ids();
	__u32 tgid = id >> 32, tid = id;
	struct thread_state *t;
	struct vtbpf_rec_exec *r;

	if (!bpf_map_lookup_elem(&targets, &tgid))
		return 0;
	t = thread_of(tid);
	if (t && !t->dead)
		thread_end(t, tid);
	if (following)
		process_exec(tgid);
	r = EMIT_RESERVE(struct vtbpf_rec_exec, VTBPF_REC_EXEC, tgid);
	if (!r)
		return 0;
	r->ts = bpf_ktime_get_ns();
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* Any system call of any thread begins, or ends: event loops ask what is ready, and are told. */
SEC("?raw_tp/sys_enter")
int on_syscall(__u64 *ctx) /* registers, number */
{
	if (is_poll(ctx[1]))
		loop_polls();
	return 0;
}

SEC("?raw_tp/sys_exit")
int on_syscall_end(__u64 *ctx) /* registers, result */
{
	if (is_poll(number_of((struct pt_regs *)ctx[0])))
		loop_polled();
	return 0;
}

/* In the parent, before the child runs. */
SEC("?raw_tp/sched_process_fork")
int on_fork(__u64 *ctx) /* parent, child */
{
	process_fork((struct task_struct *)ctx[0], (struct task_struct *)ctx[1]);
	return 0;
}
