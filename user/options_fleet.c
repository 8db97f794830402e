// SPDX-License-Identifier: GPL-2.0-only
/* The options of traces of several processes. */
#include <stdlib.h>

#include "options_parse.h"

static void add_pid(struct argp_state *state, const char *arg, struct options *o)
{
	pid_t *pids = realloc(o->pids, (o->n_pids + 1) * sizeof(*pids));

	if (!pids)
		abort();
	o->pids = pids;
	pids[o->n_pids] = (pid_t)option__number(state, "-p", arg, 1 << 22);
	if (!o->n_pids++)
		o->pid = pids[0];
}

error_t option__parse_fleet(int key, char *arg, struct argp_state *state, struct options *o)
{
	switch (key) {
	case 'p':
		add_pid(state, arg, o);
		return 0;
	case OPT_MATCH:
	case OPT_CGROUP:
		if (!*arg)
			argp_error(state, "an empty --match or --cgroup would fit nothing");
		option__add(key == OPT_MATCH ? &o->match : &o->cgroups, arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

void option__check_fleet(struct argp_state *state, struct options *o)
{
	if (o->n_pids > 1 && o->command != CMD_TRACE)
		argp_error(state, "-p: one process here");
	if ((o->match.n || o->cgroups.n) && (o->command != CMD_TRACE || o->program))
		argp_error(state, "--match and --cgroup: only with traces of running processes");
	o->several = o->n_pids > 1 || o->match.n || o->cgroups.n;
	if (o->several && !o->buffer_named)
		o->buffer_bytes = SEVERAL_BUFFER;
}
