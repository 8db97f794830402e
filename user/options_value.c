// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "options_parse.h"
#include "units.h"

long option__number(struct argp_state *state, const char *what, const char *arg, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(arg, &end, 10);
	if (errno || end == arg || *end || n < 0 || n > max)
		argp_error(state, "%s: '%s' is not a number from 0 to %ld", what, arg, max);
	return n;
}

uint64_t option__time(struct argp_state *state, const char *what, const char *arg, uint64_t bare)
{
	uint64_t ns = 0;

	if (parse_time(arg, bare, &ns))
		argp_error(state, "%s: '%s' is not a time such as 10s, 500ms, 20us or 2m", what,
			   arg);
	return ns;
}

uint64_t option__buffer_size(struct argp_state *state, const char *arg)
{
	uint64_t bytes = 0;

	if (parse_size(arg, &bytes) || bytes < 4096 || bytes > 1ULL << 30)
		argp_error(state, "--buffer-size: '%s' is not a size from 4k to 1G", arg);
	return bytes;
}

void option__add(struct str_list *l, const char *s)
{
	l->items = realloc(l->items, (l->n + 1) * sizeof(*l->items));
	if (!l->items)
		abort();
	l->items[l->n++] = s;
}

void option__add_filter(struct options *o, const char *option, const char *value)
{
	char *text = NULL;

	if (asprintf(&text, "--%s%s%s", option, value ? " " : "", value ? value : "") < 0)
		abort();
	option__add(&o->filters, text);
}
