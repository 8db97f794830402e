/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of the contract (vtbpf.h, which includes this) for what functions are called with. */
#ifndef VTBPF_ARGS_H
#define VTBPF_ARGS_H

#define VTBPF_MAX_ARGS 32     /* parameters of a function that are looked at: the first ones */
#define VTBPF_ARG_NAME 40     /* bytes of a parameter's name; longer ones are cut */
#define VTBPF_ARG_CHARS 256   /* of a str that are shown */
#define VTBPF_ARG_BYTES 1024  /* of a value */
#define VTBPF_ARGS_BYTES 8192 /* when a call's values have so much, no more are added */

enum vtbpf_arg_kind {
	VTBPF_ARG_UNREADABLE = 0,
	VTBPF_ARG_NONE = 1,
	/* Digits of 30 bits in words of 32, lowest first; length: how many there are, which may be more
	 * than came; width 1: it is negative. A bool is 0 or not. */
	VTBPF_ARG_BOOL = 2,
	VTBPF_ARG_INT = 3,
	VTBPF_ARG_FLOAT = 4, /* a double */
	VTBPF_ARG_STR =
		5, /* its first code points, `width` bytes each; length: code points in all */
	VTBPF_ARG_SIZED = 6, /* a container: name of its type; length: what len() says */
	VTBPF_ARG_OTHER = 7, /* tp_name of its type */
};

/* In text[0] of a VTBPF_EVENT_ARGS, one after the other. The name, as a str's storage, and the value
 * follow, each filled up to a multiple of 8 bytes. */
struct vtbpf_arg {
	__u64 length;
	__u16 bytes; /* of the value */
	__u8 kind;   /* enum vtbpf_arg_kind */
	__u8 width;
	__u8 name_bytes;
	__u8 name_width;
	__u16 _pad;
};

/* flags of the event: the function is one of those that were asked for. Else it had no verdict yet. */
#define VTBPF_F_ARGS_ASKED 0x01

/* Built-in types whose values are shown. */
enum vtbpf_arg_type {
	VTBPF_ARG_TYPE_INT,
	VTBPF_ARG_TYPE_BOOL,
	VTBPF_ARG_TYPE_FLOAT,
	VTBPF_ARG_TYPE_STR,
	VTBPF_ARG_TYPE_BYTES,
	VTBPF_ARG_TYPE_LIST,
	VTBPF_ARG_TYPE_TUPLE,
	VTBPF_ARG_TYPE_DICT,
	VTBPF_ARG_TYPE_SET,
	VTBPF_ARG_TYPE_NONE,
	VTBPF_ARG_N_TYPES
};

/* Where the BPF side finds parameters and values, in bytes. Filled by user/discover/py_args.c, which
 * cites the source of each number; rodata on the BPF side. */
struct vtbpf_args_layout {
	__u16 code_argcount, code_kwonly; /* ints; the first without *args and **kwargs */
	__u16 code_names;		  /* tuple of str, parameters first */
	__u16 code_kinds;		  /* bytes of CO_FAST_*, by local; 0: none (up to 3.10) */
	__u16 code_nlocals, code_cells;	  /* up to 3.10: cells follow the locals; tuple of names */
	__u16 code_cell2arg;		  /* up to 3.10: parameter by cell, or NULL */
	__u16 frame_lasti;		  /* up to 3.10: negative before a frame has run */
	__u16 ob_type, tp_name, tp_flags;
	__u16 ob_size,
		ob_body; /* of what has a size; first byte after the header of what has none */
	__u16 tuple_items, bytes_data, long_size, long_digits, set_used;
	__u8 long_tag; /* lv_tag (3.12) instead of a signed ob_size */
	__u8 _pad[3];
	/* Of the types, in the process; 0: not known. Their names tell them, too, but lie in
	 * pages of a file, which after a fork nobody may have touched yet. */
	__u64 types[VTBPF_ARG_N_TYPES];
};

_Static_assert(sizeof(struct vtbpf_arg) == 16, "argument");
_Static_assert(sizeof(struct vtbpf_args_layout) == 120, "layout of arguments");

#endif /* VTBPF_ARGS_H */
