// SPDX-License-Identifier: GPL-2.0-only
#include "rotation.h"

#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "array.h"
#include "log.h"
#include "stamped_path.h"

#define MARK "user.vtbpf.rotation"
#define D "[0-9]"
#define STAMP "-" D D D D D D D D "-" D D D D D D "-" D "*"

static int remember(struct rotation *r, const char *path)
{
	if (ARRAY_ONE_MORE(r->paths, r->n))
		return -ENOMEM;
	r->paths[r->n] = strdup(path);
	return r->paths[r->n++] ? 0 : -ENOMEM;
}

/* ---- files of earlier runs -------------------------------------------------------------- */

/* What stands in a pattern for itself. */
static char *escape(const char *text, size_t len)
{
	char *out = malloc(2 * len + 1), *p = out;

	for (size_t i = 0; out && i < len; i++) {
		if (strchr("*?[]\\", text[i]))
			*p++ = '\\';
		*p++ = text[i];
	}
	if (out)
		*p = '\0';
	return out;
}

static char *pattern_of(const char *output)
{
	const char *ext = stamped_path__extension(output);
	char *stem = escape(output, (size_t)(ext - output)), *tail = escape(ext, strlen(ext));
	char *pattern = NULL;

	if (stem && tail && asprintf(&pattern, "%s" STAMP "%s", stem, tail) < 0)
		pattern = NULL;
	free(stem);
	free(tail);
	return pattern;
}

struct old_file {
	const char *path;
	struct timespec written;
};

static int by_time(const void *a, const void *b)
{
	const struct timespec *x = &((const struct old_file *)a)->written;
	const struct timespec *y = &((const struct old_file *)b)->written;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

static int adopt(struct rotation *r, const glob_t *found)
{
	struct old_file *files = calloc(found->gl_pathc + 1, sizeof(*files));
	size_t n = 0;
	struct stat st;
	int err = files ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < found->gl_pathc; i++) {
		const char *path = found->gl_pathv[i];

		if (lstat(path, &st) || !S_ISREG(st.st_mode) || lgetxattr(path, MARK, NULL, 0) < 0)
			continue;
		files[n++] = (struct old_file){ path, st.st_mtim };
	}
	if (!err)
		qsort(files, n, sizeof(*files), by_time);
	for (size_t i = 0; !err && i < n; i++)
		err = remember(r, files[i].path);
	free(files);
	return err;
}

int rotation__start(struct rotation *r, const char *output, size_t keep)
{
	char *pattern = pattern_of(output);
	glob_t found = {};
	int err = pattern ? 0 : -ENOMEM;

	memset(r, 0, sizeof(*r));
	r->output = output;
	r->keep = keep;
	if (!err && keep && !glob(pattern, GLOB_NOSORT, NULL, &found))
		err = adopt(r, &found);
	globfree(&found);
	free(pattern);
	return err;
}

void rotation__free(struct rotation *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->paths[i]);
	free(r->paths);
	memset(r, 0, sizeof(*r));
}

/* ---- files of this run ------------------------------------------------------------------ */

char *rotation__next_path(struct rotation *r)
{
	return stamped_path__new(r->output, NULL, &r->count);
}

void rotation__written(struct rotation *r, const char *path)
{
	if (lsetxattr(path, MARK, "1", 1, 0))
		log_debug("%s: has no mark: %s", path, strerror(errno));
	if (remember(r, path))
		return;
	while (r->keep && r->n > r->keep) {
		if (unlink(r->paths[0]) && errno != ENOENT)
			log_warn("%s: cannot be removed: %s", r->paths[0], strerror(errno));
		free(r->paths[0]);
		memmove(r->paths, r->paths + 1, --r->n * sizeof(*r->paths));
	}
}
