/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of the contract (vtbpf.h, which includes this) that --exceptions needs. */
#ifndef VTBPF_EXCEPTION_H
#define VTBPF_EXCEPTION_H

#define VTBPF_MAX_EXCEPTION_SITES 4

/* A probed place, attached with its index as cookie. */
struct vtbpf_exception_site {
	__u64 vaddr; /* of the instruction, in the file's own address space */
	struct vtbpf_site site;
};

#define VTBPF_NOT_COUNTED (-1)
#define VTBPF_MESSAGE_CHARS 256 /* code points; longer messages are cut off */

/* Room for the type and for the message: of most exceptions, and at most. */
#define VTBPF_TYPE_SMALL 64
#define VTBPF_MESSAGE_SMALL 128
#define VTBPF_TYPE_LARGE 1024
#define VTBPF_MESSAGE_LARGE (4 * VTBPF_MESSAGE_CHARS)

/* Where the BPF side finds what it tells of an exception, in bytes; from the table of
 * user/discover/py_layout.c. Fields that a version does not have are VTBPF_NO_FIELD. */
struct vtbpf_exceptions {
	__u16 exc_args, exc_traceback;
	__u16 tb_next, tb_frame;
	__u16 var_size, tuple_items, bytes_data;
	__u16 tstate_handled; /* to what holds the exception that is being handled */
	__u16 handled_value;  /* there */
	__u16 frame_instr, frame_tlbc;
	__u16 code_lines, code_bytes, code_tlbc;
	__u16 frame_blocks;	  /* up to 3.10: number of blocks, and the blocks */
	__u16 frame_values;	  /* and the pointer to the stack of values */
	__u8 lines;		  /* enum vtbpf_lines */
	__u8 index_unit;	  /* up to 3.10: bytes that f_lasti counts; 0: it is a pointer */
	__u8 reraise, copy, swap; /* opcodes; RERAISE is END_FINALLY in 3.8 */
	__u8 _pad[3];
};

/* How a code object maps instructions to lines. */
enum vtbpf_lines {
	VTBPF_LINES_LNOTAB,    /* 3.8, 3.9: pairs that say where a line begins */
	VTBPF_LINES_PAIRS,     /* 3.10: pairs that say where one ends */
	VTBPF_LINES_LOCATIONS, /* 3.11 on: entries of several bytes */
};

/* ---- in maps ---------------------------------------------------------------------------- */

/* An exception has reached a frame, and may go on from there. */
struct landing_key {
	__u64 frame;
	__u32 tid;
	__u32 _pad;
};

struct landing {
	__u64 ts;
	__u64 exc;  /* the exception; up to 3.11 what will be its arguments, maybe */
	__u64 type; /* its type */
};

/* An exception that is raised while the frame handles another one comes on top of that. */
#define VTBPF_LANDINGS 4
struct landings {
	struct landing at[VTBPF_LANDINGS]; /* the newest first; ts 0: none */
};

struct line_key {
	__u32 code; /* id */
	__u32 offset;
};

_Static_assert(sizeof(struct vtbpf_exceptions) == 40, "exceptions");
_Static_assert((VTBPF_TYPE_SMALL + VTBPF_MESSAGE_SMALL) % 8 == 0, "exception record, small");
_Static_assert((VTBPF_TYPE_LARGE + VTBPF_MESSAGE_LARGE) % 8 == 0, "exception record, large");

#endif /* VTBPF_EXCEPTION_H */
