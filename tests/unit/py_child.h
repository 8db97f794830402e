/* SPDX-License-Identifier: GPL-2.0-only */
/* Real interpreters as children of a test: finding them, running a script, planning them. */
#ifndef VTBPF_TEST_PY_CHILD_H
#define VTBPF_TEST_PY_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../../user/discover/py_threads.h"

#define PY_CHILD_MAX_INTERPRETERS 32
#define PY_CHILD_LINE (1 << 20)

/* Every CPython 3.8 to 3.15 in the usual places; no two are the same. */
extern struct interpreters {
	size_t n;
	char *paths[PY_CHILD_MAX_INTERPRETERS];
} interpreters;

/* For cmocka, of a group: find them, and say so where there is none; forget them. */
int interpreters__setup(void **state);
int interpreters__teardown(void **state);

struct py_child {
	pid_t pid;
	int in, out; /* its standard input; its standard output */
	char *line;  /* the last line it wrote, without the newline */
	size_t have;
	char *buffer;
};

/* Starts `python script mode`. True when it runs. */
bool py_child__start(struct py_child *c, const char *python, const char *script, const char *mode);

/* Reads the child's next line into c->line. False at the end of its output. */
bool py_child__line(struct py_child *c);

/* Kills the child, waits for it, releases c. */
void py_child__stop(struct py_child *c);

/* A reader of process pid; NULL with a sentence in why when its interpreter cannot be planned. */
struct py_reader *py_child__reader(pid_t pid, char *why, size_t why_size);

#endif
