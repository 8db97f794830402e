// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as two Chrome traces that are combined: they become one or are refused, without harm. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/combine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int put(const uint8_t *data, size_t size, char *path, size_t room)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);

	snprintf(path, room, "/proc/self/fd/%d", fd);
	if (fd >= 0 && write(fd, data, size) != (ssize_t)size) {
		close(fd);
		return -1;
	}
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum combine_align how[] = { COMBINE_BY_HOST, COMBINE_BY_START,
						  COMBINE_BY_MARKER };
	const uint8_t *middle = size ? memchr(data, '\0', size) : NULL;
	size_t half = middle ? (size_t)(middle - data) : size;
	char first[32], second[32];
	const char *more[] = { second };
	struct combine_options o = {
		.convert = {
			.input = first,
			.more_inputs = more,
			.n_more_inputs = 1,
			.output = "/dev/null",
			.output_named = true,
			.filter.max_stack_depth = -1,
		},
	};
	struct convert_summary sum;
	int a = put(data, half, first, sizeof(first));
	/* without a NUL in it: twice the same, so that all ids collide */
	int b = middle ? put(middle + 1, size - half - 1, second, sizeof(second)) :
			 put(data, size, second, sizeof(second));

	for (size_t i = 0; a >= 0 && b >= 0 && i < sizeof(how) / sizeof(how[0]); i++) {
		o.align = how[i];
		o.convert.format = i ? "json" : "folded";
		combine__run(&o, &sum);
	}
	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
	return 0;
}
