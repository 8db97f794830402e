/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Pids and tids as vtbpf's own pid namespace counts, which is what /proc shows it and what user space
 * writes into maps. The kernel's helper counts as the initial one does: in a container those are other
 * numbers.
 */
#ifndef VTBPF_IDS_BPF_H
#define VTBPF_IDS_BPF_H

const volatile __u32 own_namespace; /* inode number of its file in /proc/PID/ns; 0: the initial one */

#define NOBODY \
	0xffffffffu /* who is not to be seen from there; no task has this id, and no empty place */
#define NAMESPACES_DEEP 32 /* MAX_PID_NS_LEVEL in include/linux/pid_namespace.h */

__u32 own_level; /* how deep it is; 0: not known so far */
__u64 own_namespace_at;

static __always_inline void read_level(struct pid *pid, __u32 level, struct upid *id)
{
	bpf_probe_read_kernel(id, sizeof(*id),
			      (char *)pid + bpf_core_field_offset(pid->numbers) +
				      level * sizeof(*id));
}

/* By a task that is in it, sooner or later the target. */
static __noinline void find_own_level(struct pid *pid, __u32 deepest)
{
	struct upid id = {};

	for (__u32 level = 1; level < NAMESPACES_DEEP && level <= deepest; level++) {
		read_level(pid, level, &id);
		if (!id.ns || BPF_CORE_READ(id.ns, ns.inum) != own_namespace)
			continue;
		own_namespace_at = (__u64)id.ns;
		own_level = level;
		return;
	}
}

static __noinline __u32 own_id(struct pid *pid)
{
	struct upid id = {};
	__u32 deepest;

	if (!pid)
		return NOBODY;
	deepest = BPF_CORE_READ(pid, level);
	if (!own_level)
		find_own_level(pid, deepest);
	if (!own_level || own_level > deepest)
		return NOBODY;
	read_level(pid, own_level, &id);
	return (__u64)id.ns == own_namespace_at ? id.nr : NOBODY;
}

static __always_inline __u32 task_tid(struct task_struct *task)
{
	return own_namespace ? own_id(BPF_CORE_READ(task, thread_pid)) : BPF_CORE_READ(task, pid);
}

static __always_inline __u32 task_tgid(struct task_struct *task)
{
	return own_namespace ? own_id(BPF_CORE_READ(task, group_leader, thread_pid)) :
			       BPF_CORE_READ(task, tgid);
}

/* Of the running thread: its process's in the upper half, its own in the lower. */
static __always_inline __u64 current_ids(void)
{
	struct task_struct *task;

	if (!own_namespace)
		return bpf_get_current_pid_tgid();
	task = (void *)bpf_get_current_task();
	return (__u64)task_tgid(task) << 32 | task_tid(task);
}

/* In a container it is the wrong number. */
#pragma GCC poison bpf_get_current_pid_tgid

#endif
