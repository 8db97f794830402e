/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a process id to the mapped file that holds its interpreter.
 *
 * The file is opened through /proc/PID/map_files, so that the inode is the one that runs, whatever
 * the path names now, in whatever mount namespace.
 */
#ifndef VTBPF_TARGET_H
#define VTBPF_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct target {
	pid_t pid;
	pid_t ns_pid; /* in the innermost pid namespace (NSpid of /proc/PID/status) */
	uid_t uid;    /* filesystem ids of the process, used to open what it names */
	gid_t gid;
	uint64_t proc_start; /* clock ticks since boot, field 22 of /proc/PID/stat */
	int pidfd;	     /* -1 when the kernel has none */
	int root_fd;	     /* O_PATH on /proc/PID/root: works on after the process is gone */
	int interp_fd;	     /* the mapped file that holds the interpreter */
	uint64_t load_bias;  /* run-time address - file vaddr of that file */
	char interp[4096];   /* its path as the target sees it */
	char comm[64];
	char *cmdline; /* /proc/PID/cmdline, arguments separated by NUL */
	size_t cmdline_len;
	char *cwd; /* NULL when unreadable */
};

/*
 * Fills t for process pid. 0 or a negative errno with a sentence for the user in why: -ESRCH no
 * such process (a zombie counts as none), -EACCES may not look into it, -ENOENT nothing mapped
 * holds a CPython. A thread id that is not a process id is refused, and named with its process.
 */
int target__open(pid_t pid, struct target *t, char *why, size_t why_size);

/* Whether the process is gone, or a zombie. */
bool target__has_ended(const struct target *t);

/* Releases what t holds; t may be zeroed or half filled (fds that are -1 or 0 are not closed). */
void target__close(struct target *t);

#endif
