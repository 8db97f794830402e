/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a trace of one process: what was captured becomes the output. */
#ifndef VTBPF_CMD_TRACE_H
#define VTBPF_CMD_TRACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "options.h"

struct member_report;
struct recording_result;

struct trace_end {
	const struct options *o;
	pid_t pid;
	const char *capture_path;
	int capture_fd;
	bool to_capture; /* the capture is the output */
	bool is_member;	 /* one recording among others: somebody else makes the output */
	struct recording_result *result;
	struct member_report *report;  /* to them */
	const struct str_list *ignore; /* threads, for the conversion */
};

/* Makes the output of the captures, and says so. The exit status. */
int trace__finish(const struct trace_end *tr);

/* Nothing was traced. */
void trace__remove_captures(const struct trace_end *tr);

#endif
