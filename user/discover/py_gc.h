/* SPDX-License-Identifier: GPL-2.0-only */
/* The garbage collector of a process, seen from outside. */
#ifndef VTBPF_PY_GC_H
#define VTBPF_PY_GC_H

#include "py_reader.h"

/*
 * Where the ints lie that are not 0 while a collection runs: gcstate->collecting, of the process in
 * 3.8 and of each interpreter since (Include/internal/pycore_pymem.h, pycore_gc.h). A pass. How many,
 * at most max, or a negative errno.
 */
int py_gc__flags(struct py_reader *r, uint64_t *addrs, int max);

/* The thread that runs Python just now, as the kernel counts here; 0 when it is not known. A
 * collection keeps the GIL. Several passes. */
pid_t py_gc__running_thread(struct py_reader *r, pid_t pid);

#endif
