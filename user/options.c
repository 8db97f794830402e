// SPDX-License-Identifier: GPL-2.0-only
#include "options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"
#include "version.h"

#define DEFAULT_BUFFER (32 << 20)

enum {
	OPT_IGNORE_THREAD = 256,
	OPT_ONLY_THREAD,
	OPT_MIN_DURATION,
	OPT_MAX_STACK_DEPTH,
	OPT_IGNORE_FUNCTION,
	OPT_ONLY_FUNCTION,
	OPT_INCLUDE_FILES,
	OPT_EXCLUDE_FILES,
	OPT_CUT,
	OPT_TRACER_ENTRIES,
	OPT_BUFFER_SIZE,
	OPT_FORMAT,
	OPT_DRY_RUN,
	OPT_NO_PROGRESS,
	OPT_JSON,
};

const char *argp_program_version = "vtbpf " VTBPF_VERSION;
error_t argp_err_exit_status = EXIT_USAGE;

static const char doc[] =
	"Traces every Python call of a running CPython program from outside, and writes a VizTracer "
	"timeline.\v"
	"TIME is 10s, 500ms, 2m, 20us; SIZE is 16M, 512k. X is a thread id, ident:0x7f... (Python's "
	"threading.get_ident()), or a glob on the thread's Python name or comm. GLOB is compared with "
	"the qualified name and with FILE:NAME; PATH is a prefix or a glob, and absolute or relative "
	"to the target's working directory.\n\n"
	"The trace ends with Ctrl-C, after --duration, or when the program exits. The format follows "
	"the output's extension: .json, .json.gz, or .vtb for the raw capture. Open the result with "
	"https://ui.perfetto.dev or vizviewer.\n\n"
	"Exit status: 0 done, 1 failed while running, 2 bad usage, 3 missing privilege or kernel "
	"feature, 4 the target is not a CPython that can be traced. After --, the program's own.\n\n"
	"Examples:\n"
	"  sudo vtbpf -p 1234\n"
	"  sudo vtbpf -p 1234 -d 10s --ignore-thread 'monitor*' -o service.json.gz\n"
	"  sudo vtbpf -o run.json -- python3 script.py\n"
	"  vtbpf convert run.vtb -o run.json --min-duration 100us\n"
	"  sudo vtbpf threads -p 1234";

static const char args_doc[] = "-p PID\n-- PROGRAM [ARG...]\nconvert IN -o OUT\ndoctor [-p PID]\n"
			       "threads -p PID\nctl -p PID COMMAND [X]";

static const struct argp_option option_table[] = {
	{ 0, 0, 0, 0, "What to trace:", 1 },
	{ "pid", 'p', "PID", 0, "Trace this running process", 1 },
	{ "duration", 'd', "TIME", 0, "Stop after this time; a bare number is seconds", 1 },
	{ 0, 0, 0, 0, "What to keep:", 2 },
	{ "ignore-thread", OPT_IGNORE_THREAD, "X", 0, "Leave out this thread; repeatable", 2 },
	{ "only-thread", OPT_ONLY_THREAD, "X", 0, "Leave out all other threads; repeatable", 2 },
	{ "ignore-function", OPT_IGNORE_FUNCTION, "GLOB", 0,
	  "Leave out functions of this name, and all that they call; repeatable", 2 },
	{ "only-function", OPT_ONLY_FUNCTION, "GLOB", 0,
	  "Leave out all other functions, but not what they call; repeatable", 2 },
	{ "include-files", OPT_INCLUDE_FILES, "PATH", 0,
	  "Leave out functions of all other files; repeatable", 2 },
	{ "exclude-files", OPT_EXCLUDE_FILES, "PATH", 0,
	  "Leave out functions of these files; repeatable", 2 },
	{ "cut", OPT_CUT, 0, 0,
	  "What --include-files and --exclude-files leave out, they leave out with all that it "
	  "calls, as VizTracer does",
	  2 },
	{ "min-duration", OPT_MIN_DURATION, "TIME", 0,
	  "Leave out shorter calls; a bare number is microseconds", 2 },
	{ "max-stack-depth", OPT_MAX_STACK_DEPTH, "N", 0,
	  "Leave out calls deeper than N; a thread's outermost frame is 1", 2 },
	{ "tracer-entries", OPT_TRACER_ENTRIES, "N", 0,
	  "Keep only the newest N calls, and those still open", 2 },
	{ 0, 0, 0, 0, "Output:", 3 },
	{ "output", 'o', "FILE", 0, "Write to FILE (default result.json)", 3 },
	{ "format", OPT_FORMAT, "NAME", 0, "json, json.gz or vtb, whatever FILE is called", 3 },
	{ 0, 0, 0, 0, "Other:", 4 },
	{ "dry-run", OPT_DRY_RUN, 0, 0, "Only print which instructions would be probed", 4 },
	{ "buffer-size", OPT_BUFFER_SIZE, "SIZE", 0,
	  "Room for records on the way from the kernel (default 32M)", 4 },
	{ "quiet", 'q', 0, 0, "Say only what went wrong", 4 },
	{ "verbose", 'v', 0, 0, "Say more; twice: everything", 4 },
	{ "no-progress", OPT_NO_PROGRESS, 0, 0, "No progress line", 4 },
	{ "json", OPT_JSON, 0, 0, "With threads, ctl status: print JSON", 4 },
	{ 0 },
};

static const char threads_doc[] =
	"Shows the threads of a running CPython program: which there are, what they do, where they "
	"are. Only reads the program's memory; the program is not stopped.\v"
	"Columns: kernel thread id; Python's threading.get_ident(); Python's name; the kernel's name; "
	"whether it is a daemon thread; state; CPU time since it started; innermost Python frame with "
	"the line it is at. A thread without a Python state is native.\n\n"
	"States: running; waiting for the GIL; sleeping; uninterruptible (mostly: waiting for a disk); "
	"stopped; ended. \"with the GIL\" is added for who holds it. Free-threaded interpreters have "
	"none.\n\n"
	"--ignore-thread and --only-thread of a trace take what TID, IDENT (as ident:0x7f...), NAME "
	"and COMM show.\n\n"
	"Exit status: 0 done, 1 could not write, 2 bad usage, 3 missing privilege, 4 the process is "
	"no CPython, or is gone.";

static const struct argp_option threads_options[] = {
	{ "pid", 'p', "PID", 0, "The process", 1 },
	{ "json", OPT_JSON, 0, 0, "Print JSON", 1 },
	{ 0 },
};

static const char ctl_doc[] =
	"Controls the vtbpf that traces process PID, while it does. Needs root, or the user who runs "
	"that trace.\v"
	"Commands:\n"
	"  status             what is traced, since when, how much; paused or not; the filters\n"
	"  pause              remove the probes: the process runs at full speed\n"
	"  resume             set them again; calls that run then are shown as open\n"
	"  ignore-thread X    leave out threads from now on: a tid, ident:0x7f..., or a glob\n"
	"  unignore-thread X  take that back, or an --ignore-thread X\n"
	"  ignore-function G  leave out functions and all they call from now on: a glob on the\n"
	"                     qualified name or FILE:NAME\n"
	"  dump               write what there is so far to OUT-DATE-TIME-N beside the output, and\n"
	"                     print that name when the file is whole; the trace goes on\n"
	"  stop               end the trace as Ctrl-C does; answers when no probe is left, while\n"
	"                     the output is still being written\n\n"
	"Exit status: 0 done, 1 not done (no trace runs, or it says why not), 2 bad usage, 3 missing "
	"privilege.";

static const struct argp_option ctl_options[] = {
	{ "pid", 'p', "PID", 0, "The process that is traced", 1 },
	{ "json", OPT_JSON, 0, 0, "With status: print JSON", 1 },
	{ "quiet", 'q', 0, 0, "Say only what went wrong", 1 },
	{ "verbose", 'v', 0, 0, "Say more", 1 },
	{ 0 },
};

static void add(struct str_list *l, const char *s)
{
	l->items = realloc(l->items, (l->n + 1) * sizeof(*l->items));
	if (!l->items)
		abort();
	l->items[l->n++] = s;
}

/* Remembers a filter as the user gave it, for the trace to name. value NULL: it has none. */
static void add_filter(struct options *o, const char *option, const char *value)
{
	char *text = NULL;

	if (asprintf(&text, "--%s%s%s", option, value ? " " : "", value ? value : "") < 0)
		abort();
	add(&o->filters, text);
}

/* ---- values ----------------------------------------------------------------------------- */

static long get_number(struct argp_state *state, const char *what, const char *arg, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(arg, &end, 10);
	if (errno || end == arg || *end || n < 0 || n > max)
		argp_error(state, "%s: '%s' is not a number from 0 to %ld", what, arg, max);
	return n;
}

static uint64_t get_time(struct argp_state *state, const char *what, const char *arg, uint64_t bare)
{
	uint64_t ns = 0;

	if (parse_time(arg, bare, &ns))
		argp_error(state, "%s: '%s' is not a time such as 10s, 500ms, 20us or 2m", what,
			   arg);
	return ns;
}

static uint64_t get_buffer(struct argp_state *state, const char *arg)
{
	uint64_t bytes = 0;

	if (parse_size(arg, &bytes) || bytes < 4096 || bytes > 1ULL << 30)
		argp_error(state, "--buffer-size: '%s' is not a size from 4k to 1G", arg);
	return bytes;
}

static pid_t get_pid(struct argp_state *state, const struct options *o, const char *arg)
{
	if (o->pid)
		argp_error(state, "-p: one process at a time; run vtbpf once for each");
	return get_number(state, "-p", arg, 1 << 22);
}

/* ---- argp ------------------------------------------------------------------------------- */

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
	case OPT_EXCLUDE_FILES:
		*name = "exclude-files";
		return &o->functions.exclude_files;
	}
	return NULL;
}

static error_t parse_filter_option(int key, char *arg, struct argp_state *state, struct options *o)
{
	const char *name;
	struct str_list *list = list_of(key, o, &name);

	if (list) {
		if (!*arg)
			argp_error(state, "--%s: an empty name would fit nothing", name);
		add(list, arg);
		add_filter(o, name, arg);
		return 0;
	}
	switch (key) {
	case OPT_CUT:
		if (!o->functions.cut)
			add_filter(o, "cut", NULL);
		o->functions.cut = true;
		return 0;
	case OPT_TRACER_ENTRIES:
		o->tracer_entries = get_number(state, "--tracer-entries", arg, 1L << 40);
		if (!o->tracer_entries)
			argp_error(state, "--tracer-entries: 0 would keep nothing");
		add_filter(o, "tracer-entries", arg);
		return 0;
	case OPT_MIN_DURATION:
		o->min_duration_ns = get_time(state, "--min-duration", arg, 1000);
		add_filter(o, "min-duration", arg);
		return 0;
	case OPT_MAX_STACK_DEPTH:
		o->max_stack_depth = get_number(state, "--max-stack-depth", arg, 65534);
		add_filter(o, "max-stack-depth", arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
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
	if (o->command == CMD_TRACE && !o->pid && !o->program)
		argp_error(state, "nothing to trace: give -p PID, or -- PROGRAM");
	if (o->functions.cut && !o->functions.include_files.n && !o->functions.exclude_files.n)
		argp_error(state, "--cut: says what --include-files or --exclude-files leave out; "
				  "give one of them");
	if (o->pid && o->program)
		argp_error(state, "-p and -- PROGRAM: one of them");
	if (o->command == CMD_CONVERT && o->inputs.n != 1)
		argp_error(state, "convert: give one capture or JSON trace, and -o OUT");
	if (o->command == CMD_CONVERT && (o->pid || o->program || o->dry_run || o->duration_ns))
		argp_error(state,
			   "convert: works on a file; -p, -d, --dry-run and -- do not apply");
	if (o->command == CMD_DOCTOR && o->program)
		argp_error(state, "doctor: looks at the machine and at -p PID, it starts nothing");
	if (o->json && o->command != CMD_THREADS && o->command != CMD_CTL)
		argp_error(state, "--json: goes with threads and ctl status");
	check_threads(state, o);
	check_ctl(state, o);
}

static error_t parse_arg(struct options *o, char *arg, struct argp_state *state)
{
	if (!state->arg_num && !strcmp(arg, "convert"))
		o->command = CMD_CONVERT;
	else if (!state->arg_num && !strcmp(arg, "doctor"))
		o->command = CMD_DOCTOR;
	else if (!state->arg_num && !strcmp(arg, "threads"))
		o->command = CMD_THREADS;
	else if (!state->arg_num && !strcmp(arg, "ctl"))
		o->command = CMD_CTL;
	else if (o->command == CMD_CONVERT || o->command == CMD_CTL)
		add(&o->inputs, arg);
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
	case 'p':
		o->pid = get_pid(state, o, arg);
		return 0;
	case 'd':
		o->duration_ns = get_time(state, "--duration", arg, 1000000000);
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
		o->buffer_bytes = get_buffer(state, arg);
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
	return parse_filter_option(key, arg, state, o);
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
	static const struct argp argp = { option_table, parse_option, args_doc, doc, 0, 0, 0 };
	static const struct argp threads_argp = {
		threads_options, parse_option, "threads -p PID", threads_doc, 0, 0, 0
	};
	bool threads = argc > 1 && !strcmp(argv[1], "threads");
	static const struct argp ctl_argp = {
		ctl_options, parse_option, "ctl -p PID COMMAND [X]", ctl_doc, 0, 0, 0
	};
	bool ctl = argc > 1 && !strcmp(argv[1], "ctl");

	memset(o, 0, sizeof(*o));
	o->output = "result.json";
	o->max_stack_depth = -1;
	o->buffer_bytes = DEFAULT_BUFFER;
	argc = cut_program(argc, argv, o);
	accept_underscores(argc, argv);
	argv[0] = (char *)"vtbpf"; /* messages begin with the tool's name, not with its path */
	if (argp_parse(threads ? &threads_argp : ctl ? &ctl_argp : &argp, argc, argv, 0, NULL, o))
		exit(EXIT_USAGE);
}

void options__free(struct options *o)
{
	for (size_t i = 0; i < o->filters.n; i++)
		free((char *)o->filters.items[i]);
	free(o->filters.items);
	free(o->inputs.items);
	free(o->ignore_threads.items);
	free(o->only_threads.items);
	free(o->functions.ignore.items);
	free(o->functions.only.items);
	free(o->functions.include_files.items);
	free(o->functions.exclude_files.items);
}
