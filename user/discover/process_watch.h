/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds processes by their command line or cgroup, those that are there and those that come: /proc is
 * read again and again. A process that is new is looked at in each scan for some seconds, as programs
 * change what they are by execve() and what they call themselves; later now and then.
 */
#ifndef VTBPF_PROCESS_WATCH_H
#define VTBPF_PROCESS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../str_list.h"

/* A process fits when one of them does. Strings and arrays must outlive the watch. */
struct process_rules {
	/* Globs on the whole command line, its arguments joined by blanks; * matches / too. */
	const struct str_list *command_lines;
	/* Paths as /proc/PID/cgroup shows them, or below /sys/fs/cgroup; what lies beneath fits. */
	const struct str_list *cgroups;
};

/* A process that fits. true: no more is to be said of it; false: it is to be named again, after a
 * while that grows up to ten seconds. */
typedef bool (*process_found_fn)(void *ctx, pid_t pid);

struct process_watch;

/* `proc` is "/proc", or a copy of one for a test. NULL when out of memory. */
struct process_watch *process_watch__new(const char *proc, const struct process_rules *rules);
void process_watch__free(struct process_watch *w);

/* Looks once. now: CLOCK_MONOTONIC, ns. 0 or a negative errno. */
int process_watch__scan(struct process_watch *w, uint64_t now, process_found_fn fn, void *ctx);

/* The process is to be named again when it fits, though it was before: it became another program. */
void process_watch__again(struct process_watch *w, pid_t pid);

#endif
