// SPDX-License-Identifier: GPL-2.0-only
/* Any text as what /proc says of a process: maps, stat, syscall, environment, status. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/discover/proc_maps.h"
#include "../../user/discover/proc_task.h"
#include "../../user/discover/py_jit.h"
#include "../../user/discover/py_tids.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check_map(const struct proc_map *map, void *arg)
{
	(void)arg;
	if (strnlen(map->path, sizeof(map->path)) == sizeof(map->path))
		abort();
	return 0;
}

static void read_maps(const uint8_t *data, size_t size)
{
	FILE *in = size ? fmemopen((void *)data, size, "r") : NULL;

	if (!in)
		return;
	proc_maps__each(in, check_map, NULL);
	fclose(in);
}

static void read_status(const uint8_t *data, size_t size)
{
	int fd = memfd_create("status", MFD_CLOEXEC);
	pid_t outer, inner;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data, size) == (ssize_t)size)
		py_tids__read_ns(path, &outer, &inner);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct proc_syscall call;
	struct proc_task task;
	uint64_t addr;

	memcpy(text, data, size);
	text[size] = '\0';
	read_maps(data, size);
	read_status(data, size);
	if (!proc_task__parse_stat(text, &task) &&
	    strnlen(task.comm, sizeof(task.comm)) == sizeof(task.comm))
		abort();
	proc_task__parse_futex(text, &addr);
	proc_task__parse_syscall(text, &call);
	py_jit__wanted(text, size);
	free(text);
	return 0;
}
