// SPDX-License-Identifier: GPL-2.0-only
#include "stamped_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

const char *stamped_path__extension(const char *path)
{
	static const char *const twofold[] = { ".json.gz", ".speedscope.json", ".pb.gz" };
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');
	size_t len = strlen(base);

	for (size_t i = 0; i < sizeof(twofold) / sizeof(twofold[0]); i++) {
		size_t n = strlen(twofold[i]);

		if (len > n && !strcmp(base + len - n, twofold[i]))
			return base + len - n;
	}
	return dot && dot != base ? dot : base + len;
}

char *stamped_path__new(const char *output, const char *dir, unsigned int *count)
{
	const char *ext = stamped_path__extension(output);
	char stamp[32], *path = NULL;
	time_t now = time(NULL);
	struct stat st;
	struct tm tm;

	if (*output == '/')
		dir = NULL;
	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	do {
		free(path);
		if (asprintf(&path, "%s%s%.*s-%s-%u%s", dir ? dir : "", dir ? "/" : "",
			     (int)(ext - output), output, stamp, ++*count, ext) < 0)
			path = NULL;
	} while (path && !lstat(path, &st));
	return path;
}
