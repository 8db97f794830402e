/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes as a capture: they are converted or refused, without harm. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/convert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = { "json",	"folded",  "speedscope",
					       "pprof", "pftrace", "html" };
	const char *ignored[] = { "mon*", "ident:0x7f00" };
	int fd = memfd_create("capture", MFD_CLOEXEC);
	struct convert_summary sum;
	char path[32];
	size_t i;
	struct convert_options opts = { .input = path,
					.output = "/dev/null",
					.output_named = true };

	opts.filter.ignore_threads = ignored;
	opts.filter.n_ignore_threads = 2;
	opts.filter.max_stack_depth = 600;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data, size) == (ssize_t)size) {
		for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
			opts.format = formats[i];
			convert__run(&opts, &sum);
		}
	}
	close(fd);
	return 0;
}
