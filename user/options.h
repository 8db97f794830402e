/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line, parsed and checked. DESIGN of the options: README.md and vtbpf(1). */
#ifndef VTBPF_OPTIONS_H
#define VTBPF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "combine_align.h"
#include "function_filter.h"
#include "report_options.h"
#include "schedule.h"
#include "str_list.h"

enum command {
	CMD_TRACE,
	CMD_CONVERT,
	CMD_COMBINE,
	CMD_REPORT,
	CMD_DOCTOR,
	CMD_THREADS,
	CMD_CTL,
	CMD_VIEW,
	CMD_DIFF,
};

/* Exit codes, for every command. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_PRIVILEGE = 3, /* or a kernel feature is missing */
	EXIT_BAD_TARGET = 4,
};

#define SEVERAL_BUFFER (8 << 20) /* of each process, where there are several */

/* Strings point into argv unless said. */
struct options {
	enum command command;
	pid_t pid;   /* the first; 0: none */
	pid_t *pids; /* all that were named; ours */
	size_t n_pids;
	struct str_list match, cgroups;
	uint64_t rotate_ns, rotate_bytes; /* 0: one file */
	const char *pidfile;		  /* NULL: none */
	size_t keep;			  /* files of the rotation; 0: all */
	uint64_t max_memory;		  /* of vtbpf's processes; 0: no limit */
	bool several;			  /* processes, or a rule that may fit several */
	bool follow, follow_asked;	  /* descendants */
	char **program;			  /* after `--`, NULL-terminated; NULL: none */
	struct str_list inputs; /* of convert, combine; of ctl: what is asked, and its argument */
	size_t n_before;	/* of diff: the first of the inputs */
	const char *output;	/* "result.json" unless named */
	bool output_named;
	const char *format;   /* NULL: by extension */
	uint64_t duration_ns; /* 0: no limit */
	struct str_list ignore_threads;
	struct str_list only_threads;
	uint64_t min_duration_ns;
	int max_stack_depth; /* -1: none */
	struct function_filter functions;
	uint64_t tracer_entries; /* keep the newest calls only; 0: all */
	uint64_t keep_ns;	 /* keep only calls that ended within this time; 0: all */
	struct str_list triggers;
	uint64_t after_ns, cool_down_ns; /* of each trigger */
	unsigned int max_dumps;
	double sample_rate;	      /* part of the time to record, 0: all of it */
	double max_overhead;	      /* part of the target's time that may be lost, 0: any */
	struct schedule_span *active; /* when to record; malloc'ed */
	size_t n_active;
	uint64_t buffer_bytes;
	bool buffer_named;
	bool small_maps; /* there are other recordings beside it */
	int verbosity;	 /* -1 with -q, else how many -v */
	uint32_t hz;	 /* of samples; 0: calls are traced */
	bool wall;	 /* and of threads that have no CPU, too */
	bool sched;	 /* what threads do without a CPU */
	bool gc;	 /* show collections */
	bool gil;	 /* show who has the GIL, and who waits for it */
	bool exceptions; /* show where they are raised and caught */
	bool async;	 /* show asyncio's tasks on tracks of their own, and how late loops are */
	bool c_calls;	 /* and calls of C functions; which ones: functions.c_calls */
	bool no_progress;
	bool dry_run;
	bool json; /* of threads, ctl status */
	struct report_options report;
	bool report_asked;	  /* one of its options was given */
	enum combine_align align; /* of combine */
	const char *marker;	  /* its event; NULL: any */
	bool align_asked;
	uint16_t port; /* of view; 0: not named */
	bool no_browser;
	struct str_list filters; /* filters in force, as text; the strings are malloc'ed */
};

/* Parses argv into o; on bad usage prints why and exits with EXIT_USAGE, on --help and --version
 * prints that and exits with EXIT_OK. */
void options__parse(int argc, char **argv, struct options *o);
void options__free(struct options *o);

#endif
