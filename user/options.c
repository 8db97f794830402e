// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options_parse.h"
#include "version.h"

const char *argp_program_version = "vtbpf " VTBPF_VERSION;
error_t argp_err_exit_status = EXIT_USAGE;

#define MAX_HZ 100000
#define WALL_HZ 100 /* of --wall alone */

static uint32_t get_hz(struct argp_state *state, const char *arg)
{
	long hz = option__number(state, "--hz", arg, MAX_HZ);

	if (!hz)
		argp_error(state, "--hz: '0' samples nothing; give 1 to %d", MAX_HZ);
	return hz;
}

static void check_sampling(struct argp_state *state, struct options *o)
{
	if (o->wall && !o->hz)
		o->hz = WALL_HZ;
	if (!o->hz)
		return;
	if (o->command != CMD_TRACE)
		argp_error(state, "--hz: goes with a trace");
	if (o->tracer_entries)
		argp_error(state, "--hz: takes samples, no calls that --tracer-entries or a "
				  "--keep-last N could count; give a time: --keep-last 10s");
	for (size_t i = 0; i < o->triggers.n; i++)
		if (strncmp(o->triggers.items[i], "gc>", 3))
			argp_error(state, "--hz: takes samples; of triggers only gc>TIME goes "
					  "with it, the others want calls");
	if (o->sample_rate)
		argp_error(state, "--hz: takes samples all the time, and half as many cost half as "
				  "much; --sample-rate traces calls now and then");
	if (o->wall && o->max_overhead)
		argp_error(state, "--wall: looks at each sleep, which no rate makes cheaper; "
				  "--max-overhead goes with --hz alone");
	if (o->dry_run)
		argp_error(state, "--hz: sets no probes that --dry-run could show");
}

static void check_threads(struct argp_state *state, const struct options *o)
{
	if (o->command != CMD_THREADS)
		return;
	if (!o->pid)
		argp_error(state, "threads: of which process? give -p PID");
	if (o->program || o->output_named || o->format || o->duration_ns || o->filters.n ||
	    o->dry_run)
		argp_error(state, "threads: takes -p PID and --json, nothing of a trace");
}

static void check_ctl(struct argp_state *state, const struct options *o)
{
	if (o->command != CMD_CTL)
		return;
	if (!o->pid)
		argp_error(state, "ctl: the trace of which process? give -p PID");
	if (!o->inputs.n)
		argp_error(state, "ctl: what shall the trace do? 'vtbpf ctl --help' lists it");
	if (o->inputs.n > 2)
		argp_error(state, "ctl: '%s': unexpected argument", o->inputs.items[2]);
}

static void check(struct argp_state *state, struct options *o)
{
	if (o->command == CMD_TRACE && !o->pid && !o->program && !o->match.n && !o->cgroups.n)
		argp_error(state, "nothing to trace: give -p PID, --match GLOB, or -- PROGRAM");
	if (o->functions.cut && !o->functions.include_files.n && !o->functions.exclude_files.n)
		argp_error(state, "--cut: says what --include-files or --exclude-files leave out; "
				  "give one of them");
	if (o->pid && o->program)
		argp_error(state, "-p and -- PROGRAM: one of them");
	if (o->command == CMD_CONVERT && !o->inputs.n)
		argp_error(state, "convert: give captures, or one JSON trace, and -o OUT");
	if (o->command == CMD_CONVERT && (o->pid || o->program || o->dry_run || o->duration_ns))
		argp_error(state,
			   "convert: works on a file; -p, -d, --dry-run and -- do not apply");
	if (o->command != CMD_TRACE && (o->sample_rate || o->max_overhead || o->n_active))
		argp_error(state, "--sample-rate, --max-overhead and --active go with a trace");
	if (o->command == CMD_DOCTOR && o->program)
		argp_error(state, "doctor: looks at the machine and at -p PID, it starts nothing");
	if (o->json && o->command != CMD_THREADS && o->command != CMD_CTL &&
	    o->command != CMD_REPORT && o->command != CMD_DIFF)
		argp_error(state, "--json: goes with report, diff, threads and ctl status");
	option__check_report(state, o);
	option__check_combine(state, o);
	option__check_view(state, o);
	option__check_diff(state, o);
	check_sampling(state, o);
	check_threads(state, o);
	check_ctl(state, o);
	option__check_fleet(state, o);
	option__check_trigger(state, o);
	option__check_events(state, o);
}

static error_t parse_arg(struct options *o, char *arg, struct argp_state *state)
{
	if (!state->arg_num && !strcmp(arg, "convert"))
		o->command = CMD_CONVERT;
	else if (!state->arg_num && !strcmp(arg, "combine"))
		o->command = CMD_COMBINE;
	else if (!state->arg_num && !strcmp(arg, "report"))
		o->command = CMD_REPORT;
	else if (!state->arg_num && !strcmp(arg, "doctor"))
		o->command = CMD_DOCTOR;
	else if (!state->arg_num && !strcmp(arg, "threads"))
		o->command = CMD_THREADS;
	else if (!state->arg_num && !strcmp(arg, "ctl"))
		o->command = CMD_CTL;
	else if (!state->arg_num && !strcmp(arg, "view"))
		o->command = CMD_VIEW;
	else if (!state->arg_num && !strcmp(arg, "diff"))
		o->command = CMD_DIFF;
	else if (o->command == CMD_DIFF)
		option__parse_diff_input(o, arg);
	else if (o->command != CMD_TRACE && o->command != CMD_THREADS && o->command != CMD_DOCTOR)
		option__add(&o->inputs, arg);
	else if (!state->arg_num)
		argp_error(state, "'%s' is no command; to start a program write: vtbpf -- %s", arg,
			   arg);
	else
		argp_error(state, "'%s': unexpected argument", arg);
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'd':
		o->duration_ns = option__time(state, "--duration", arg, 1000000000);
		return 0;
	case 'o':
		o->output = arg;
		o->output_named = true;
		return 0;
	case 'q':
		o->verbosity = -1;
		return 0;
	case 'v':
		o->verbosity = o->verbosity < 0 ? 1 : o->verbosity + 1;
		return 0;
	case OPT_FORMAT:
		o->format = arg;
		return 0;
	case OPT_BUFFER_SIZE:
		o->buffer_bytes = option__buffer_size(state, arg);
		o->buffer_named = true;
		return 0;
	case OPT_HZ:
		o->hz = get_hz(state, arg);
		return 0;
	case OPT_WALL:
		o->wall = true;
		return 0;
	case OPT_DRY_RUN:
		o->dry_run = true;
		return 0;
	case OPT_NO_PROGRESS:
		o->no_progress = true;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		return parse_arg(o, arg, state);
	case ARGP_KEY_END:
		check(state, o);
		return 0;
	}
	if (!option__parse_when(key, arg, state, o) || !option__parse_report(key, arg, state, o) ||
	    !option__parse_fleet(key, arg, state, o) || !option__parse_events(key, arg, state, o) ||
	    !option__parse_combine(key, arg, state, o) || !option__parse_view(key, arg, state, o))
		return 0;
	return option__parse_filter(key, arg, state, o);
}

/* What follows `--` is the program's and not looked at. */
static int cut_program(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		if (!argv[i + 1]) {
			fprintf(stderr,
				"vtbpf: nothing after --; write: vtbpf [OPTION...] -- PROGRAM "
				"[ARG...]\n");
			exit(EXIT_USAGE);
		}
		o->program = argv + i + 1;
		return i;
	}
	return argc;
}

/* VizTracer's users type --min_duration: underscores count as dashes in long option names. */
static void accept_underscores(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		for (char *p = argv[i]; !strncmp(argv[i], "--", 2) && *p && *p != '='; p++)
			if (*p == '_')
				*p = '-';
}

void options__parse(int argc, char **argv, struct options *o)
{
	struct argp argp = options__argp(argc > 1 ? argv[1] : NULL, parse_option);

	memset(o, 0, sizeof(*o));
	o->output = "result.json";
	o->max_stack_depth = -1;
	o->after_ns = 1000000000;
	o->cool_down_ns = 5000000000;
	o->max_dumps = 100;
	o->buffer_bytes = DEFAULT_BUFFER;
	if (!option__separate_diff(argc, argv))
		argc = cut_program(argc, argv, o);
	accept_underscores(argc, argv);
	argv[0] = (char *)"vtbpf"; /* messages begin with the tool's name, not with its path */
	if (argp_parse(&argp, argc, argv, 0, NULL, o))
		exit(EXIT_USAGE);
}

void options__free(struct options *o)
{
	for (size_t i = 0; i < o->filters.n; i++)
		free((char *)o->filters.items[i]);
	free(o->filters.items);
	free(o->active);
	free(o->inputs.items);
	free(o->pids);
	free(o->match.items);
	free(o->cgroups.items);
	free(o->ignore_threads.items);
	free(o->only_threads.items);
	free(o->triggers.items);
	free(o->functions.ignore.items);
	free(o->functions.only.items);
	free(o->functions.include_files.items);
	free(o->functions.exclude_files.items);
}
