/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel types that vtbpf's BPF programs use, and no others. Kept by hand: a full dump is 2.8
 * MB and hides what the programs depend on. Fields are found by CO-RE at load time, so only names
 * and types matter here, not offsets. scripts/gen-vmlinux.sh compares this file with the running
 * kernel's BTF.
 */
#ifndef VTBPF_VMLINUX_H
#define VTBPF_VMLINUX_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

typedef __u8 u8;
typedef __s8 s8;
typedef __u16 u16;
typedef __s16 s16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;

typedef _Bool bool;
enum { false = 0, true = 1 };

/* From the kernel's user API (include/uapi/linux/bpf.h). */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_QUEUE = 22,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };

enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0, BPF_RB_RING_SIZE = 1 };

#if defined(__TARGET_ARCH_x86)
#include "x86_64.h"
#elif defined(__TARGET_ARCH_arm64)
#include "arm64.h"
#else
#error "vtbpf: this architecture has no register layout in vmlinux/"
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct thread_struct {
	unsigned long fsbase;
};
#else
struct thread_struct {
	struct {
		unsigned long tp_value;
	} uw;
};
#endif

struct rq;

struct cfs_rq {
	struct rq *rq; /* with CONFIG_FAIR_GROUP_SCHED, as the next one's */
};

struct sched_entity {
	u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live; /* threads that have not ended */
};

struct sched_info {
	long long unsigned int run_delay;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1]; /* one for each level; since Linux 6.5 declared without a length */
};

struct task_struct {
	int pid;
	int tgid;
	unsigned int flags;
	unsigned int __state; /* since Linux 5.14 */
	u64 start_time;
	u64 start_boottime;
	struct sched_entity se;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct sched_info sched_info; /* with CONFIG_SCHED_INFO */
	struct signal_struct *signal;
	struct thread_struct thread;
};

typedef struct {
	long counter; /* in a structure or two of its own */
} local64_t;

struct perf_event {
	local64_t count;
	struct perf_event *parent;
};

struct bpf_perf_event_data_kern {
	struct perf_event *event;
};

#pragma clang attribute pop

#endif /* VTBPF_VMLINUX_H */
