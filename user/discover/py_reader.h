/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounded reads of a running Python's memory; shared by py_objects, py_dict, py_frames, py_threads.
 *
 * Every public call of py_threads.h is one pass: it may read so many bytes and no more, so that a
 * target whose memory is garbage (or made to look endless) cannot keep the reader busy.
 */
#ifndef VTBPF_PY_READER_H
#define VTBPF_PY_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe_plan.h"
#include "py_layout.h"
#include "py_threads.h"

/* Reads up to len bytes at addr; returns how many were there, or a negative errno: -EFAULT nothing
 * is mapped at addr, -ESRCH the process is gone. */
typedef ssize_t (*py_read_fn)(void *ctx, uint64_t addr, void *buf, size_t len);

/* Names that are looked up in the target's dictionaries. */
enum py_symbol {
	PY_SYM_THREADING,
	PY_SYM_ACTIVE,
	PY_SYM_NAME,
	PY_SYM_IDENT,
	PY_SYM_NATIVE_ID,
	PY_SYM_DAEMONIC,
	PY_SYM_MP_PROCESS,
	PY_SYM_CURRENT_PROCESS,
	PY_N_SYMBOLS
};

struct py_type {
	uint64_t addr;
	uint64_t flags; /* tp_flags */
	int64_t basicsize;
	int64_t dictoffset;
};

#define PY_TYPE_CACHE 64

struct py_reader {
	py_read_fn read;
	void *ctx;
	int mem_fd;
	pid_t pid;	  /* 0 when memory is not a process's */
	pid_t ns_pid;	  /* the target's pid as it sees itself */
	uint64_t runtime; /* _PyRuntime */
	struct py_layout l;
	struct vtbpf_layout frame; /* of frames, code objects and strings */
	uint64_t budget;	   /* what this pass may still read */
	bool gone;
	bool refined; /* l has what the debug offsets say; else the row of the table holds */
	struct py_type types[PY_TYPE_CACHE]; /* seen in this pass */
	bool verified[PY_N_SYMBOLS];	     /* in this pass symbols[] was found to hold true */
	uint64_t symbols[PY_N_SYMBOLS];	     /* str objects that held these names when last seen */
	uint64_t code_type;		     /* PyCode_Type, once seen */
};

/* Sets up r to read through fn an interpreter that is loaded where the plan says. 0, or -ENOTSUP
 * for a version without a row. Nothing to release. */
int py_reader__init(struct py_reader *r, const struct probe_plan *plan, py_read_fn fn, void *ctx);

/* Starts a pass. */
void py_reader__begin(struct py_reader *r);

/* Reads exactly len bytes. 0, -EFAULT, -ESRCH, or -EFBIG when the pass has read enough. */
int py_reader__get(struct py_reader *r, uint64_t addr, void *buf, size_t len);

/* Reads at least min and at most max bytes: what is mapped of them. How many, or as above. */
ssize_t py_reader__get_some(struct py_reader *r, uint64_t addr, void *buf, size_t min, size_t max);

/* Reads the word at base + offset. */
int py_reader__word(struct py_reader *r, uint64_t base, int64_t offset, uint64_t *value);

#endif
