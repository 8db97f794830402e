// SPDX-License-Identifier: GPL-2.0-only
#include "function_filter.h"

#include <fnmatch.h>
#include <limits.h>
#include <linux/types.h>
#include <stdio.h>
#include <string.h>

#include "../bpf/vtbpf.h"

/* ---- names ------------------------------------------------------------------------------ */

/* "file:name" without a copy of either: the glob is tried on the name alone, then on both. */
bool function_filter__fits(const struct str_list *globs, const char *name, const char *file)
{
	char both[PATH_MAX + 1024];
	size_t i;

	snprintf(both, sizeof(both), "%s:%s", file, name);
	for (i = 0; i < globs->n; i++) {
		if (!fnmatch(globs->items[i], name, 0) || !fnmatch(globs->items[i], both, 0))
			return true;
	}
	return false;
}

/* ---- files ------------------------------------------------------------------------------ */

/* Takes "." and ".." and empty parts out of an absolute path, by its text alone: links of the target
 * are not followed. A '/' at the end stays: it tells a directory from a prefix. */
static void normalise(const char *path, char *out, size_t size)
{
	size_t n = 0, end = strlen(path);
	bool directory = end && path[end - 1] == '/';

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && !memcmp(path, "..", 2)) {
			while (n && out[--n] != '/')
				;
		} else if (len && !(len == 1 && *path == '.') && n + len + 2 <= size) {
			out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len;
		path += *path == '/';
	}
	if (!n || (directory && n + 1 < size))
		out[n++] = '/';
	out[n] = '\0';
}

static void make_absolute(const char *path, const char *cwd, char *out, size_t size)
{
	char joined[2 * PATH_MAX];

	if (*path == '/' || !cwd)
		snprintf(joined, sizeof(joined), "%s", path);
	else
		snprintf(joined, sizeof(joined), "%s/%s", cwd, path);
	if (*joined == '/')
		normalise(joined, out, size);
	else
		snprintf(out, size, "%s", path);
}

static bool matches_path(const char *pattern, const char *file)
{
	if (strpbrk(pattern, "*?["))
		return !fnmatch(pattern, file, 0);
	return !strncmp(file, pattern, strlen(pattern));
}

/* VizTracer's meaning: the file name begins with what was given, or with its absolute form. */
static bool matches_file(const struct str_list *patterns, const char *file, const char *cwd)
{
	char pattern[2 * PATH_MAX], path[2 * PATH_MAX];
	size_t i;

	make_absolute(file, cwd, path, sizeof(path));
	for (i = 0; i < patterns->n; i++) {
		make_absolute(patterns->items[i], cwd, pattern, sizeof(pattern));
		if (matches_path(patterns->items[i], file) || matches_path(pattern, path))
			return true;
	}
	return false;
}

/* Names that are no files ("<string>", "<frozen importlib._bootstrap>") have no directory. */
static bool keeps_file(const struct function_filter *f, const char *file)
{
	const char *cwd = *file == '<' ? NULL : f->cwd;

	if (!*file) /* a C function */
		return true;
	if (f->include_files.n && !matches_file(&f->include_files, file, cwd))
		return false;
	return !f->exclude_files.n || !matches_file(&f->exclude_files, file, cwd);
}

/* ---- all -------------------------------------------------------------------------------- */

bool function_filter__is_set(const struct function_filter *f)
{
	return f->ignore.n || f->only.n || f->c_calls.n || f->include_files.n || f->exclude_files.n;
}

bool function_filter__cuts(const struct function_filter *f)
{
	return f->ignore.n || (f->cut && (f->include_files.n || f->exclude_files.n));
}

uint8_t function_filter__verdict(const struct function_filter *f, const char *name,
				 const char *file)
{
	uint8_t verdict = 0;

	if (f->ignore.n && function_filter__fits(&f->ignore, name, file))
		return VTBPF_HIDE_CALL | VTBPF_HIDE_BELOW;
	if (!*file && f->c_calls.n && !function_filter__fits(&f->c_calls, name, file))
		verdict |= VTBPF_HIDE_CALL;
	if (!keeps_file(f, file))
		verdict |= VTBPF_HIDE_CALL | (f->cut ? VTBPF_HIDE_BELOW : 0);
	if (f->only.n && !function_filter__fits(&f->only, name, file))
		verdict |= VTBPF_HIDE_CALL;
	return verdict;
}
