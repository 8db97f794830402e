/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the command line's files: options.c (the course of parsing, and what goes with what),
 * options_text.c (what --help says), options_filter.c (the options that say what to keep),
 * options_report.c, options_combine.c, options_diff.c and options_view.c (those of the commands of
 * these names), options_when.c (those that say when to record), options_events.c (events) and
 * options_value.c (numbers, times, sizes).
 */
#ifndef VTBPF_OPTIONS_PARSE_H
#define VTBPF_OPTIONS_PARSE_H

#include <argp.h>
#include <stdint.h>

#include "options.h"

enum option_key {
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
	OPT_KEEP_LAST,
	OPT_TRIGGER,
	OPT_AFTER,
	OPT_COOL_DOWN,
	OPT_MAX_DUMPS,
	OPT_SAMPLE_RATE,
	OPT_MAX_OVERHEAD,
	OPT_ACTIVE,
	OPT_BUFFER_SIZE,
	OPT_FORMAT,
	OPT_DRY_RUN,
	OPT_NO_PROGRESS,
	OPT_JSON,
	OPT_SORT,
	OPT_LIMIT,
	OPT_BY,
	OPT_MATCH,
	OPT_CGROUP,
	OPT_HZ,
	OPT_WALL,
	OPT_ROTATE,
	OPT_KEEP,
	OPT_MAX_MEMORY,
	OPT_PIDFILE,
	OPT_NO_FOLLOW,
	OPT_ALIGN,
	OPT_PORT,
	OPT_NO_BROWSER,
	OPT_SCHED,
	OPT_GC,
	OPT_ARGS,
	OPT_GIL,
	OPT_EXCEPTIONS,
	OPT_ASYNC,
	OPT_C_CALLS,
};

/* ---- options_text.c --------------------------------------------------------------------- */

/* The options and the help of the command that argv[1] names, if it has its own; else of all. All of
 * them are parsed by `parser`. */
struct argp options__argp(const char *command, argp_parser_t parser);

/* ---- options_value.c -------------------------------------------------------------------- */

/* Each ends the program with a message when arg is none. `what` is the option, with its dashes. */
long option__number(struct argp_state *state, const char *what, const char *arg, long max);

/* In ns; bare: what a number without a unit counts, in ns. */
uint64_t option__time(struct argp_state *state, const char *what, const char *arg, uint64_t bare);
uint64_t option__buffer_size(struct argp_state *state, const char *arg);

/* Remembers s, which is not copied. */
void option__add(struct str_list *l, const char *s);

/* Remembers a filter as the user gave it, for the trace to name. value NULL: it has none. */
void option__add_filter(struct options *o, const char *option, const char *value);

/* ---- options_report.c ------------------------------------------------------------------- */

/* ARGP_ERR_UNKNOWN when it is no option of `report`. */
error_t option__parse_report(int key, char *arg, struct argp_state *state, struct options *o);
void option__check_report(struct argp_state *state, const struct options *o);

/* ---- options_diff.c --------------------------------------------------------------------- */

/* Of `diff`, the -- among its traces is made an argument like them. false: it is another command. */
bool option__separate_diff(int argc, char **argv);
void option__parse_diff_input(struct options *o, char *arg);
void option__check_diff(struct argp_state *state, struct options *o);

/* ---- options_view.c --------------------------------------------------------------------- */

/* ARGP_ERR_UNKNOWN when it is no option of `view`. */
error_t option__parse_view(int key, char *arg, struct argp_state *state, struct options *o);
void option__check_view(struct argp_state *state, const struct options *o);

/* ---- options_fleet.c -------------------------------------------------------------------- */

#define DEFAULT_BUFFER (32 << 20)

/* -p, and what traces of several processes take. ARGP_ERR_UNKNOWN for others. */
error_t option__parse_fleet(int key, char *arg, struct argp_state *state, struct options *o);
void option__check_fleet(struct argp_state *state, struct options *o);

/* ---- options_filter.c ------------------------------------------------------------------- */

/* ARGP_ERR_UNKNOWN when it is no option that says what to keep. */
error_t option__parse_filter(int key, char *arg, struct argp_state *state, struct options *o);

/* ---- options_trigger.c ------------------------------------------------------------------ */

/* ARGP_ERR_UNKNOWN when it is no option about triggers. */
error_t option__parse_trigger(int key, char *arg, struct argp_state *state, struct options *o);

/* What goes with what of these, and of --keep-last. */
void option__check_trigger(struct argp_state *state, const struct options *o);

/* ---- options_combine.c ------------------------------------------------------------------ */

/* ARGP_ERR_UNKNOWN when it is no option of `combine`. */
error_t option__parse_combine(int key, char *arg, struct argp_state *state, struct options *o);
void option__check_combine(struct argp_state *state, const struct options *o);

/* ---- options_events.c ------------------------------------------------------------------- */

/* ARGP_ERR_UNKNOWN when it asks for no further events. */
error_t option__parse_events(int key, char *arg, struct argp_state *state, struct options *o);
void option__check_events(struct argp_state *state, const struct options *o);

/* ---- options_when.c --------------------------------------------------------------------- */

/* ARGP_ERR_UNKNOWN when it is no option that says when to record. */
error_t option__parse_when(int key, char *arg, struct argp_state *state, struct options *o);

#endif
