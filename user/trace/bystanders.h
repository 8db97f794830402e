/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that run the target's interpreter and are not to be traced. Where children are followed the
 * probes are in all processes of that file, as the kernel has no set of processes to name, and each of
 * their calls pays for it: whoever asks for that is told.
 */
#ifndef VTBPF_BYSTANDERS_H
#define VTBPF_BYSTANDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef bool (*bystanders_known_fn)(const void *ctx, pid_t pid);

/* How many processes in `proc` ("/proc", or a copy of one for a test) have mapped executable the file of
 * that inode number and of that name (what follows the last slash of path). known tells those that do
 * not count. Those that cannot be read do not count. */
size_t bystanders__count(const char *proc, uint64_t inode, const char *path,
			 bystanders_known_fn known, const void *ctx);

#endif
