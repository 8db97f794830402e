// SPDX-License-Identifier: GPL-2.0-only
/* The options of `vtbpf view`. */
#include <string.h>

#include "options_parse.h"

error_t option__parse_view(int key, char *arg, struct argp_state *state, struct options *o)
{
	switch (key) {
	case OPT_PORT:
		o->port = (uint16_t)option__number(state, "--port", arg, 65535);
		if (!o->port)
			argp_error(state, "--port: 0 is none; give 1 to 65535");
		return 0;
	case OPT_NO_BROWSER:
		o->no_browser = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static bool is_shown(const char *format)
{
	static const char *const shown[] = { "html", "json", "json.gz", "pftrace" };

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (!strcmp(format, shown[i]))
			return true;
	return false;
}

void option__check_view(struct argp_state *state, const struct options *o)
{
	if (o->command != CMD_VIEW) {
		if (o->port || o->no_browser)
			argp_error(state, "--port and --no-browser: go with view");
		return;
	}
	if (o->inputs.n != 1)
		argp_error(state, o->inputs.n ? "view: shows one file" :
						"view: which file? give a trace or a page");
	if (o->pid || o->program || o->output_named || o->duration_ns || o->dry_run)
		argp_error(state, "view: shows a file; what makes one does not apply");
	if (o->format && !is_shown(o->format))
		argp_error(state, "--format: view shows html, json, json.gz and pftrace");
	if (o->filters.n && !o->format)
		argp_error(state, "view: filters are for a conversion; give --format, too");
}
