/* SPDX-License-Identifier: GPL-2.0-only */
/* Timers of the CPU time of a process's threads, each of which runs a BPF program when it fires. */
#ifndef VTBPF_SAMPLE_TIMERS_H
#define VTBPF_SAMPLE_TIMERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Gives each thread of process pid, and those that they start from now on, a timer that fires each
 * period_ns of their CPU time. The timers live as long as the calling process, which must not close
 * their descriptors. A thread that starts meanwhile may have two, its own and a copy of its parent's.
 * 0, or a negative errno with a sentence in why. */
int sample_timers__open(pid_t pid, int prog_fd, uint64_t period_ns, char *why, size_t why_size);

/* Thread tid, which has copies of its parent's timers, does not share them with others from now on. */
void sample_timers__separate(pid_t tid);

#endif
