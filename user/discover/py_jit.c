// SPDX-License-Identifier: GPL-2.0-only
#include "py_jit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../urgent.h"

#define FIRST_MINOR 13
#define MAX_ENVIRON (1 << 20)

bool py_jit__wanted(const char *environ, size_t len)
{
	static const char name[] = "PYTHON_JIT=";
	const size_t name_len = sizeof(name) - 1;

	for (size_t at = 0; at < len;) {
		size_t n = strnlen(environ + at, len - at);

		if (n > name_len && !memcmp(environ + at, name, name_len))
			return n != name_len + 1 || environ[at + name_len] != '0';
		at += n + 1;
	}
	return false;
}

bool py_jit__active(const struct probe_plan *plan, pid_t pid)
{
	char path[64], *text;
	size_t have = 0;
	bool wanted;
	ssize_t n;
	int fd;

	if ((plan->version >> 16 & 0xff) < FIRST_MINOR)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	text = fd < 0 ? NULL : malloc(MAX_ENVIRON);
	urgent__begin();
	while (text && have < MAX_ENVIRON && (n = read(fd, text + have, MAX_ENVIRON - have)) > 0)
		have += n;
	urgent__end();
	if (fd >= 0)
		close(fd);
	wanted = text && py_jit__wanted(text, have);
	free(text);
	return wanted;
}
