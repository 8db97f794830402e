// SPDX-License-Identifier: GPL-2.0-only
/* The options of traces of several processes, and of those that run as a service. */
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "options_parse.h"
#include "units.h"

#define MIN_ROTATE_NS 1000000000ULL
#define MIN_ROTATE_BYTES (64 << 10)

static void add_pid(struct argp_state *state, const char *arg, struct options *o)
{
	if (ARRAY_ONE_MORE(o->pids, o->n_pids))
		abort();
	o->pids[o->n_pids] = (pid_t)option__number(state, "-p", arg, 1 << 22);
	if (!o->n_pids++)
		o->pid = o->pids[0];
}

/* 10m is minutes, 10M is a size. */
static void parse_rotate(struct argp_state *state, const char *arg, struct options *o)
{
	o->rotate_ns = o->rotate_bytes = 0;
	if (!strpbrk(arg, "kKMgGbB"))
		o->rotate_ns = option__time(state, "--rotate", arg, 1000000000);
	else if (parse_size(arg, &o->rotate_bytes))
		argp_error(state, "--rotate: '%s' is neither a time (10m) nor a size (100M)", arg);
	if (o->rotate_ns ? o->rotate_ns < MIN_ROTATE_NS : o->rotate_bytes < MIN_ROTATE_BYTES)
		argp_error(state, "--rotate: '%s': at least 1s, or 64k", arg);
}

static uint64_t get_size(struct argp_state *state, const char *what, const char *arg)
{
	uint64_t bytes = 0;

	if (parse_size(arg, &bytes) || !bytes)
		argp_error(state, "%s: '%s' is not a size such as 512M", what, arg);
	return bytes;
}

error_t option__parse_fleet(int key, char *arg, struct argp_state *state, struct options *o)
{
	switch (key) {
	case 'p':
		add_pid(state, arg, o);
		return 0;
	case 'f':
	case OPT_NO_FOLLOW:
		o->follow = key == 'f';
		o->follow_asked = true;
		return 0;
	case OPT_MATCH:
	case OPT_CGROUP:
		if (!*arg)
			argp_error(state, "an empty --match or --cgroup would fit nothing");
		option__add(key == OPT_MATCH ? &o->match : &o->cgroups, arg);
		return 0;
	case OPT_ROTATE:
		parse_rotate(state, arg, o);
		return 0;
	case OPT_KEEP:
		o->keep = option__number(state, "--keep", arg, 1 << 20);
		if (!o->keep)
			argp_error(state, "--keep: 0 would keep nothing");
		return 0;
	case OPT_PIDFILE:
		o->pidfile = arg;
		return 0;
	case OPT_MAX_MEMORY:
		o->max_memory = get_size(state, "--max-memory", arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* What only a trace has. */
static bool is_service(const struct options *o)
{
	return o->match.n || o->cgroups.n || o->rotate_ns || o->rotate_bytes || o->keep ||
	       o->max_memory || o->pidfile;
}

/* Descendants are followed by one recording, which takes place all the time and keeps all. */
static bool keeps_all(const struct options *o)
{
	return !o->hz && !o->sample_rate && !o->max_overhead && !o->n_active &&
	       !o->tracer_entries && !o->keep_ns && !o->triggers.n;
}

static void check_follow(struct argp_state *state, struct options *o)
{
	if (!o->follow_asked)
		o->follow = o->command == CMD_TRACE && o->program && keeps_all(o);
	if (!o->follow)
		return;
	if (o->command != CMD_TRACE)
		argp_error(state, "--follow: goes with a trace");
	if (o->rotate_ns || o->rotate_bytes || o->max_memory)
		argp_error(state, "--follow: not with --rotate or --max-memory");
	if (!keeps_all(o))
		argp_error(state,
			   "--follow: not with --hz, --sample-rate, --max-overhead, --active, "
			   "--tracer-entries, --keep-last or --trigger");
}

void option__check_fleet(struct argp_state *state, struct options *o)
{
	if (o->n_pids > 1 && o->command != CMD_TRACE)
		argp_error(state, "-p: one process here");
	if (is_service(o) && (o->command != CMD_TRACE || o->program))
		argp_error(
			state,
			"--match, --cgroup, --rotate, --keep, --max-memory and --pidfile: only with "
			"traces of running processes");
	if ((o->rotate_ns || o->rotate_bytes) && (o->keep_ns || o->tracer_entries || o->triggers.n))
		argp_error(state, "--rotate: not with --keep-last, --tracer-entries or --trigger: "
				  "those keep the newest calls only");
	if (o->keep && !o->rotate_ns && !o->rotate_bytes)
		argp_error(state, "--keep: says how many files of --rotate stay; give that");
	o->several = o->n_pids > 1 || o->match.n || o->cgroups.n;
	check_follow(state, o);
	if (o->several && !o->follow && !o->buffer_named)
		o->buffer_bytes = SEVERAL_BUFFER;
}
