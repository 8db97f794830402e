/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Breakpoints in an interpreter that nobody holds any more.
 *
 * A tool that is killed while it closes its uprobes by a system call can leave them behind: Linux 6.18
 * says "uprobe: ... failed to unregister, leaking uprobe", and the process pays a trap for each hit for
 * ever. The kernel takes a breakpoint away when the last probe of its place goes, so a probe is set on
 * each and goes again. Where another tool has one, nothing changes.
 */
#ifndef VTBPF_LEFTOVERS_H
#define VTBPF_LEFTOVERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LEFTOVERS_MAX 1024

/* Offsets in the file fd at which process pid has breakpoints, and the file has none; at most max. 0
 * where that cannot be read, and of a process that a debugger holds: then they are the debugger's. */
size_t leftovers__find(pid_t pid, int fd, uint64_t *offsets, size_t max);

/* Clears those that nobody holds and says how many, if there are any. Takes some ms where there are
 * none, without a touch of the process. fd: the mapped file that holds its interpreter. */
void leftovers__clear(pid_t pid, int fd);

#endif
