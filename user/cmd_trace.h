/* SPDX-License-Identifier: GPL-2.0-only */
/* A trace of one process under way: private to cmd_trace.c (its course) and cmd_trace_end.c. */
#ifndef VTBPF_CMD_TRACE_H
#define VTBPF_CMD_TRACE_H

#include <signal.h>

#include "options.h"
#include "discover/gc_sites.h"
#include "discover/probe_plan.h"
#include "discover/target.h"
#include "trace/launch.h"
#include "trace/member.h"
#include "trace/recording.h"
#include "trace/tracer_early.h"

struct trace {
	const struct options *o;
	struct launched launched; /* pid 0: none */
	struct target target;
	struct probe_plan plan;
	struct gc_plan gc;     /* with --gc */
	struct mark_site mark; /* offset 0: not found */
	struct tracer_early *early;
	struct capture_writer writer;
	struct recording_result result;
	struct member_link *link;    /* of one recording among others; NULL: it is alone */
	struct member_report report; /* to them */
	int capture_fd;
	char *capture_path;
	bool to_capture; /* the capture is the output */
	int signal_fd;
	sigset_t old_mask;
	struct own_cost own; /* since vtbpf began */
	struct str_list
		ignore; /* for the conversion; `vtbpf ctl` may take some out. Not our strings */
};

/* Makes the output of the captures, and says so. The exit status. */
int trace__finish(struct trace *tr);

/* Nothing was traced. */
void trace__remove_captures(struct trace *tr);

#endif
