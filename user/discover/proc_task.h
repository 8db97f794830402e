/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel tells of a thread: /proc/PID/task/TID. */
#ifndef VTBPF_PROC_TASK_H
#define VTBPF_PROC_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_task {
	char comm[64];	/* any bytes but NUL */
	char state;	/* R, S, D, T, t, Z, ... as proc(5) has it */
	uint64_t ticks; /* CPU time, user and system, in clock ticks */
	uint64_t start; /* clock ticks since boot: tells a reused id apart */
};

/* The thread ids of process pid, ascending, for the caller to free. 0 or a negative errno (-ESRCH:
 * no such process). */
int proc_task__list(pid_t pid, pid_t **tids, size_t *n);

/* 0 or a negative errno (-ESRCH: no such thread). */
int proc_task__read(pid_t pid, pid_t tid, struct proc_task *t);

/* The address of the futex that the thread sleeps on: 0, or -ENOENT when it sleeps otherwise or may
 * not be looked at, -EAGAIN when it does not sleep (any more). */
int proc_task__futex(pid_t pid, pid_t tid, uint64_t *addr);

/* The system call that the thread sleeps in. */
struct proc_syscall {
	long number;
	uint64_t args[2]; /* the first ones */
};

/* 0, or -ENOENT when it sleeps otherwise or may not be looked at, -EAGAIN when it does not sleep. */
int proc_task__syscall(pid_t pid, pid_t tid, struct proc_syscall *call);

/* How long the thread has been on a CPU, in ns; 0 where the kernel does not count that. */
uint64_t proc_task__on_cpu(pid_t pid, pid_t tid);

/* How often it was given one (the third number of `schedstat`); 0 likewise. */
uint64_t proc_task__runs(pid_t pid, pid_t tid);

/* The same from the text of the files `stat` and `syscall`; -EINVAL when it is no `stat`. */
int proc_task__parse_stat(const char *text, struct proc_task *t);
int proc_task__parse_futex(const char *text, uint64_t *addr);
int proc_task__parse_syscall(const char *text, struct proc_syscall *call);

#endif
