/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Threads that have no CPU (--wall): the frames of one are walked as it leaves the CPU, while its memory
 * is still the current one, and told of when it is back.
 *
 * A sleep is sampled as CPU time is, so that threads that hand the GIL to one another all the time do
 * not flood the ring: of each period of a thread's sleep one moment is picked at random, and a sleep is
 * told of when it covers such moments, as so many periods.
 */
#ifndef VTBPF_SLEEP_BPF_H
#define VTBPF_SLEEP_BPF_H

/* ---- configuration ---------------------------------------------------------------------- */

const volatile bool have_task_regs;		   /* bpf_task_pt_regs() exists (Linux 5.15) */
const volatile __u8 syscall_waits[VTBPF_SYSCALLS]; /* enum vtbpf_syscall */

/* ---- what it waits for ------------------------------------------------------------------ */

#if defined(__TARGET_ARCH_x86)
#define REGS_SYSCALL(r) ((__s64)BPF_CORE_READ(r, orig_ax))
#define REGS_FIRST(r) BPF_CORE_READ(r, di)
#define REGS_SECOND(r) BPF_CORE_READ(r, si)
#elif defined(__TARGET_ARCH_arm64)
#define REGS_SYSCALL(r) ((__s64)BPF_CORE_READ(r, syscallno))
#define REGS_FIRST(r) BPF_CORE_READ(r, orig_x0)
#define REGS_SECOND(r) BPF_CORE_READ(r, user_regs.regs[1])
#endif

/* As the running thread entered the kernel. */
static __always_inline const struct pt_regs *entry_regs(void)
{
	return (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
}

#define INTERPRETERS_MOST 16 /* whose GILs are looked at, newest first */

static __always_inline bool is_of_gil(__u64 gil, __u64 futex)
{
	return gil && futex - gil - states.gil_wait < states.gil_wait_bytes;
}

static __always_inline bool is_gil_futex(const struct sampled_process *p, __u64 futex)
{
	__u64 interp;

	if (states.interp_gil == VTBPF_NO_FIELD)
		return is_of_gil(p->runtime + states.runtime_gil, futex);
	interp = word_at(p->runtime + states.runtime_interpreters);
	for (int i = 0; i < INTERPRETERS_MOST && interp; i++) {
		if (is_of_gil(word_at(interp + states.interp_gil), futex))
			return true;
		interp = word_at(interp + states.interp_next);
	}
	return false;
}

/* Of the running thread, which is about to leave its CPU of its own accord. */
static __always_inline __u32 wait_of(const struct sampled_process *p)
{
	const struct pt_regs *regs;
	__u64 number;
	__u8 what;

	if (!have_task_regs)
		return VTBPF_WAIT_OFF_CPU;
	regs = entry_regs();
	number = REGS_SYSCALL(regs); /* -1 where it is none: a page fault */
	if (number >= VTBPF_SYSCALLS)
		return VTBPF_WAIT_OFF_CPU;
	what = syscall_waits[number & (VTBPF_SYSCALLS - 1)];
	switch (what) {
	case VTBPF_SYSCALL_FUTEX:
		return is_gil_futex(p, REGS_FIRST(regs)) ? VTBPF_WAIT_GIL : VTBPF_WAIT_LOCK;
	case VTBPF_SYSCALL_SELECT: /* of nothing, with a timeout: time.sleep() up to 3.10 */
		return (__u32)REGS_FIRST(regs) ? VTBPF_WAIT_IO : VTBPF_WAIT_SLEEP;
	case VTBPF_SYSCALL_POLL:
		return (__u32)REGS_SECOND(regs) ? VTBPF_WAIT_IO : VTBPF_WAIT_SLEEP;
	}
	return what;
}

/* ---- how much of it is told ------------------------------------------------------------- */

static __always_inline __u64 moment_in_period(void)
{
	return bpf_get_prandom_u32() % sample_period_ns;
}

/* How many of the moments picked lie in the next `ns` of the thread's sleep. */
static __always_inline __u64 moments_in(struct sampled_thread *s, __u64 ns)
{
	__u64 at, periods, n = 1;

	if (!s->to_moment) {
		s->moment = moment_in_period();
		s->to_moment = s->moment + 1;
	}
	if (ns < s->to_moment) {
		s->to_moment -= ns;
		return 0;
	}
	at = s->moment + (ns - s->to_moment); /* from where the period began */
	periods = at / sample_period_ns;
	at %= sample_period_ns;
	s->moment = moment_in_period();
	if (periods)
		n = periods;
	if (periods && s->moment > at) {
		s->to_moment = s->moment - at;
		return n;
	}
	if (periods) { /* the last one's lies in it, too */
		n++;
		s->moment = moment_in_period();
	}
	s->to_moment = sample_period_ns - at + s->moment;
	return n;
}

static __always_inline int emit_sleep(__u32 tid, const struct sampled_thread *s, __u64 now, __u64 n)
{
	struct vtbpf_rec_sleep *r = EMIT_RESERVE(struct vtbpf_rec_sleep, VTBPF_REC_SLEEP, tid);

	if (!r)
		return -1;
	r->from = now - n * sample_period_ns;
	r->to = now;
	r->stack = s->sleep_stack;
	r->wait = s->wait;
	bpf_ringbuf_submit(r, wakeup_flags());
	return 0;
}

static __always_inline void tell_sleep(__u32 tid, struct sampled_thread *s, __u64 now, __u64 n)
{
	__u64 *counter = &sample_totals.taken;

	if (s->sleep_stack == STACK_UNREADABLE)
		counter = &sample_totals.unreadable;
	else if (s->sleep_stack == STACK_IGNORED)
		counter = &sample_totals.ignored;
	else if (s->sleep_stack == STACK_LOST || emit_lost_samples(s, tid) ||
		 emit_sleep(tid, s, now, n))
		counter = NULL;
	if (counter)
		count_samples(counter, n);
	else
		note_lost_samples(s, now, n);
}

/* ---- the scheduler ---------------------------------------------------------------------- */

#define PF_EXITING 0x4 /* include/linux/sched.h */

/* The running thread leaves its CPU. */
static __always_inline void sleep_begins(bool preempted)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 id = current_ids();
	__u32 tgid = id >> 32;
	struct sampled_process *p = bpf_map_lookup_elem(&sample_processes, &tgid);
	struct sampled_thread *s;
	struct thread_state *t;

	if (!p || BPF_CORE_READ(task, flags) & PF_EXITING)
		return;
	t = sampled_state(id, tgid);
	s = t ? sampled_thread_of(id, t->start_time) : 0;
	if (!s)
		return;
	if (bpf_core_field_exists(task->__state) && !BPF_CORE_READ(task, __state))
		preempted = true;
	s->wait = preempted ? VTBPF_WAIT_OFF_CPU : wait_of(p);
	s->sleep_stack = t->verdict == VERDICT_IGNORE ? STACK_IGNORED : running_stack(t, s);
	s->asleep_since = bpf_ktime_get_ns();
}

/* `task` gets a CPU. Its memory is not yet the current one. */
static __always_inline void sleep_ends(struct task_struct *task)
{
	__u32 tgid = task_tgid(task), tid = task_tid(task);
	__u64 start_time, since, now, n;
	struct sampled_thread *s;

	if (!bpf_map_lookup_elem(&sample_processes, &tgid))
		return;
	start_time = BPF_CORE_READ(task, start_time);
	s = bpf_map_lookup_elem(&sample_threads, &tid);
	if (s && !s->start_time) /* user space does not know when the thread started */
		s->start_time = start_time;
	/* Where there is none, this says that the thread has not slept all the time. */
	s = sampled_thread_of(tid, start_time);
	if (!s || !s->asleep_since)
		return;
	now = bpf_ktime_get_ns();
	since = s->asleep_since;
	s->asleep_since = 0;
	n = now > since ? moments_in(s, now - since) : 0;
	if (n)
		tell_sleep(tid, s, now, n);
}

#endif
