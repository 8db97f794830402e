/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes as a Chrome trace: it is filtered or refused, without harm. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/convert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = { "json", "folded", "speedscope", "pprof", "pftrace" };
	const char *threads[] = { "mon*", "ident:0x7f00" },
		   *functions[] = { "noise*", "*/lib/*:*" };
	const char *files[] = { "/srv", "*.py" };
	int fd = memfd_create("report", MFD_CLOEXEC);
	struct convert_summary sum;
	char path[32];
	size_t i;
	struct convert_options opts = {
		.input = path,
		.output = "/dev/null",
		.output_named = true,
		.filter = {
			.ignore_threads = threads,
			.n_ignore_threads = 2,
			.functions = {
				.ignore = { functions, 2 },
				.include_files = { files, 2 },
				.cut = true,
			},
			.max_stack_depth = 3,
			.min_duration_ns = 10,
			.tracer_entries = 3,
		},
	};

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
