// SPDX-License-Identifier: GPL-2.0-only
/* The options of `vtbpf combine`. */
#include <string.h>

#include "options_parse.h"

error_t option__parse_combine(int key, char *arg, struct argp_state *state, struct options *o)
{
	static const char marker[] = "marker=";

	if (key != OPT_ALIGN)
		return ARGP_ERR_UNKNOWN;
	o->align_asked = true;
	o->marker = NULL;
	o->align = COMBINE_BY_MARKER;
	if (!strcmp(arg, "start"))
		o->align = COMBINE_BY_START;
	else if (!strncmp(arg, marker, sizeof(marker) - 1) && arg[sizeof(marker) - 1])
		o->marker = arg + sizeof(marker) - 1;
	else if (strcmp(arg, "marker"))
		argp_error(state, "--align: '%s' is none of start, marker, marker=NAME", arg);
	return 0;
}

void option__check_combine(struct argp_state *state, const struct options *o)
{
	if (o->command != CMD_COMBINE) {
		if (o->align_asked)
			argp_error(state, "--align: goes with combine");
		return;
	}
	if (!o->inputs.n)
		argp_error(state, "combine: give captures, or JSON traces, and -o OUT");
	if (o->pid || o->program || o->dry_run || o->duration_ns)
		argp_error(state, "combine: works on files; -p, -d, --dry-run and -- do not apply");
}
