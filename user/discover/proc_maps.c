// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proc_maps.h"

#define DELETED " (deleted)"

/* fs/proc/task_mmu.c escapes newlines, and only these, as octal (seq_path(m, path, "\n")). */
static size_t unescape(char *s, size_t len)
{
	size_t from = 0, to = 0;

	while (from < len) {
		if (len - from >= 4 && memcmp(s + from, "\\012", 4) == 0) {
			s[to++] = '\n';
			from += 4;
		} else {
			s[to++] = s[from++];
		}
	}
	s[to] = '\0';
	return to;
}

static void take_path(const char *text, struct proc_map *map)
{
	const size_t mark = strlen(DELETED);
	size_t len = strcspn(text, "\n");

	if (len >= sizeof(map->path))
		len = sizeof(map->path) - 1;
	memcpy(map->path, text, len);
	len = unescape(map->path, len);
	if (len > mark && strcmp(map->path + len - mark, DELETED) == 0) {
		map->deleted = true;
		map->path[len - mark] = '\0';
	}
}

bool proc_maps__parse(const char *line, struct proc_map *map)
{
	char perms[5] = "";
	int end = 0;

	map->deleted = false;
	map->path[0] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 "%n", &map->start,
		   &map->end, perms, &map->offset, &map->dev_major, &map->dev_minor, &map->inode,
		   &end) != 7 ||
	    strlen(perms) != 4 || map->start >= map->end)
		return false;
	map->exec = perms[2] == 'x';
	line += end;
	take_path(line + strspn(line, " "), map);
	return true;
}

int proc_maps__each(FILE *in, int (*fn)(const struct proc_map *map, void *arg), void *arg)
{
	struct proc_map *map = malloc(sizeof(*map));
	char *line = NULL;
	size_t room = 0;
	int err = map ? 0 : -1;

	while (!err && getline(&line, &room, in) > 0) {
		if (proc_maps__parse(line, map))
			err = fn(map, arg);
	}
	free(line);
	free(map);
	return err;
}
