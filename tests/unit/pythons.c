// SPDX-License-Identifier: GPL-2.0-only
#include "pythons.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where pyenv keeps its versions, or an empty string. */
static void pyenv_root(char *root, size_t size)
{
	const char *home = getenv("HOME"), *set = getenv("PYENV_ROOT");
	FILE *in = popen("pyenv root 2>/dev/null", "r");

	root[0] = '\0';
	if (in) {
		if (fgets(root, (int)size, in))
			root[strcspn(root, "\n")] = '\0';
		pclose(in);
	}
	if (!root[0] && set)
		snprintf(root, size, "%s", set);
	if (!root[0] && home)
		snprintf(root, size, "%s/.pyenv", home);
}

static void add(const char *pattern, glob_t *found)
{
	glob(pattern, found->gl_pathc ? GLOB_APPEND : 0, NULL, found);
}

static void add_below_pyenv(const char *pattern, glob_t *found)
{
	char root[PATH_MAX / 2], path[PATH_MAX];

	pyenv_root(root, sizeof(root));
	if (!root[0])
		return;
	snprintf(path, sizeof(path), "%s/versions/3.*/%s", root, pattern);
	add(path, found);
}

/* What scripts/fetch-pythons.sh made. */
static void add_below_cache(const char *pattern, glob_t *found)
{
	const char *cache = getenv("VTBPF_PYTHON_CACHE");
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", cache && *cache ? cache : "/var/cache/vtbpf-pythons",
		 pattern);
	add(path, found);
}

void pythons__libraries(glob_t *found)
{
	memset(found, 0, sizeof(*found));
	add("/usr/bin/python3.[0-9]", found);
	add("/usr/bin/python3.[0-9][0-9]", found);
	add("/usr/local/bin/python3.[0-9][0-9]", found);
	add("/usr/lib/*/libpython3.[0-9]*.so.1.0", found);
	add("/usr/lib64/libpython3.[0-9]*.so.1.0", found);
	add("/usr/local/lib/libpython3.[0-9]*.so.1.0", found);
	add_below_pyenv("lib/libpython3.[0-9]*.so.1.0", found);
	add_below_pyenv("bin/python3.[0-9]*[0-9]", found);
	add_below_cache("*/usr/bin/python3.[0-9]", found);
	add_below_cache("*/usr/bin/python3.[0-9][0-9]", found);
	add_below_cache("*/usr/lib/*/libpython3.[0-9]*.so.1.0", found);
	add_below_cache("*/bin/python3.[0-9]*[0-9]", found);
	add_below_cache("*/lib/libpython3.[0-9]*.so.1.0", found);
}

void pythons__arm64(glob_t *found)
{
	memset(found, 0, sizeof(*found));
	add_below_cache("arm64/*/usr/bin/python3.[0-9]*", found);
	add_below_cache("arm64/*/usr/lib/*/libpython3.[0-9]*.so.1.0", found);
}

void pythons__types(glob_t *found)
{
	memset(found, 0, sizeof(*found));
	add_below_cache("types/*/types.so", found);
}

void pythons__programs(glob_t *found)
{
	memset(found, 0, sizeof(*found));
	add("/usr/bin/python3.[0-9]", found);
	add("/usr/bin/python3.[0-9][0-9]", found);
	add("/usr/local/bin/python3.[0-9][0-9]", found);
	add_below_pyenv("bin/python3.[0-9]*[0-9]", found);
}
