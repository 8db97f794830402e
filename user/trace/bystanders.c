// SPDX-License-Identifier: GPL-2.0-only
#include "bystanders.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../discover/proc_maps.h"

struct wanted {
	uint64_t inode;
	const char *name;
};

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The device is not compared: /proc/PID/maps and stat() do not agree on it on overlayfs and btrfs. */
static int is_wanted(const struct proc_map *map, void *arg)
{
	const struct wanted *w = arg;

	return map->exec && map->inode == w->inode && !strcmp(name_of(map->path), w->name);
}

static bool runs(const char *proc, pid_t pid, struct wanted *w)
{
	char path[4096];
	FILE *maps;
	int found;

	snprintf(path, sizeof(path), "%s/%d/maps", proc, pid);
	maps = fopen(path, "re");
	if (!maps)
		return false;
	found = proc_maps__each(maps, is_wanted, w);
	fclose(maps);
	return found;
}

size_t bystanders__count(const char *proc, uint64_t inode, const char *path,
			 bystanders_known_fn known, const void *ctx)
{
	struct wanted w = { .inode = inode, .name = name_of(path) };
	DIR *dir = opendir(proc);
	struct dirent *d;
	size_t n = 0;
	pid_t pid;

	while (dir && (d = readdir(dir))) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		pid = atoi(d->d_name);
		if (!known(ctx, pid) && runs(proc, pid, &w))
			n++;
	}
	if (dir)
		closedir(dir);
	return n;
}
