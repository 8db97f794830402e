// SPDX-License-Identifier: GPL-2.0-only
/* The options about triggers. */
#include "options_parse.h"
#include "trigger_expr.h"

#define MOST_TRIGGERS 32

static void parse_trigger(const char *arg, struct argp_state *state, struct options *o)
{
	struct trigger_expr e;
	char why[256];

	if (trigger_expr__parse(arg, &e, why, sizeof(why)))
		argp_error(state, "--trigger: '%s': %s", arg, why);
	trigger_expr__release(&e);
	if (o->triggers.n >= MOST_TRIGGERS)
		argp_error(state, "--trigger: %d of them are the most", MOST_TRIGGERS);
	option__add(&o->triggers, arg);
}

error_t option__parse_trigger(int key, char *arg, struct argp_state *state, struct options *o)
{
	switch (key) {
	case OPT_TRIGGER:
		parse_trigger(arg, state, o);
		return 0;
	case OPT_AFTER:
		o->after_ns = option__time(state, "--after", arg, 1000000000);
		return 0;
	case OPT_COOL_DOWN:
		o->cool_down_ns = option__time(state, "--cool-down", arg, 1000000000);
		return 0;
	case OPT_MAX_DUMPS:
		o->max_dumps = option__number(state, "--max-dumps", arg, 1000000);
		if (!o->max_dumps)
			argp_error(state, "--max-dumps: 0 would write nothing");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

void option__check_trigger(struct argp_state *state, const struct options *o)
{
	if (o->command != CMD_TRACE && (o->triggers.n || o->keep_ns))
		argp_error(state,
			   "--trigger, --keep-last TIME: only while tracing; of a file that is "
			   "there --tracer-entries keeps the newest calls");
}
