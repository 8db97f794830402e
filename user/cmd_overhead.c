// SPDX-License-Identifier: GPL-2.0-only
#include "overhead.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "finish.h"
#include "log.h"
#include "trace/recording.h"

/* Its own CPU time counts where no CPU is idle. The probes are set and removed by a process of their own,
 * which does not wait. */
void overhead__begin(struct own_cost *own)
{
	own_cost__init(own);
	if (setpriority(PRIO_PROCESS, 0, 19))
		log_debug("cannot lower the priority: %s", strerror(errno));
}

static void format(struct recording_result *res, char *text, size_t size)
{
	struct budget_report report;
	uint64_t own = own_cost__take(&res->own);

	budget__charge(&res->budget, res->own.at, own);
	report = budget__report(&res->budget, res->own.at);
	finish__format_overhead(&(struct finish_overhead){ .stated = report.stated,
							   .achieved = report.achieved,
							   .worst = report.worst,
							   .windows = res->windows,
							   .coverage = res->coverage,
							   .in_windows = res->in_windows,
							   .sample_hz = res->sample_hz,
							   .sampled_ns = res->sampled_ns },
				text, size);
}

void overhead__say(struct recording_result *res)
{
	char text[256];

	if (!res->budget.start)
		return;
	format(res, text, sizeof(text));
	log_info("%s", text);
}

void overhead__format(struct recording_result *res, int pid, char *text, size_t size)
{
	size_t n;

	*text = '\0';
	if (!res->budget.start)
		return;
	format(res, text, size);
	n = strlen(text);
	snprintf(text + n, size - n, ", process %d", pid);
}
