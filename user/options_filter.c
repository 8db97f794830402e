// SPDX-License-Identifier: GPL-2.0-only
/* The options that say what to keep. */
#include <string.h>

#include "options_parse.h"

/* The options that name what to keep or leave out: any number of each. */
static struct str_list *list_of(int key, struct options *o, const char **name)
{
	switch (key) {
	case OPT_IGNORE_THREAD:
		*name = "ignore-thread";
		return &o->ignore_threads;
	case OPT_ONLY_THREAD:
		*name = "only-thread";
		return &o->only_threads;
	case OPT_IGNORE_FUNCTION:
		*name = "ignore-function";
		return &o->functions.ignore;
	case OPT_ONLY_FUNCTION:
		*name = "only-function";
		return &o->functions.only;
	case OPT_INCLUDE_FILES:
		*name = "include-files";
		return &o->functions.include_files;
	case OPT_ARGS:
		*name = "args";
		return &o->functions.args;
	case OPT_EXCLUDE_FILES:
		*name = "exclude-files";
		return &o->functions.exclude_files;
	}
	return NULL;
}

/* A bare number counts calls, as --tracer-entries does; with a unit it is a time. */
static void parse_keep_last(const char *arg, struct argp_state *state, struct options *o)
{
	if (arg[strspn(arg, "0123456789")])
		o->keep_ns = option__time(state, "--keep-last", arg, 0);
	else
		o->tracer_entries = option__number(state, "--keep-last", arg, 1L << 40);
	if (!o->keep_ns && !o->tracer_entries)
		argp_error(state, "--keep-last: %s would keep nothing", arg);
}

error_t option__parse_filter(int key, char *arg, struct argp_state *state, struct options *o)
{
	const char *name;
	struct str_list *list = list_of(key, o, &name);

	if (list) {
		if (!*arg)
			argp_error(state, "--%s: an empty name would fit nothing", name);
		option__add(list, arg);
		if (key != OPT_ARGS) /* which leaves out nothing */
			option__add_filter(o, name, arg);
		return 0;
	}
	switch (key) {
	case OPT_CUT:
		if (!o->functions.cut)
			option__add_filter(o, "cut", NULL);
		o->functions.cut = true;
		return 0;
	case OPT_TRACER_ENTRIES:
		o->tracer_entries = option__number(state, "--tracer-entries", arg, 1L << 40);
		if (!o->tracer_entries)
			argp_error(state, "--tracer-entries: 0 would keep nothing");
		option__add_filter(o, "tracer-entries", arg);
		return 0;
	case OPT_KEEP_LAST:
		parse_keep_last(arg, state, o);
		option__add_filter(o, "keep-last", arg);
		return 0;
	case OPT_MIN_DURATION:
		o->min_duration_ns = option__time(state, "--min-duration", arg, 1000);
		option__add_filter(o, "min-duration", arg);
		return 0;
	case OPT_MAX_STACK_DEPTH:
		o->max_stack_depth = option__number(state, "--max-stack-depth", arg, 65534);
		option__add_filter(o, "max-stack-depth", arg);
		return 0;
	}
	return option__parse_trigger(key, arg, state, o);
}
