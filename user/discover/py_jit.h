/* SPDX-License-Identifier: GPL-2.0-only */
/* CPython's own just-in-time compiler: code that it made runs no opcode handlers. */
#ifndef VTBPF_PY_JIT_H
#define VTBPF_PY_JIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "probe_plan.h"

/* Does this environment (name=value strings, each ended by NUL) turn the JIT on? It is asked for with
 * PYTHON_JIT, any value but "0" and the empty one (CPython 3.13 to 3.15, Python/pylifecycle.c). */
bool py_jit__wanted(const char *environ, size_t len);

/* Is process pid, an interpreter planned as `plan`, likely to run with the JIT? */
bool py_jit__active(const struct probe_plan *plan, pid_t pid);

#endif
