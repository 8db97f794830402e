// SPDX-License-Identifier: GPL-2.0-only
/* The command line of `vtbpf diff`. */
#include <string.h>

#include "options_parse.h"

/* Stands where `--` stood: between the runs before and those after. */
static char separator[] = "--";

bool option__separate_diff(int argc, char **argv)
{
	int i;

	separator[0] = '-';
	if (argc < 2 || strcmp(argv[1], "diff"))
		return false;
	for (i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		separator[0] = '\0'; /* to the parser it is no option then */
		argv[i] = separator;
		break;
	}
	return true;
}

void option__parse_diff_input(struct options *o, char *arg)
{
	if (arg == separator)
		o->n_before = o->inputs.n;
	else
		option__add(&o->inputs, arg);
}

void option__check_diff(struct argp_state *state, struct options *o)
{
	bool separated = !*separator;

	if (o->command != CMD_DIFF)
		return;
	if (o->program)
		argp_error(state, "diff: comes first: vtbpf diff BEFORE... -- AFTER...");
	if (!separated && o->inputs.n == 2)
		o->n_before = 1;
	else if (!separated)
		argp_error(state, "diff: give two traces, BEFORE and AFTER, or several of each: "
				  "BEFORE... -- AFTER...");
	if (!o->n_before || o->n_before == o->inputs.n)
		argp_error(state, "diff: there must be traces before -- and after it");
	if (o->pid || o->duration_ns || o->dry_run)
		argp_error(state, "diff: compares traces; what makes one does not apply");
}
