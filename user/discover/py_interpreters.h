/* SPDX-License-Identifier: GPL-2.0-only */
/* The interpreters of a process, and the locks that their threads take turns with. */
#ifndef VTBPF_PY_INTERPRETERS_H
#define VTBPF_PY_INTERPRETERS_H

#include "py_reader.h"

#define PY_MAX_INTERPRETERS 1024

/* The PyInterpreterStates, newest first, within a pass. How many, or a negative errno. */
int py_interpreters__list(struct py_reader *r, uint64_t *interps, int max);

/* A global interpreter lock: up to 3.11 the process has one, from 3.12 on interpreters may have
 * their own. */
struct py_gil {
	uint64_t addr;
	uint64_t holder;   /* PyThreadState, 0 when it is free */
	uint64_t switches; /* how often it went from one thread to another */
	/* who waits for it does so on a futex in here (glibc keeps those in the object itself) */
	uint64_t wait_begin, wait_end;
};

/* Reads the locks that are in use, at most max; free-threaded interpreters have none. How many. */
int py_gils__read(struct py_reader *r, struct py_gil *gils, int max);

#endif
