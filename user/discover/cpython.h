/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of each minor version of CPython: the one table that a new version is added to.
 */
#ifndef VTBPF_CPYTHON_H
#define VTBPF_CPYTHON_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/vtbpf.h"
#include "elf_image.h"

#define CPYTHON_OLDEST 8
#define CPYTHON_NEWEST 15

/* How calls are seen: which instructions are probed. */
enum cpython_family {
	FAMILY_FRAME,	 /* 3.8-3.10: each call enters the evaluation function */
	FAMILY_IS_ENTRY, /* 3.11: calls are inlined, frames know whether C called them */
	FAMILY_OWNER,	 /* 3.12 on: one function ends each frame and asks who owns it */
};

struct cpython_opcode {
	const char *name; /* as in CPython's opcode.h */
	uint8_t number;
	uint8_t kind; /* enum vtbpf_site_kind */
};

/* Where the fields of _Py_DebugOffsets stand (3.13 on), in bytes from its start. */
struct cpython_debug_offsets {
	uint16_t frame_previous, frame_executable, frame_localsplus, frame_owner;
	uint16_t code_filename, code_qualname, code_firstlineno;
	uint16_t str_state, str_length, str_ascii;
};

#define CPYTHON_MAX_OPCODES 8

struct cpython {
	uint8_t minor;
	uint8_t family;	   /* enum cpython_family */
	const char *holes; /* opcodes without a meaning: "119-148,255" */
	struct cpython_opcode opcodes[CPYTHON_MAX_OPCODES]; /* those probed; ends at number 0 */
	uint8_t return_value;				    /* number of RETURN_VALUE */
	uint8_t return_generator;			    /* number of RETURN_GENERATOR, 0 none */
	uint8_t pop_except;				    /* number of POP_EXCEPT */
	uint8_t reraise;       /* number of RERAISE, in 3.8 of END_FINALLY */
	uint8_t copy, swap;    /* numbers of COPY and SWAP, 3.11 on */
	uint8_t frame_instr;   /* frame -> prev_instr or instr_ptr: a handler's first store */
	uint8_t is_entry;      /* 3.11: frame -> is_entry */
	uint16_t tstate_frame; /* up to 3.10: tstate -> frame */
	struct vtbpf_layout layout;
	struct cpython_debug_offsets debug; /* frame_previous 0: none */
};

/* The entry of 3.MINOR, or NULL. */
const struct cpython *cpython__of(unsigned int minor);

/* Fills layout for the interpreter in img: the table's numbers, replaced by what the file's own
 * _Py_DebugOffsets at `runtime` say when there are some. Returns 0, or -EINVAL when those make no
 * sense. free_threaded tells which flavour the file is. */
int cpython__layout(const struct cpython *py, const struct elf_image *img, uint64_t runtime,
		    struct vtbpf_layout *layout, bool *free_threaded);

/* Marks the undefined opcodes of py in holes[256]. */
void cpython__holes(const struct cpython *py, bool holes[256]);

#endif
