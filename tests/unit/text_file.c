// SPDX-License-Identifier: GPL-2.0-only
#include "text_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *text_file__read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, 1 << 20);

	assert_true(fd >= 0);
	assert_true(read(fd, text, (1 << 20) - 1) > 0);
	close(fd);
	return text;
}

size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

void text_file__expect(const char *path, const char *what, size_t n)
{
	char *text = text_file__read(path);

	if (occurrences(text, what) != n)
		fail_msg("not %zu times \"%s\" in: %s", n, what, text);
	free(text);
}
