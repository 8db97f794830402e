// SPDX-License-Identifier: GPL-2.0-only
/* The planner on any file: it must answer, whatever the file says. */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/discover/c_sites.h"
#include "../../user/discover/gc_sites.h"
#include "../../user/discover/gil_sites.h"
#include "../../user/discover/mark_site.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct probe_plan plan;
	static struct gc_plan gc;
	static struct gil_plan gil;
	static struct c_plan calls;
	struct mark_site mark;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char why[256];

	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size) {
		probe_plan__make(fd, &plan, why, sizeof(why));
		gc_sites__find(fd, &plan, &gc, why, sizeof(why));
		gil_sites__find(fd, &plan, &gil, why, sizeof(why));
		probe_plan__find_c_calls(fd, &plan, &calls, why, sizeof(why));
		mark_site__find(fd, &mark);
	}
	close(fd);
	return 0;
}
