/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Processes that descend from a target, where they are followed. */
#ifndef VTBPF_PROCESS_BPF_H
#define VTBPF_PROCESS_BPF_H

/* The child has its parent's breakpoints from its first instruction on. It is a target before it runs,
 * so none of its calls are missed. */
static __always_inline void process_fork(struct task_struct *parent, struct task_struct *child)
{
	__u32 ppid = task_tgid(parent), pid = task_tgid(child);
	struct target_process p = { .since = bpf_ktime_get_ns() };
	struct vtbpf_rec_fork *r;
	__u8 flags = 0;

	if (pid == ppid || !bpf_map_lookup_elem(&targets, &ppid))
		return;
	if (!follows_another && bpf_map_update_elem(&targets, &pid, &p, BPF_ANY))
		flags = VTBPF_F_NOT_FOLLOWED;
	r = EMIT_RESERVE(struct vtbpf_rec_fork, VTBPF_REC_FORK, pid);
	if (!r)
		return;
	r->rec.flags = flags;
	r->ts = p.since;
	r->ppid = ppid;
	r->_pad = 0;
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
}

/* Its code objects lie where others did in the program before: what is known is compared anew. */
static __always_inline void process_exec(__u32 tgid)
{
	struct target_process p = { .since = bpf_ktime_get_ns() };

	if (!follows_another)
		bpf_map_update_elem(&targets, &tgid, &p, BPF_EXIST);
	__sync_fetch_and_add(&code_epoch, 1);
	__sync_fetch_and_add(&code_generation, 1);
}

/* A thread ends: the last one of its process? (do_exit() in kernel/exit.c has counted it off.) */
static __always_inline void process_end(__u32 tgid)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct target_process *p = bpf_map_lookup_elem(&targets, &tgid);
	struct vtbpf_rec_process_exit *r;

	if (!p || BPF_CORE_READ(task, signal, live.counter))
		return;
	p->ended = 1;
	r = EMIT_RESERVE(struct vtbpf_rec_process_exit, VTBPF_REC_PROCESS_EXIT, tgid);
	if (!r)
		return;
	r->ts = bpf_ktime_get_ns();
	r->seen = p->seen;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
}

#endif
