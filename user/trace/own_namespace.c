// SPDX-License-Identifier: GPL-2.0-only
#include "own_namespace.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* PROC_PID_INIT_INO in include/linux/proc_ns.h, since Linux 3.8 */
#define INITIAL_INODE 0xEFFFFFFCu

uint32_t own_namespace__inode(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) || (uint32_t)st.st_ino == INITIAL_INODE)
		return 0;
	return (uint32_t)st.st_ino;
}

bool own_namespace__has_proc(void)
{
	char pid[16] = "";

	/* it names the reader as /proc counts; who is not in its namespace has no such name */
	return readlink("/proc/self", pid, sizeof(pid) - 1) > 0 && atoi(pid) == getpid();
}
