/* SPDX-License-Identifier: GPL-2.0-only */
/* The threads of a process as a table and as JSON: what `vtbpf threads` prints. */
#ifndef VTBPF_THREAD_REPORT_H
#define VTBPF_THREAD_REPORT_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "../discover/live_threads.h"
#include "outbuf.h"

struct thread_report {
	pid_t pid;
	const char *python; /* version: "3.13.5" */
	bool free_threaded;
	const struct live_threads *live;
	pid_t ns_pid; /* what it calls itself in a pid namespace of its own; 0: it has none */
};

/* Prints one line a thread below a line of headings. 0 or -ENOMEM. */
int thread_report__table(const struct thread_report *t, FILE *out);

/* Writes one JSON object and a newline; errors stay in out. */
void thread_report__json(const struct thread_report *t, struct outbuf *out);

#endif
