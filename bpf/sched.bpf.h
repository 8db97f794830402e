/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * --sched: what each thread of the targets does without a CPU. As it leaves its CPU, it is noted whether
 * it is blocked, and in which system call; who wakes it is noted as that happens; and when it is on a CPU
 * again, all that is told of. Nothing here touches what belongs to the thread's calls, which may be
 * under way in a handler that was preempted.
 */
#ifndef VTBPF_SCHED_BPF_H
#define VTBPF_SCHED_BPF_H

/* The tracer leaves its space free where nobody asks for it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VTBPF_SCHED_THREADS);
	__type(key, __u32);
	__type(value, struct sched_thread);
} sched_threads SEC(".maps");

/* Each CPU's count of what it is interrupted by lies so far from its run queue; 0: not known. */
const volatile __s64 preempt_count_from_rq;

#define STATE_STOPPED 0xc /* __TASK_STOPPED, __TASK_TRACED: include/linux/sched.h */

/* NMI, hard interrupts, and soft ones being served: include/linux/preempt.h */
#define IN_INTERRUPT 0x00ff0100

/* Is this code run by an interrupt? Then it has nothing to do with the thread that has the CPU. The
 * variables of a CPU lie at fixed distances from each other; where one of them lies, its tasks know. */
static __always_inline bool in_interrupt(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 count = IN_INTERRUPT;
	const char *rq;

	if (!preempt_count_from_rq || !bpf_core_field_exists(task->se.cfs_rq))
		return true;
	rq = (const char *)BPF_CORE_READ(task, se.cfs_rq, rq);
	bpf_probe_read_kernel(&count, sizeof(count), rq + preempt_count_from_rq);
	return count & IN_INTERRUPT;
}

/* Each recording of a family tells of what runs its own interpreter; what runs no Python, nobody does. */
static __always_inline bool is_sched_target(__u32 tgid)
{
	const struct target_process *p = bpf_map_lookup_elem(&targets, &tgid);

	return p && (!following || p->seen == own_recording);
}

static __always_inline bool is_ignored_thread(__u32 tid, __u64 start_time)
{
	const struct thread_verdict *v = bpf_map_lookup_elem(&verdicts, &tid);

	return v && v->verdict == VERDICT_IGNORE && (!v->start_time || v->start_time == start_time);
}

/* The system call of the running thread, which blocks in it. */
static __always_inline __s64 blocking_call(__u32 state)
{
	__s64 number;

	if (state & STATE_STOPPED)
		return VTBPF_STOPPED;
	if (!have_task_regs)
		return VTBPF_UNKNOWN_SYSCALL;
	number = REGS_SYSCALL(entry_regs());
	return number < 0 ? VTBPF_NO_SYSCALL : number;
}

/* The running thread leaves its CPU. */
static __always_inline void sched_leaves(bool preempted)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 id = current_ids();
	struct sched_thread s = {}, *old;
	__u32 tid = id, state = 1;

	if (!is_sched_target(id >> 32))
		return;
	if (BPF_CORE_READ(task, flags) & PF_EXITING) {
		bpf_map_delete_elem(&sched_threads, &tid);
		return;
	}
	if (bpf_core_field_exists(task->__state))
		state = BPF_CORE_READ(task, __state);
	old = bpf_map_lookup_elem(&sched_threads, &tid);
	s.woken = old ? old->woken : 0; /* it may be woken before it has quite left */
	s.waker = old ? old->waker : 0;
	s.start_time = BPF_CORE_READ(task, start_time);
	s.since = bpf_ktime_get_ns();
	s.blocked = !preempted && state;
	s.tgid = id >> 32;
	s.syscall = s.blocked ? blocking_call(state) : 0;
	bpf_map_update_elem(&sched_threads, &tid, &s, BPF_ANY);
}

static __always_inline void emit_sched(__u32 tid, __u16 what, __u64 from, __u64 to,
				       const struct sched_thread *s)
{
	struct vtbpf_rec_event *r;

	if (to <= from)
		return;
	r = EMIT_RESERVE(struct vtbpf_rec_event, VTBPF_REC_EVENT, tid);
	if (!r) {
		__sync_fetch_and_add(&events_lost, 1);
		return;
	}
	__builtin_memset((char *)r + sizeof(r->rec), 0, sizeof(*r) - sizeof(r->rec));
	r->start = from;
	r->dur = to - from;
	r->what = what;
	r->value[2] = s->tgid;
	if (what == VTBPF_EVENT_BLOCKED) {
		r->value[0] = s->syscall;
		r->value[1] = s->waker;
	}
	bpf_ringbuf_submit(r, wakeup_flags());
}

/* `task` gets a CPU. */
static __always_inline void sched_gets(struct task_struct *task)
{
	__u32 tid = task_tid(task);
	__u64 start_time, now, woken;
	struct sched_thread *s, fresh = {};

	if (!is_sched_target(task_tgid(task)))
		return;
	start_time = BPF_CORE_READ(task, start_time);
	s = bpf_map_lookup_elem(&sched_threads, &tid);
	if (!s || (s->start_time && s->start_time != start_time)) {
		fresh.start_time = start_time; /* from now on it is known not to sleep */
		bpf_map_update_elem(&sched_threads, &tid, &fresh, BPF_ANY);
		return;
	}
	now = bpf_ktime_get_ns();
	if (s->since && !is_ignored_thread(tid, start_time)) {
		/* Woken while it was leaving its CPU: it was not blocked at all. */
		woken = s->woken && s->woken < s->since ? s->since : s->woken;
		if (!woken)
			woken = now;
		if (s->blocked)
			emit_sched(tid, VTBPF_EVENT_BLOCKED, s->since, woken, s);
		emit_sched(tid, VTBPF_EVENT_RUNNABLE, s->blocked ? woken : s->since, now, s);
	}
	s->since = s->woken = s->waker = 0;
}

/* `task` is about to be woken, here. */
static __always_inline void sched_wakes(struct task_struct *task)
{
	__u32 tid = task_tid(task), waker;
	struct sched_thread *s;

	if (!is_sched_target(task_tgid(task)))
		return;
	s = bpf_map_lookup_elem(&sched_threads, &tid);
	if (!s)
		return;
	s->woken = bpf_ktime_get_ns();
	waker = in_interrupt() ? 0 : (__u32)current_ids();
	s->waker = waker == NOBODY ? 0 : waker;
}

#endif
