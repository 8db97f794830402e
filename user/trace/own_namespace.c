// SPDX-License-Identifier: GPL-2.0-only
#include "own_namespace.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* PROC_PID_INIT_INO in include/linux/proc_ns.h, since Linux 3.8 */
#define INITIAL_INODE 0xEFFFFFFCu
/* PROC_TIME_INIT_INO there, since Linux 5.6 */
#define INITIAL_TIME_INODE 0xEFFFFFFAu

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

bool own_namespace__shifts_clock(void)
{
	long long seconds = 0, ns = 0;
	struct stat st;
	FILE *f;

	if (stat("/proc/self/ns/time", &st) || (uint32_t)st.st_ino == INITIAL_TIME_INODE)
		return false;
	/* its first line is that of the monotonic clock */
	f = fopen("/proc/self/timens_offsets", "re");
	if (!f)
		return false;
	if (fscanf(f, "%*s %lld %lld", &seconds, &ns) != 2)
		seconds = ns = 0;
	fclose(f);
	return seconds || ns;
}
