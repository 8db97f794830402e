// SPDX-License-Identifier: GPL-2.0-only
/* The tables of options, and what --help says. */
#include <string.h>

#include "options_parse.h"

static const char doc[] =
	"Traces every Python call of a running CPython program from outside, and writes a VizTracer "
	"timeline.\v"
	"TIME is 10s, 500ms, 2m, 20us; SIZE is 16M, 512k. X is a thread id, ident:0x7f... (Python's "
	"threading.get_ident()), or a glob on the thread's Python name or comm. GLOB is compared with "
	"the qualified name and with FILE:NAME; PATH is a prefix or a glob, and absolute or relative "
	"to the target's working directory.\n\n"
	"The trace ends with Ctrl-C, after --duration, or when the program exits. The format follows "
	"the output's extension: .json, .json.gz, .pftrace (Perfetto), .folded, .speedscope.json, "
	".pb.gz (pprof), .html (a report for the browser), or .vtb for the raw capture. Open .json "
	"with https://ui.perfetto.dev or vizviewer.\n\n"
	"Exit status: 0 done, 1 failed while running, 2 bad usage, 3 missing privilege or kernel "
	"feature, 4 the target is not a CPython that can be traced. After --, the program's own.\n\n"
	"Examples:\n"
	"  sudo vtbpf -p 1234\n"
	"  sudo vtbpf -p 1234 -d 10s --ignore-thread 'monitor*' -o service.json.gz\n"
	"  sudo vtbpf -o run.json -- python3 script.py\n"
	"  vtbpf convert run.vtb -o run.json --min-duration 100us\n"
	"  vtbpf diff before.vtb after.vtb\n"
	"  sudo vtbpf threads -p 1234";

static const char args_doc[] =
	"-p PID...\n-- PROGRAM [ARG...]\nconvert IN... -o OUT\ncombine IN... -o OUT\n"
	"report IN...\ndiff BEFORE AFTER\nview FILE\n"
	"doctor [-p PID]\nthreads -p PID\nctl -p PID COMMAND [X]";

static const struct argp_option option_table[] = {
	{ 0, 0, 0, 0, "What to trace:", 1 },
	{ "pid", 'p', "PID", 0, "Trace this running process; repeatable", 1 },
	{ "follow", 'f', 0, 0,
	  "And the processes that it starts or has started; the default after --", 1 },
	{ "no-follow", OPT_NO_FOLLOW, 0, 0, "Only the process itself", 1 },
	{ "match", OPT_MATCH, "GLOB", 0,
	  "Trace every Python whose whole command line, joined by blanks, fits, now and later; "
	  "repeatable",
	  1 },
	{ "cgroup", OPT_CGROUP, "PATH", 0,
	  "Trace every Python in this cgroup, now and later; repeatable", 1 },
	{ "duration", 'd', "TIME", 0, "Stop after this time; a bare number is seconds", 1 },
	{ "hz", OPT_HZ, "N", 0,
	  "Sample stacks N times per second of CPU time, instead of tracing calls", 1 },
	{ "wall", OPT_WALL, 0, 0,
	  "Sample threads that sleep or wait, too, and show what for; without --hz, at 100 Hz", 1 },
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
	{ "sample-rate", OPT_SAMPLE_RATE, "F", 0,
	  "Record this part of the time only (0.1: a tenth), in windows at random moments", 2 },
	{ "max-overhead", OPT_MAX_OVERHEAD, "PCT", 0,
	  "Record in windows, or with --hz sample, as much as slows the program down by no more than "
	  "PCT percent",
	  2 },
	{ "active", OPT_ACTIVE, "FROM-TO", 0,
	  "Record at these hours only (09:00-18:00, 22:00-6:00), local time; repeatable", 2 },
	{ "max-stack-depth", OPT_MAX_STACK_DEPTH, "N", 0,
	  "Leave out calls deeper than N; a thread's outermost frame is 1", 2 },
	{ "tracer-entries", OPT_TRACER_ENTRIES, "N", 0,
	  "Keep only the newest N calls, and those still open", 2 },
	{ "keep-last", OPT_KEEP_LAST, "TIME|N", 0,
	  "Flight recorder: keep only calls that ended in the last TIME (10s, 2m; in at most 512 MiB "
	  "of memory, or it keeps less and says so), or the newest N; SIGUSR1 or 'ctl dump' "
	  "writes what there is",
	  2 },
	{ "trigger", OPT_TRIGGER, "EXPR", 0,
	  "Write nothing but a dump of the last 10 s (see --keep-last) around each of these events: "
	  "slow:GLOB>50ms, rate:GLOB>1000/s, anomaly:GLOB, exception:TYPE[@FUNCTION], gc>20ms; "
	  "repeatable",
	  2 },
	{ "after", OPT_AFTER, "TIME", 0, "So long a dump goes on after its trigger (default 1s)",
	  2 },
	{ "cool-down", OPT_COOL_DOWN, "TIME", 0,
	  "After a hit a trigger rests so long (default 5s); hits meanwhile are counted", 2 },
	{ "max-dumps", OPT_MAX_DUMPS, "N", 0, "Dumps of all triggers together (default 100)", 2 },
	{ 0, 0, 0, 0, "Further events, on the same timeline:", 3 },
	{ "args", OPT_ARGS, "GLOB", 0,
	  "What functions of this qualified name, or FILE:NAME, are called with; repeatable", 3 },
	{ "exceptions", OPT_EXCEPTIONS, 0, 0,
	  "Exceptions: where each is raised, with type and message, and where it is caught", 3 },
	{ "async", OPT_ASYNC, 0, 0,
	  "Each asyncio task on a track of its own, arrows to those that it awaits, and how late "
	  "event loops are",
	  3 },
	{ "c-calls", OPT_C_CALLS, "GLOB", OPTION_ARG_OPTIONAL,
	  "C functions that Python code calls, or only those whose name GLOB matches: "
	  "builtins.len, list.append",
	  3 },
	{ "gc", OPT_GC, 0, 0, "Garbage collections: generation, objects collected", 3 },
	{ "gil", OPT_GIL, 0, 0, "Who has the GIL, and who waits for it", 3 },
	{ "sched", OPT_SCHED, 0, 0,
	  "What threads do without a CPU: blocked, in which system call, woken by whom; runnable",
	  3 },
	{ 0, 0, 0, 0, "Output:", 4 },
	{ "output", 'o', "FILE", 0, "Write to FILE (default result.json)", 4 },
	{ "format", OPT_FORMAT, "NAME", 0,
	  "json, json.gz, pftrace, folded, speedscope, pprof, html or vtb, whatever FILE is called",
	  4 },
	{ 0, 0, 0, 0, "Service:", 5 },
	{ "rotate", OPT_ROTATE, "TIME|SIZE", 0,
	  "Begin a new file after this time (10m), or when so much is recorded (100M): FILE's name "
	  "with date, time and a number. Not with --keep-last, --tracer-entries and --trigger",
	  5 },
	{ "keep", OPT_KEEP, "N", 0, "Of these files, remove all but the newest N", 5 },
	{ "pidfile", OPT_PIDFILE, "FILE", 0,
	  "Write vtbpf's process id there once tracing is on, and remove the file at the end", 5 },
	{ "max-memory", OPT_MAX_MEMORY, "SIZE", 0,
	  "End the trace when vtbpf uses more memory than this", 5 },
	{ 0, 0, 0, 0, "Other:", 6 },
	{ "dry-run", OPT_DRY_RUN, 0, 0, "Only print which instructions would be probed", 6 },
	{ "buffer-size", OPT_BUFFER_SIZE, "SIZE", 0,
	  "Room for records on the way from the kernel (default 32M; 8M a process where there are "
	  "several)",
	  6 },
	{ "quiet", 'q', 0, 0, "Say only what went wrong", 6 },
	{ "verbose", 'v', 0, 0, "Say more; twice: everything", 6 },
	{ "no-progress", OPT_NO_PROGRESS, 0, 0, "No progress line", 6 },
	{ "json", OPT_JSON, 0, 0, "With report, diff, threads, ctl status: print JSON", 6 },
	{ 0, 0, 0, 0, "With view:", 8 },
	{ "port", OPT_PORT, "N", 0,
	  "Serve on this port of 127.0.0.1 (default: 9001 for Perfetto, which takes no other; else "
	  "any)",
	  8 },
	{ "no-browser", OPT_NO_BROWSER, 0, 0, "Open no browser, only print the address", 8 },
	{ 0, 0, 0, 0, "With report (and --limit with diff):", 7 },
	{ "sort", OPT_SORT, "KEY", 0,
	  "By self (default), total, calls, min, mean, p50, p99, max or name", 7 },
	{ "limit", OPT_LIMIT, "N", 0, "Show N rows", 7 },
	{ "by", OPT_BY, "WHAT", 0,
	  "A row for each function (default), file, or function of a thread", 7 },
	{ 0, 0, 0, 0, "With combine:", 8 },
	{ "align", OPT_ALIGN, "HOW", 0,
	  "Not by the machines' clocks, but so that all begin together (start), or that the first "
	  "instant event of one name (marker), or the first event NAME (marker=NAME), is at the "
	  "same time in all",
	  8 },
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

/* Of threads and ctl. */
static const struct argp_option process_options[] = {
	{ "pid", 'p', "PID", 0, "The process", 1 },
	{ "json", OPT_JSON, 0, 0, "Print JSON (of ctl: with status)", 1 },
	{ "quiet", 'q', 0, 0, "Say only what went wrong", 1 },
	{ "verbose", 'v', 0, 0, "Say more", 1 },
	{ 0 },
};

struct argp options__argp(const char *command, argp_parser_t parser)
{
	struct argp argp = { option_table, parser, args_doc, doc, 0, 0, 0 };

	if (command && !strcmp(command, "threads")) {
		argp.options = process_options;
		argp.args_doc = "threads -p PID";
		argp.doc = threads_doc;
	} else if (command && !strcmp(command, "ctl")) {
		argp.options = process_options;
		argp.args_doc = "ctl -p PID COMMAND [X]";
		argp.doc = ctl_doc;
	}
	return argp;
}
