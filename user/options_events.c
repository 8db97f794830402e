// SPDX-License-Identifier: GPL-2.0-only
/* The options that ask for what is no call, on the same timeline. */
#include <string.h>

#include "options_parse.h"

error_t option__parse_events(int key, char *arg, struct argp_state *state, struct options *o)
{
	switch (key) {
	case OPT_SCHED:
		o->sched = true;
		return 0;
	case OPT_ASYNC:
		o->async = true;
		return 0;
	case OPT_GC:
		o->gc = true;
		return 0;
	case OPT_GIL:
		o->gil = true;
		return 0;
	case OPT_EXCEPTIONS:
		o->exceptions = true;
		return 0;
	case OPT_C_CALLS:
		o->c_calls = true;
		if (!arg)
			return 0;
		if (!*arg)
			argp_error(state, "--c-calls: an empty name would fit nothing");
		option__add(&o->functions.c_calls, arg);
		option__add_filter(o, "c-calls", arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* The first of them that was given, NULL: none. */
static const char *first_of(const struct options *o)
{
	return o->sched		   ? "--sched" :
	       o->gc		   ? "--gc" :
	       o->gil		   ? "--gil" :
	       o->async		   ? "--async" :
	       o->functions.args.n ? "--args" :
	       o->exceptions	   ? "--exceptions" :
	       o->c_calls	   ? "--c-calls" :
				     NULL;
}

void option__check_events(struct argp_state *state, const struct options *o)
{
	const char *option = first_of(o);

	if (!option)
		return;
	if (o->command != CMD_TRACE)
		argp_error(state, "%s: goes with a trace", option);
	if (o->hz)
		argp_error(state, "%s: goes with traces of calls, not with --hz or --wall", option);
	if (o->tracer_entries && strcmp(option, "--c-calls")) /* those are calls */
		argp_error(state,
			   "%s: is not among the calls that --tracer-entries or a "
			   "--keep-last N could count; give a time: --keep-last 10s",
			   option);
	if (o->async && (o->keep_ns || o->triggers.n || o->rotate_ns || o->rotate_bytes))
		argp_error(state, "--async: names of tasks are told once, so it does not go with "
				  "--keep-last, --trigger and --rotate");
	if ((o->sched || o->gil || o->async) && o->max_overhead)
		argp_error(state,
			   "%s: what it costs is in no budget of --max-overhead; --sample-rate "
			   "goes with it",
			   o->sched ? "--sched" :
			   o->gil   ? "--gil" :
				      "--async");
}
