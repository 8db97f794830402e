/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the threads of a process are doing right now, as the kernel and Python see it.
 *
 * Only reading: the threads run on meanwhile, so that two of them may be shown as they were some
 * milliseconds apart.
 */
#ifndef VTBPF_LIVE_THREADS_H
#define VTBPF_LIVE_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "py_threads.h"

enum live_state {
	LIVE_RUNNING,	      /* on a CPU, or waiting for one */
	LIVE_GIL_WAIT,	      /* would run Python code if it had the GIL */
	LIVE_SLEEPING,	      /* in a system call that waits for something else */
	LIVE_UNINTERRUPTIBLE, /* likewise, mostly for a disk */
	LIVE_STOPPED,	      /* by a signal or a debugger */
	LIVE_ENDED,	      /* but the process goes on */
};

enum live_answer { LIVE_NO, LIVE_YES, LIVE_UNKNOWN };

struct live_thread {
	pid_t tid; /* as /proc here counts; 0 when unknown, and then so are comm, state, cpu_ms */
	pid_t ns_tid; /* as its own pid namespace counts; 0 when unknown, or when that is the same */
	uint64_t ident; /* threading.get_ident(), 0 for a native thread */
	bool python;	/* it has a Python thread state; else it is native */
	bool holds_gil;
	enum live_answer daemon;
	enum live_state state;
	uint64_t cpu_ms; /* CPU time since it started */
	char comm[64];
	char *name; /* UTF-8 as all text here; NULL when Python has none */
	/* its innermost Python frame; function NULL: none, file NULL: it could not be read */
	char *function; /* qualified from 3.11 on */
	char *file;
	uint32_t line; /* that it executes; 0 when the instruction has none */
};

struct live_threads {
	size_t n;
	struct live_thread *threads; /* by tid, those without one last */
};

/* Reads the threads of process pid, whose interpreter r reads. 0 or a negative errno (-ESRCH: it is
 * gone). The result is the caller's, free it with live_threads__free. */
int live_threads__read(struct py_reader *r, pid_t pid, struct live_threads *out);
void live_threads__free(struct live_threads *l);

/* "running", "waiting for the GIL", "sleeping", "uninterruptible", "stopped", "ended" */
const char *live_state__name(enum live_state state);

#endif
