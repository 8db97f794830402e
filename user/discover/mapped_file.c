// SPDX-License-Identifier: GPL-2.0-only
#include "mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A device driver could think that opening means something. */
#define HOW (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* An overlay and btrfs show a device without a number of its own (major 0) to stat(2), and may show
 * another one in the mapping. */
static bool is_of(int fd, const struct proc_map *map)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_ino != map->inode)
		return false;
	return !major(st.st_dev) ||
	       (major(st.st_dev) == map->dev_major && minor(st.st_dev) == map->dev_minor);
}

static int open_if(int fd, const struct proc_map *map)
{
	if (fd < 0)
		return -EACCES;
	if (is_of(fd, map))
		return fd;
	close(fd);
	return -EACCES;
}

static int open_exe(pid_t pid, const struct proc_map *map)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return open_if(open(path, HOW), map);
}

static int open_named(int root_fd, const char *path, const struct proc_map *map)
{
	struct open_how how = {
		.flags = HOW,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	if (map->deleted || *path != '/')
		return -EACCES;
	return open_if((int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how)), map);
}

int mapped_file__open(pid_t pid, const struct proc_map *map, int root_fd, const char *path)
{
	char link[96];
	int fd, err;

	snprintf(link, sizeof(link), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid,
		 map->start, map->end);
	fd = open(link, HOW);
	if (fd >= 0)
		return fd;
	err = -errno;
	if (err != -EPERM && err != -EACCES)
		return err;
	fd = open_exe(pid, map);
	return fd >= 0 ? fd : open_named(root_fd, path, map);
}
