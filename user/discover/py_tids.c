// SPDX-License-Identifier: GPL-2.0-only
#include "py_tids.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../array.h"
#include "py_threads.h"

struct tid_pair {
	pid_t inner, outer;
};

/* First and last number of the rest of an NSpid or Pid line. */
static bool first_and_last(const char *line, pid_t *first, pid_t *last)
{
	bool any = false;
	char *end;
	long n;

	for (;; line = end) {
		n = strtol(line, &end, 10);
		if (end == line)
			return any;
		if (!any)
			*first = n;
		*last = n;
		any = true;
	}
}

int py_tids__read_ns(const char *path, pid_t *outer, pid_t *inner)
{
	pid_t first = 0, last = 0;
	bool found = false;
	char line[256];
	FILE *f = fopen(path, "re");

	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	while (fgets(line, sizeof(line), f)) {
		/* kernels without pid namespaces have the Pid line only, and it comes first */
		if (!strncmp(line, "Pid:", 4))
			found = first_and_last(line + 4, &first, &last);
		if (!strncmp(line, "NSpid:", 6)) {
			found = first_and_last(line + 6, &first, &last);
			break;
		}
	}
	fclose(f);
	if (!found)
		return -EINVAL;
	if (outer)
		*outer = first;
	if (inner)
		*inner = last;
	return 0;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct tid_pair *x = a, *y = b;

	return (x->inner > y->inner) - (x->inner < y->inner);
}

static int add_pair(struct tid_pair **pairs, size_t *n, const struct tid_pair *pair)
{
	if (ARRAY_ONE_MORE(*pairs, *n))
		return -ENOMEM;
	(*pairs)[(*n)++] = *pair;
	return 0;
}

/* All threads of process pid, sorted by what they call themselves. */
static int list_tasks(pid_t pid, struct tid_pair **pairs, size_t *n)
{
	struct tid_pair pair;
	struct dirent *entry;
	char path[320];
	int err = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!err && (entry = readdir(dir))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, entry->d_name);
		if (py_tids__read_ns(path, &pair.outer, &pair.inner) == 0)
			err = add_pair(pairs, n, &pair);
	}
	closedir(dir);
	if (*n)
		qsort(*pairs, *n, sizeof(**pairs), compare_pairs);
	return err;
}

bool py_tids__has(pid_t pid, pid_t inner)
{
	struct tid_pair *pairs = NULL, key = { .inner = inner };
	bool has = false;
	size_t n = 0;

	if (list_tasks(pid, &pairs, &n) == 0 && n)
		has = bsearch(&key, pairs, n, sizeof(*pairs), compare_pairs);
	free(pairs);
	return has;
}

int py_threads__map_tids(struct py_threads *t, pid_t host_pid)
{
	struct tid_pair *pairs = NULL, key = { 0 }, *found;
	pid_t outer, inner;
	char path[64];
	size_t n = 0, i;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/status", host_pid);
	err = py_tids__read_ns(path, &outer, &inner);
	/* namespaces may nest with equal numbers; then mapping a tid to itself does no harm */
	if (err || outer == inner)
		return err;
	err = list_tasks(host_pid, &pairs, &n);
	for (i = 0; !err && i < t->n; i++) {
		key.inner = t->threads[i].tid;
		found = n ? bsearch(&key, pairs, n, sizeof(*pairs), compare_pairs) : NULL;
		t->threads[i].tid = found ? found->outer : 0;
	}
	free(pairs);
	return err;
}
