// SPDX-License-Identifier: GPL-2.0-only
/* The planner on any file: it must answer, whatever the file says. */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/discover/probe_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct probe_plan plan;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char why[256];

	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size)
		probe_plan__make(fd, &plan, why, sizeof(why));
	close(fd);
	return 0;
}
