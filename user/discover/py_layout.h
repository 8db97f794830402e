/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a CPython keeps what py_threads reads: runtime, thread states, dictionaries, instances.
 *
 * One row per minor version; of frames, code objects and strings there is here only what
 * struct vtbpf_layout, which the BPF side shares, leaves out.
 */
#ifndef VTBPF_PY_LAYOUT_H
#define VTBPF_PY_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "../../bpf/vtbpf.h"

#define PY_NO_FIELD VTBPF_NO_FIELD

/* How the header of a dict's keys tells the size of the index table. */
enum py_keys_form {
	PY_KEYS_SIZE, /* <= 3.10: dk_size, the number of slots; every entry has a hash */
	PY_KEYS_LOG2, /* 3.11: dk_log2_index_bytes, dk_kind; entries of str keys have no hash */
};

/* How a code object maps instructions to lines, and what a frame says of the current one. */
enum py_lines_form {
	/* 3.8, 3.9: co_lnotab; f_lasti counts bytes */
	PY_LINES_LNOTAB = VTBPF_LINES_LNOTAB,
	/* 3.10: pairs in co_linetable; f_lasti counts code units */
	PY_LINES_PAIRS = VTBPF_LINES_PAIRS,
	/* 3.11: locations in co_linetable; a pointer into the code */
	PY_LINES_LOCATIONS = VTBPF_LINES_LOCATIONS,
};

/* Offsets in bytes; PY_NO_FIELD where the version has no such field. */
struct py_layout {
	uint8_t minor;
	uint8_t instance;     /* enum vtbpf_attrs_form */
	uint8_t keys;	      /* enum py_keys_form */
	uint8_t lines;	      /* enum py_lines_form */
	bool long_tag;	      /* lv_tag (3.12) instead of a signed ob_size */
	bool refcount_counts; /* the low word of a live object's header is never 0 */
	int8_t managed_dict;  /* object -> its managed dict pointer */
	uint16_t runtime_interpreters;
	uint16_t runtime_main_thread; /* ident of the main thread */
	uint16_t interp_next, interp_threads, interp_modules;
	uint16_t tstate_prev, tstate_next, tstate_interp;
	uint16_t tstate_frame; /* frame, current_frame or cframe */
	uint16_t cframe_frame; /* PY_NO_FIELD: tstate_frame is the frame itself */
	uint16_t tstate_ident, tstate_native;
	uint16_t ob_type;
	uint16_t tp_name, tp_basicsize, tp_flags, tp_dictoffset, ht_cached_keys;
	uint16_t ma_keys, ma_values;
	uint16_t values_items; /* values -> first value */
	uint16_t long_size, long_digits;
	uint16_t md_dict;
	uint16_t runtime_gil; /* the GIL itself, or PY_NO_FIELD: each interpreter points to its own */
	uint16_t interp_gil;
	uint16_t gil_holder, gil_locked;
	uint16_t frame_is_entry; /* 3.11; 0: none */
	uint16_t frame_instr;	 /* f_lasti, prev_instr or instr_ptr */
	uint16_t frame_tlbc;	 /* which copy of the bytecode it runs (free-threaded 3.14) */
	uint16_t code_lines;	 /* co_lnotab or co_linetable */
	uint16_t code_bytes;	 /* the bytecode: a bytes object up to 3.10, else the code units */
	uint16_t code_tlbc;	 /* its copies */
	uint16_t var_size;	 /* ob_size */
	uint16_t bytes_data;
	uint16_t tstate_raised;	   /* current_exception, or curexc_type and the two after it */
	uint16_t raised_traceback; /* of an exception; PY_NO_FIELD: it is curexc_traceback */
	uint16_t exc_args, exc_traceback; /* of an exception */
	uint16_t tb_next, tb_frame;	  /* of a traceback */
	uint16_t tuple_items;
	uint16_t tstate_handled; /* exc_info: to what holds the exception that is being handled */
	uint16_t handled_value;	 /* there */
	uint16_t frame_blocks;	 /* up to 3.10: f_iblock; f_blockstack is the next but one */
	uint16_t frame_values;	 /* f_valuestack */
	uint16_t gc_collecting;	 /* from the interpreter on; in 3.8 from the runtime */
};

/* From the GIL's `locked` to the first of its two condition variables and two mutexes, and how long all
 * four are: Include/internal/pycore_gil.h (3.8 to 3.15), glibc on arm64, where they are largest. */
#define PY_GIL_COND_AFTER_LOCKED 0x10
#define PY_GIL_CONDS_BYTES (2 * (48 + 48))

/* _Py_DebugOffsets: the first version that has them, and how many bytes of them are looked at. */
#define PY_DEBUG_OFFSETS_SINCE 13
#define PY_DEBUG_OFFSETS_MAX 1024

/* The row of CPython 3.minor (its build with the GIL), NULL when there is none. */
const struct py_layout *py_layout__find(unsigned int minor);

/*
 * Replaces what the interpreter's own _Py_DebugOffsets state (3.13 on). raw: the first `size` bytes
 * of _PyRuntime. Also moves the fields the debug offsets leave out when the object header is longer
 * than usual (free-threaded builds). -EINVAL when raw is no _Py_DebugOffsets of l's minor version.
 */
int py_layout__refine(struct py_layout *l, const void *raw, size_t size);

/* The part of it that the BPF side needs. */
void py_layout__attrs(const struct py_layout *l, struct vtbpf_attrs *out);
void py_layout__states(const struct py_layout *l, struct vtbpf_states *out);
void py_layout__exceptions(const struct py_layout *l, struct vtbpf_exceptions *out);

#endif
