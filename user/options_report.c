// SPDX-License-Identifier: GPL-2.0-only
/* The options of `vtbpf report`. */
#include <string.h>

#include "options_parse.h"

static int find(const char *const *names, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!strcmp(names[i], name))
			return (int)i;
	}
	return -1;
}

static enum report_sort get_sort(struct argp_state *state, const char *arg)
{
	static const char *const names[] = {
		[REPORT_BY_SELF] = "self", [REPORT_BY_TOTAL] = "total", [REPORT_BY_CALLS] = "calls",
		[REPORT_BY_MIN] = "min",   [REPORT_BY_MEAN] = "mean",	[REPORT_BY_P50] = "p50",
		[REPORT_BY_P99] = "p99",   [REPORT_BY_MAX] = "max",	[REPORT_BY_NAME] = "name",
	};
	int found = find(names, sizeof(names) / sizeof(names[0]), arg);

	if (found < 0)
		argp_error(state,
			   "--sort: '%s' is none of self, total, calls, min, mean, p50, p99, max, "
			   "name",
			   arg);
	return (enum report_sort)found;
}

static enum report_rows get_rows(struct argp_state *state, const char *arg)
{
	static const char *const names[] = {
		[REPORT_FUNCTIONS] = "function",
		[REPORT_FILES] = "file",
		[REPORT_THREADS] = "thread",
	};
	int found = find(names, sizeof(names) / sizeof(names[0]), arg);

	if (found < 0)
		argp_error(state, "--by: '%s' is none of function, file, thread", arg);
	return (enum report_rows)found;
}

error_t option__parse_report(int key, char *arg, struct argp_state *state, struct options *o)
{
	switch (key) {
	case OPT_SORT:
		o->report.sort = get_sort(state, arg);
		break;
	case OPT_LIMIT:
		o->report.limit = (uint64_t)option__number(state, "--limit", arg, 1L << 40);
		if (!o->report.limit)
			argp_error(state, "--limit: 0 would show nothing");
		break;
	case OPT_BY:
		o->report.rows = get_rows(state, arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	o->report_asked = true;
	return 0;
}

void option__check_report(struct argp_state *state, const struct options *o)
{
	if (o->command != CMD_REPORT) {
		if (o->report_asked && o->command != CMD_DIFF)
			argp_error(state, "--sort, --limit and --by: go with report");
		if (o->report.sort || o->report.rows)
			argp_error(state, "--sort and --by: go with report");
		return;
	}
	if (!o->inputs.n)
		argp_error(state, "report: of which trace? give captures, or one JSON trace");
	if (o->pid || o->program || o->format || o->duration_ns || o->dry_run)
		argp_error(state, "report: reads a trace; what makes one does not apply");
}
