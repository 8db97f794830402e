/* SPDX-License-Identifier: GPL-2.0-only */
/* What test_dwarf.c compares: numbers of vtbpf's, and what they are in debug information. */
#ifndef VTBPF_TEST_DWARF_ROWS_H
#define VTBPF_TEST_DWARF_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "../../user/discover/cpython.h"
#include "../../user/discover/py_layout.h"

/* A number of vtbpf's: that of CPython 3.first to 3.last is what `path` leads to. */
struct row {
	uint8_t first, last;
	const char *name, *path;
	uint16_t at, size; /* in the structure */
	uint8_t unit;	   /* bits; 1 for bits and values */
};

#define ROW(type, field, from, to, path, unit)                                                   \
	{                                                                                        \
		from, to, #field, path, offsetof(type, field), sizeof(((const type *)0)->field), \
			unit                                                                     \
	}
#define A(field, from, to, path) ROW(struct vtbpf_args_layout, field, from, to, path, 8)
#define V(field, from, to, path) ROW(struct vtbpf_layout, field, from, to, path, 8)
#define V_BIT(field, path) ROW(struct vtbpf_layout, field, 8, 15, path, 1)
#define V_ENUM(field, from, to, path) ROW(struct vtbpf_layout, field, from, to, path, 1)
#define C(field, from, to, path) ROW(struct cpython, field, from, to, path, 8)
#define P(field, from, to, path) ROW(struct py_layout, field, from, to, path, 8)

static const struct row of_bpf[] = {
	V(frame_code, 8, 10, "PyFrameObject.f_code"),
	V(frame_code, 11, 12, "_PyInterpreterFrame.f_code"),
	V(frame_code, 13, 15, "_PyInterpreterFrame.f_executable"),
	V(frame_previous, 8, 10, "PyFrameObject.f_back"),
	V(frame_previous, 11, 15, "_PyInterpreterFrame.previous"),
	V(frame_owner, 11, 15, "_PyInterpreterFrame.owner"),
	V(frame_localsplus, 8, 10, "PyFrameObject.f_localsplus"),
	V(frame_localsplus, 11, 15, "_PyInterpreterFrame.localsplus"),
	V(frameobj_frame, 11, 15, "PyFrameObject.f_frame"),
	V(code_flags, 8, 15, "PyCodeObject.co_flags"),
	V(code_firstlineno, 8, 15, "PyCodeObject.co_firstlineno"),
	V(code_filename, 8, 15, "PyCodeObject.co_filename"),
	V(code_name, 8, 10, "PyCodeObject.co_name"),
	V(code_name, 11, 15, "PyCodeObject.co_qualname"),
	V(code_version, 12, 15, "PyCodeObject.co_version"),
	V(str_length, 8, 15, "PyASCIIObject.length"),
	V(str_state, 8, 15, "PyASCIIObject.state"),
	V(str_ascii, 8, 15, "PyASCIIObject"),
	V(str_compact, 8, 15, "PyCompactUnicodeObject"),
	V_BIT(str_kind_shift, "PyASCIIObject.state:kind"),
	V_BIT(str_compact_bit, "PyASCIIObject.state:compact"),
	V_BIT(str_ascii_bit, "PyASCIIObject.state:ascii"),
	V_ENUM(owner_generator, 11, 15, "_frameowner.FRAME_OWNED_BY_GENERATOR"),
	V_ENUM(owner_first_shim, 12, 13, "_frameowner.FRAME_OWNED_BY_CSTACK"),
	V_ENUM(owner_first_shim, 14, 15, "_frameowner.FRAME_OWNED_BY_INTERPRETER"),
};

static const struct row of_planner[] = {
	C(frame_instr, 11, 12, "_PyInterpreterFrame.prev_instr"),
	C(frame_instr, 13, 15, "_PyInterpreterFrame.instr_ptr"),
	C(is_entry, 11, 11, "_PyInterpreterFrame.is_entry"),
	C(tstate_frame, 8, 10, "PyThreadState.frame"),
};

static const struct row of_reader[] = {
	P(runtime_interpreters, 8, 15, "_PyRuntimeState.interpreters.head"),
	P(runtime_main_thread, 8, 15, "_PyRuntimeState.main_thread"),
	P(interp_next, 8, 15, "PyInterpreterState.next"),
	P(interp_threads, 8, 10, "PyInterpreterState.tstate_head"),
	P(interp_threads, 11, 15, "PyInterpreterState.threads.head"),
	P(interp_modules, 8, 11, "PyInterpreterState.modules"),
	P(interp_modules, 12, 15, "PyInterpreterState.imports.modules"),
	P(tstate_prev, 8, 15, "PyThreadState.prev"),
	P(tstate_next, 8, 15, "PyThreadState.next"),
	P(tstate_interp, 8, 15, "PyThreadState.interp"),
	P(tstate_frame, 8, 10, "PyThreadState.frame"),
	P(tstate_frame, 11, 12, "PyThreadState.cframe"),
	P(tstate_frame, 13, 15, "PyThreadState.current_frame"),
	P(cframe_frame, 11, 12, "_PyCFrame.current_frame"),
	P(tstate_ident, 8, 15, "PyThreadState.thread_id"),
	P(tstate_native, 11, 15, "PyThreadState.native_thread_id"),
	P(ob_type, 8, 15, "PyObject.ob_type"),
	P(tp_name, 8, 15, "PyTypeObject.tp_name"),
	P(tp_basicsize, 8, 15, "PyTypeObject.tp_basicsize"),
	P(tp_flags, 8, 15, "PyTypeObject.tp_flags"),
	P(tp_dictoffset, 8, 15, "PyTypeObject.tp_dictoffset"),
	P(ht_cached_keys, 8, 15, "PyHeapTypeObject.ht_cached_keys"),
	P(ma_keys, 8, 15, "PyDictObject.ma_keys"),
	P(ma_values, 8, 15, "PyDictObject.ma_values"),
	P(values_items, 11, 15, "PyDictValues.values"),
	P(long_size, 8, 11, "PyLongObject.ob_base.ob_size"),
	P(long_size, 12, 15, "PyLongObject.long_value.lv_tag"),
	P(long_digits, 8, 11, "PyLongObject.ob_digit"),
	P(long_digits, 12, 15, "PyLongObject.long_value.ob_digit"),
	P(md_dict, 8, 15, "PyModuleObject.md_dict"),
	P(runtime_gil, 8, 11, "_PyRuntimeState.ceval.gil"),
	P(interp_gil, 12, 15, "PyInterpreterState.ceval.gil"),
	P(gc_collecting, 8, 8, "_PyRuntimeState.gc.collecting"),
	P(gc_collecting, 9, 15, "PyInterpreterState.gc.collecting"),
	P(tstate_raised, 8, 11, "PyThreadState.curexc_type"),
	P(tstate_raised, 12, 15, "PyThreadState.current_exception"),
	P(raised_traceback, 12, 15, "PyBaseExceptionObject.traceback"),
	P(exc_args, 8, 15, "PyBaseExceptionObject.args"),
	P(exc_traceback, 8, 15, "PyBaseExceptionObject.traceback"),
	P(tb_next, 8, 15, "PyTracebackObject.tb_next"),
	P(tb_frame, 8, 15, "PyTracebackObject.tb_frame"),
	P(tuple_items, 8, 15, "PyTupleObject.ob_item"),
	P(tstate_handled, 8, 15, "PyThreadState.exc_info"),
	P(handled_value, 8, 15, "_PyErr_StackItem.exc_value"),
	P(frame_blocks, 8, 10, "PyFrameObject.f_iblock"),
	P(frame_values, 8, 10, "PyFrameObject.f_valuestack"),
	P(gil_holder, 8, 15, "_gil_runtime_state.last_holder"),
	P(gil_locked, 8, 15, "_gil_runtime_state.locked"),
	P(frame_instr, 8, 10, "PyFrameObject.f_lasti"),
	P(frame_instr, 11, 12, "_PyInterpreterFrame.prev_instr"),
	P(frame_instr, 13, 15, "_PyInterpreterFrame.instr_ptr"),
	P(code_lines, 8, 9, "PyCodeObject.co_lnotab"),
	P(code_lines, 10, 15, "PyCodeObject.co_linetable"),
	P(code_bytes, 8, 10, "PyCodeObject.co_code"),
	P(code_bytes, 11, 15, "PyCodeObject.co_code_adaptive"),
	P(var_size, 8, 15, "PyVarObject.ob_size"),
	P(bytes_data, 8, 15, "PyBytesObject.ob_sval"),
};

static const struct row of_args[] = {
	A(code_argcount, 8, 15, "PyCodeObject.co_argcount"),
	A(code_kwonly, 8, 15, "PyCodeObject.co_kwonlyargcount"),
	A(code_names, 8, 10, "PyCodeObject.co_varnames"),
	A(code_names, 11, 15, "PyCodeObject.co_localsplusnames"),
	A(code_kinds, 11, 15, "PyCodeObject.co_localspluskinds"),
	A(code_nlocals, 8, 10, "PyCodeObject.co_nlocals"),
	A(code_cells, 8, 10, "PyCodeObject.co_cellvars"),
	A(code_cell2arg, 8, 10, "PyCodeObject.co_cell2arg"),
	A(frame_lasti, 8, 10, "PyFrameObject.f_lasti"),
	A(ob_size, 8, 15, "PyVarObject.ob_size"),
	A(ob_body, 8, 15, "PyFloatObject.ob_fval"),
	A(ob_body, 8, 15, "PyCellObject.ob_ref"),
	A(ob_body, 8, 15, "PyDictObject.ma_used"),
	A(set_used, 8, 15, "PySetObject.used"),
	A(tuple_items, 8, 15, "PyTupleObject.ob_item"),
	A(bytes_data, 8, 15, "PyBytesObject.ob_sval"),
};

#endif
