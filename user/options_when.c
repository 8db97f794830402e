// SPDX-License-Identifier: GPL-2.0-only
/* The options that say when to record, and how much that may cost. */
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "options_parse.h"

/* A decimal number, without the signs, exponents and names that strtod() would take. */
static double get_decimal(const char *arg, const char **rest)
{
	size_t n = strspn(arg, "0123456789.");
	char *end;
	double value = strtod(arg, &end);

	*rest = end;
	return n && end == arg + n ? value : -1;
}

static double get_rate(struct argp_state *state, const char *arg)
{
	const char *rest;
	double rate = get_decimal(arg, &rest);

	if (!(rate > 0 && rate < 1) || *rest)
		argp_error(state, "--sample-rate: '%s' is no part of the time, such as 0.1", arg);
	return rate;
}

static double get_overhead(struct argp_state *state, const char *arg)
{
	const char *rest;
	double percent = get_decimal(arg, &rest);

	if (!(percent >= 0.1 && percent <= 50) || (*rest && strcmp(rest, "%")))
		argp_error(state, "--max-overhead: '%s' is not 0.1 to 50 percent, such as 2%%",
			   arg);
	return percent / 100;
}

static void add_span(struct argp_state *state, struct options *o, const char *arg)
{
	struct schedule_span span;

	if (schedule__parse(arg, &span))
		argp_error(state, "--active: '%s' is no time of the day such as 09:00-18:00", arg);
	if (ARRAY_ONE_MORE(o->active, o->n_active))
		abort();
	o->active[o->n_active++] = span;
}

error_t option__parse_when(int key, char *arg, struct argp_state *state, struct options *o)
{
	switch (key) {
	case OPT_SAMPLE_RATE:
		o->sample_rate = get_rate(state, arg);
		option__add_filter(o, "sample-rate", arg);
		return 0;
	case OPT_MAX_OVERHEAD:
		o->max_overhead = get_overhead(state, arg);
		option__add_filter(o, "max-overhead", arg);
		return 0;
	case OPT_ACTIVE:
		add_span(state, o, arg);
		option__add_filter(o, "active", arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}
