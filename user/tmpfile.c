// SPDX-License-Identifier: GPL-2.0-only
#include "tmpfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Some file systems (overlays of old kernels, network ones) have no files without a name. */
static int make_named(const char *dir)
{
	char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/.vtbpf.XXXXXX", dir) < 0)
		return -ENOMEM;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	else
		unlink(path);
	free(path);
	return fd;
}

int tmpfile__open(const char *dir)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	if (!dir)
		dir = tmp && *tmp ? tmp : "/var/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? make_named(dir) : fd;
}
