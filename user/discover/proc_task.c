// SPDX-License-Identifier: GPL-2.0-only
#include "proc_task.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../array.h"

int proc_task__parse_stat(const char *text, struct proc_task *t)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	uint64_t user, system;
	size_t n;

	/* the name stands in parentheses and may hold some itself */
	if (!open || !close || close < open)
		return -EINVAL;
	if (sscanf(close + 1,
		   " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &t->state, &user, &system, &t->start) != 4)
		return -EINVAL;
	n = close - open - 1;
	if (n > sizeof(t->comm) - 1)
		n = sizeof(t->comm) - 1;
	memcpy(t->comm, open + 1, n);
	t->comm[n] = '\0';
	t->ticks = user + system;
	return 0;
}

int proc_task__parse_futex(const char *text, uint64_t *addr)
{
	uint64_t first;
	long number;

	if (!strncmp(text, "running", strlen("running")))
		return -EAGAIN;
	/* a signal that is not handled turns the call into one that goes on, with the arguments
	 * where they were */
	if (sscanf(text, "%ld %" SCNx64, &number, &first) != 2 ||
	    (number != SYS_futex && number != SYS_restart_syscall))
		return -ENOENT;
	*addr = first;
	return 0;
}

/* Reads a small file of the task whole. 0 or a negative errno. */
static int read_file(pid_t pid, pid_t tid, const char *name, char text[1024])
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, (int)tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = read(fd, text, 1023);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	text[n] = '\0';
	return 0;
}

int proc_task__read(pid_t pid, pid_t tid, struct proc_task *t)
{
	char text[1024];
	int err = read_file(pid, tid, "stat", text);

	return err ? err : proc_task__parse_stat(text, t);
}

int proc_task__futex(pid_t pid, pid_t tid, uint64_t *addr)
{
	char text[1024];

	return read_file(pid, tid, "syscall", text) ? -ENOENT : proc_task__parse_futex(text, addr);
}

int proc_task__parse_syscall(const char *text, struct proc_syscall *call)
{
	if (!strncmp(text, "running", strlen("running")))
		return -EAGAIN;
	return sscanf(text, "%ld %" SCNx64 " %" SCNx64, &call->number, &call->args[0],
		      &call->args[1]) == 3 ?
		       0 :
		       -ENOENT;
}

int proc_task__syscall(pid_t pid, pid_t tid, struct proc_syscall *call)
{
	char text[1024];

	return read_file(pid, tid, "syscall", text) ? -ENOENT :
						      proc_task__parse_syscall(text, call);
}

uint64_t proc_task__on_cpu(pid_t pid, pid_t tid)
{
	char text[1024];

	return read_file(pid, tid, "schedstat", text) ? 0 : strtoull(text, NULL, 10);
}

uint64_t proc_task__runs(pid_t pid, pid_t tid)
{
	unsigned long long runs = 0;
	char text[1024];

	if (read_file(pid, tid, "schedstat", text) || sscanf(text, "%*u %*u %llu", &runs) != 1)
		return 0;
	return runs;
}

static int compare_tids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static int add_tid(pid_t **tids, size_t *n, pid_t tid)
{
	if (ARRAY_ONE_MORE(*tids, *n))
		return -ENOMEM;
	(*tids)[(*n)++] = tid;
	return 0;
}

int proc_task__list(pid_t pid, pid_t **tids, size_t *n)
{
	struct dirent *entry;
	char path[64];
	int err = 0;
	pid_t tid;
	DIR *dir;

	*tids = NULL;
	*n = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!err && (entry = readdir(dir))) {
		tid = atoi(entry->d_name);
		if (tid > 0)
			err = add_tid(tids, n, tid);
	}
	closedir(dir);
	if (!err && !*n)
		err = -ESRCH;
	if (err) {
		free(*tids);
		*tids = NULL;
		return err;
	}
	qsort(*tids, *n, sizeof(**tids), compare_tids);
	return 0;
}
