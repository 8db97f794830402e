// SPDX-License-Identifier: GPL-2.0-only
#include "py_layout.h"

#include <errno.h>
#include <string.h>

/*
 * From the DWARF of pyenv's 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1 and 3.13.0 and of Debian's
 * 3.11.2, 3.13.5, 3.14 and 3.15 (x86_64; LP64 arm64 is the same): _PyRuntimeState and
 * PyInterpreterState from Include/internal/pycore_runtime.h and pycore_interp.h, PyThreadState from
 * Include/cpython/pystate.h, PyTypeObject and PyHeapTypeObject from Include/cpython/object.h,
 * dictionaries from Objects/dict-common.h (<= 3.10) and Include/internal/pycore_dict.h, managed
 * dictionaries from Include/internal/pycore_object.h, integers from Include/cpython/longintrepr.h,
 * the GIL from Include/internal/pycore_gil.h (the same from 3.8 to 3.15), which lies in
 * _PyRuntime.ceval up to 3.11 and behind PyInterpreterState.ceval.gil after; the collector from
 * Include/internal/pycore_pymem.h (3.8) and pycore_gc.h; frames from
 * Include/frameobject.h, Include/cpython/frameobject.h (3.10) and Include/internal/pycore_frame.h
 * (3.11), code objects from Include/cpython/code.h, exceptions from Include/cpython/pyerrors.h.
 */
/* clang-format off */
#define SINCE_3_8								\
	.refcount_counts = true, .tstate_prev = 0, .tstate_next = 0x8, .tstate_interp = 0x10,	\
	.ob_type = 0x8, .tp_name = 0x18, .tp_basicsize = 0x20, .tp_flags = 0xa8,		\
	.tp_dictoffset = 0x120, .ma_keys = 0x20, .ma_values = 0x28,				\
	.long_size = 0x10, .long_digits = 0x18, .md_dict = 0x10,				\
	.gil_holder = 0x8, .gil_locked = 0x10, .var_size = 0x10, .bytes_data = 0x20,		\
	.frame_tlbc = PY_NO_FIELD, .code_tlbc = PY_NO_FIELD,					\
	.exc_args = 0x18, .tb_next = 0x10, .tb_frame = 0x18

#define UP_TO_3_10								\
	SINCE_3_8, .instance = VTBPF_ATTRS_DICT, .keys = PY_KEYS_SIZE,			\
	.runtime_interpreters = 0x20, .runtime_main_thread = 0x48,			\
	.interp_next = 0, .interp_threads = 0x8,					\
	.tstate_frame = 0x18, .cframe_frame = PY_NO_FIELD,				\
	.tstate_ident = 0xb0, .tstate_native = PY_NO_FIELD, .interp_gil = PY_NO_FIELD,	\
	.code_lines = 0x78, .code_bytes = 0x30, .tstate_raised = 0x58,				\
	.raised_traceback = PY_NO_FIELD, .exc_traceback = 0x20, .tuple_items = 0x18,		\
	.tstate_handled = 0x90, .handled_value = 0x8, .frame_values = 0x40

#define SINCE_3_11								\
	SINCE_3_8, .keys = PY_KEYS_LOG2, .managed_dict = -24,				\
	.lines = PY_LINES_LOCATIONS, .frame_instr = 0x38, .code_lines = 0x88,			\
	.exc_traceback = 0x28, .frame_blocks = PY_NO_FIELD, .frame_values = PY_NO_FIELD

#define SINCE_3_13								\
	SINCE_3_11, .instance = VTBPF_ATTRS_INLINE, .long_tag = true, .values_items = 8,	\
	.raised_traceback = 0x28,							\
	.tstate_frame = 0x48, .cframe_frame = PY_NO_FIELD,				\
	.runtime_gil = PY_NO_FIELD, .interp_gil = 0x10

static const struct py_layout layouts[] = {
	{
		.minor = 8, UP_TO_3_10, .frame_blocks = 0x70,
		.interp_modules = 0x38, .ht_cached_keys = 0x368,
		.runtime_gil = 0x480, .gc_collecting = 0x220, .lines = PY_LINES_LNOTAB, .frame_instr = 0x68,
	},
	{
		.minor = 9, UP_TO_3_10, .frame_blocks = 0x70,
		.interp_modules = 0x358, .ht_cached_keys = 0x360,
		.gc_collecting = 0x330,
		.runtime_gil = 0x160, .lines = PY_LINES_LNOTAB, .frame_instr = 0x68,
	},
	{
		.minor = 10, UP_TO_3_10, .frame_blocks = 0x68,
		.interp_modules = 0x358, .ht_cached_keys = 0x368,
		.gc_collecting = 0x330,
		.runtime_gil = 0x160, .lines = PY_LINES_PAIRS, .frame_instr = 0x60,
	},
	{
		.minor = 11, SINCE_3_11, .tuple_items = 0x18, .tstate_handled = 0x78,
		.instance = VTBPF_ATTRS_VALUES,
		.runtime_interpreters = 0x28, .runtime_main_thread = 0x50,
		.interp_next = 0, .interp_threads = 0x10, .interp_modules = 0x378,
		.tstate_frame = 0x38, .cframe_frame = 0x8, .frame_is_entry = 0x44,
		.tstate_ident = 0x98, .tstate_native = 0xa0, .ht_cached_keys = 0x368,
		.runtime_gil = 0x168, .interp_gil = PY_NO_FIELD, .code_bytes = 0xb8,
		.gc_collecting = 0x350, .tstate_raised = 0x60, .raised_traceback = PY_NO_FIELD,
	},
	{
		.minor = 12, SINCE_3_11, .tuple_items = 0x18, .tstate_handled = 0x68,
		.instance = VTBPF_ATTRS_TAGGED, .long_tag = true,
		.runtime_interpreters = 0x28, .runtime_main_thread = 0x40,
		.interp_next = 0, .interp_threads = 0x48, .interp_modules = 0x3b0,
		.tstate_frame = 0x38, .cframe_frame = 0,
		.tstate_ident = 0x88, .tstate_native = 0x90, .ht_cached_keys = 0x370,
		.runtime_gil = PY_NO_FIELD, .interp_gil = 0x180, .code_bytes = 0xc0,
		.gc_collecting = 0x138, .tstate_raised = 0x60, .raised_traceback = 0x28,
	},
	{
		.minor = 13, SINCE_3_13, .tuple_items = 0x18, .tstate_handled = 0x78,
		.runtime_interpreters = 0x278, .runtime_main_thread = 0x290,
		.interp_next = 0x1c60, .interp_threads = 0x1cb0, .interp_modules = 0x1de8,
		.tstate_ident = 0x98, .tstate_native = 0xa0, .ht_cached_keys = 0x370,
		.code_bytes = 0xc8, .gc_collecting = 0x1db0, .tstate_raised = 0x70,
	},
	{
		.minor = 14, SINCE_3_13, .tuple_items = 0x20, .tstate_handled = 0x78,
		.runtime_interpreters = 0x328, .runtime_main_thread = 0x340,
		.interp_next = 0x1c68, .interp_threads = 0x1cb0, .interp_modules = 0x1e08,
		.tstate_ident = 0x98, .tstate_native = 0xa0, .ht_cached_keys = 0x370,
		.code_bytes = 0xd0, .gc_collecting = 0x1db0, .tstate_raised = 0x70,
	},
	{
		.minor = 15, SINCE_3_13, .tuple_items = 0x20, .tstate_handled = 0x90,
		.runtime_interpreters = 0x3a8, .runtime_main_thread = 0x3c0,
		.interp_next = 0x1c60, .interp_threads = 0x1ca8, .interp_modules = 0x1da8,
		.tstate_ident = 0xb0, .tstate_native = 0xb8, .ht_cached_keys = 0x378,
		.code_bytes = 0xd0, .gc_collecting = 0x1d58, .tstate_raised = 0x88,
	},
};
/* clang-format on */

/*
 * Where struct _Py_DebugOffsets of a minor version states a field, Include/internal/
 * pycore_debug_offsets.h; 0 where it does not. Each value there is a u64. The structure grows in
 * the middle from one minor version to the next.
 */
struct debug_offsets {
	uint16_t runtime_interpreters;
	uint16_t interp_next, interp_threads, interp_modules;
	uint16_t tstate_prev, tstate_next, tstate_interp, tstate_frame, tstate_ident, tstate_native;
	uint16_t ob_type, tp_name, tp_flags, tp_basicsize, tp_dictoffset, ht_cached_keys;
	uint16_t ma_keys, ma_values, long_size, long_digits;
	uint16_t interp_gil, gil, gil_holder,
		gil_locked; /* the last three from the interpreter on */
	uint16_t frame_instr, frame_tlbc, code_lines, code_bytes, code_tlbc, var_size, bytes_data;
	uint16_t interp_gc, gc_collecting; /* the latter from the former on */
};

/* clang-format off */
static const struct debug_offsets debug_offsets[] = {
	[13] = { 40, 64, 72, 88, 160, 168, 176, 184, 192, 200,
		 360, 376, 392, 0, 0, 0, 456, 464, 496, 504,
		 112, 120, 144, 136, 248, 0, 304, 344, 0, 520, 528, 80, 576 },
	[14] = { 40, 64, 72, 96, 184, 192, 200, 208, 216, 224,
		 408, 424, 440, 0, 0, 0, 536, 544, 576, 584,
		 120, 128, 152, 144, 272, 304, 344, 384, 392, 600, 608, 88, 656 },
	[15] = { 40, 64, 72, 96, 184, 192, 200, 208, 240, 248,
		 472, 488, 504, 512, 520, 536, 632, 640, 672, 680,
		 120, 128, 152, 144, 336, 368, 408, 448, 456, 696, 704, 88, 760 },
};
/* clang-format on */

#define DEBUG_COOKIE "xdebugpy"
#define DEBUG_VERSION 8
#define DEBUG_FREE_THREADED 16

const struct py_layout *py_layout__find(unsigned int minor)
{
	size_t i;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].minor == minor)
			return &layouts[i];
	}
	return NULL;
}

/* What the fields that no debug offset states move by when the object header is longer by `by`. */
static void shift_objects(struct py_layout *l, uint16_t by)
{
	l->tp_basicsize += by;
	l->tp_dictoffset += by;
	l->ht_cached_keys += by;
	l->md_dict += by;
	l->raised_traceback += by;
	l->exc_args += by;
	l->exc_traceback += by;
	l->tb_next += by;
	l->tb_frame += by;
	l->tuple_items += by;
}

/* Takes the field at `at` of raw into *field unless it is absent or cannot be an offset. */
static int take(const unsigned char *raw, uint16_t at, uint16_t *field)
{
	uint64_t value;

	if (!at)
		return 0;
	memcpy(&value, raw + at, sizeof(value));
	if (value >= PY_NO_FIELD)
		return -EINVAL;
	*field = value;
	return 0;
}

static int take_states(struct py_layout *l, const unsigned char *raw, const struct debug_offsets *d)
{
	int err = 0;

	err |= take(raw, d->runtime_interpreters, &l->runtime_interpreters);
	err |= take(raw, d->interp_next, &l->interp_next);
	err |= take(raw, d->interp_threads, &l->interp_threads);
	err |= take(raw, d->interp_modules, &l->interp_modules);
	err |= take(raw, d->tstate_prev, &l->tstate_prev);
	err |= take(raw, d->tstate_next, &l->tstate_next);
	err |= take(raw, d->tstate_interp, &l->tstate_interp);
	err |= take(raw, d->tstate_frame, &l->tstate_frame);
	err |= take(raw, d->tstate_ident, &l->tstate_ident);
	err |= take(raw, d->tstate_native, &l->tstate_native);
	return err ? -EINVAL : 0;
}

static int take_objects(struct py_layout *l, const unsigned char *raw,
			const struct debug_offsets *d)
{
	uint16_t ob_type = l->ob_type;
	int err = 0;

	err |= take(raw, d->ob_type, &l->ob_type);
	if (!err && l->ob_type > ob_type)
		shift_objects(l, l->ob_type - ob_type);
	err |= take(raw, d->tp_name, &l->tp_name);
	err |= take(raw, d->tp_flags, &l->tp_flags);
	err |= take(raw, d->tp_basicsize, &l->tp_basicsize);
	err |= take(raw, d->tp_dictoffset, &l->tp_dictoffset);
	err |= take(raw, d->ht_cached_keys, &l->ht_cached_keys);
	err |= take(raw, d->ma_keys, &l->ma_keys);
	err |= take(raw, d->ma_values, &l->ma_values);
	err |= take(raw, d->long_size, &l->long_size);
	err |= take(raw, d->long_digits, &l->long_digits);
	return err ? -EINVAL : 0;
}

/* The GIL's fields are stated as those of the one that each interpreter has room for. */
static int take_gil(struct py_layout *l, const unsigned char *raw, const struct debug_offsets *d)
{
	uint16_t gil = 0;
	int err = 0;

	err |= take(raw, d->interp_gil, &l->interp_gil);
	err |= take(raw, d->gil, &gil);
	err |= take(raw, d->gil_holder, &l->gil_holder);
	err |= take(raw, d->gil_locked, &l->gil_locked);
	if (err || gil > l->gil_holder || gil > l->gil_locked)
		return -EINVAL;
	l->gil_holder -= gil;
	l->gil_locked -= gil;
	return 0;
}

static int take_gc(struct py_layout *l, const unsigned char *raw, const struct debug_offsets *d)
{
	uint16_t gc = 0, collecting = 0;

	if (take(raw, d->interp_gc, &gc) || take(raw, d->gc_collecting, &collecting) ||
	    gc + collecting >= PY_NO_FIELD)
		return -EINVAL;
	l->gc_collecting = gc + collecting;
	return 0;
}

static int take_frames(struct py_layout *l, const unsigned char *raw, const struct debug_offsets *d)
{
	int err = 0;

	err |= take(raw, d->frame_instr, &l->frame_instr);
	err |= take(raw, d->code_lines, &l->code_lines);
	err |= take(raw, d->code_bytes, &l->code_bytes);
	err |= take(raw, d->var_size, &l->var_size);
	err |= take(raw, d->bytes_data, &l->bytes_data);
	return err ? -EINVAL : 0;
}

int py_layout__refine(struct py_layout *l, const void *raw, size_t size)
{
	const unsigned char *bytes = raw;
	struct py_layout refined = *l;
	uint64_t version, free_threaded;

	if (l->minor >= sizeof(debug_offsets) / sizeof(debug_offsets[0]) ||
	    !debug_offsets[l->minor].ob_type)
		return -EINVAL;
	if (size < PY_DEBUG_OFFSETS_MAX || memcmp(bytes, DEBUG_COOKIE, strlen(DEBUG_COOKIE)))
		return -EINVAL;
	memcpy(&version, bytes + DEBUG_VERSION, sizeof(version));
	memcpy(&free_threaded, bytes + DEBUG_FREE_THREADED, sizeof(free_threaded));
	if (version >> 16 != (0x300u | l->minor))
		return -EINVAL;
	if (take_states(&refined, bytes, &debug_offsets[l->minor]) ||
	    take_objects(&refined, bytes, &debug_offsets[l->minor]) ||
	    take_gil(&refined, bytes, &debug_offsets[l->minor]) ||
	    take_gc(&refined, bytes, &debug_offsets[l->minor]) ||
	    take_frames(&refined, bytes, &debug_offsets[l->minor]))
		return -EINVAL;
	if (free_threaded) {
		/* both are 0 in other builds */
		if (take(bytes, debug_offsets[l->minor].frame_tlbc, &refined.frame_tlbc) ||
		    take(bytes, debug_offsets[l->minor].code_tlbc, &refined.code_tlbc))
			return -EINVAL;
		/* no garbage collector header: MANAGED_DICT_OFFSET, pycore_object.h (3.13) */
		refined.managed_dict = -8;
		refined.refcount_counts = false;
	}
	*l = refined;
	return 0;
}

void py_layout__attrs(const struct py_layout *l, struct vtbpf_attrs *out)
{
	*out = (struct vtbpf_attrs){
		.form = l->instance,
		.keys_log2 = l->keys == PY_KEYS_LOG2,
		.managed_dict = l->managed_dict,
		.ob_type = l->ob_type,
		.tp_basicsize = l->tp_basicsize,
		.tp_flags = l->tp_flags,
		.tp_dictoffset = l->tp_dictoffset,
		.ht_cached_keys = l->ht_cached_keys,
		.ma_keys = l->ma_keys,
		.ma_values = l->ma_values,
		.values_items = l->values_items,
	};
}

void py_layout__states(const struct py_layout *l, struct vtbpf_states *out)
{
	*out = (struct vtbpf_states){
		.runtime_interpreters = l->runtime_interpreters,
		.interp_next = l->interp_next,
		.interp_threads = l->interp_threads,
		.tstate_next = l->tstate_next,
		.tstate_ident = l->tstate_ident,
		.tstate_frame = l->tstate_frame,
		.cframe_frame = l->cframe_frame,
		.frame_is_entry = l->frame_is_entry,
		.frame_instr = l->frame_instr,
		.tp_name = l->tp_name,
		.tstate_raised = l->tstate_raised,
		.raised_traceback = l->raised_traceback,
		.runtime_gil = l->runtime_gil,
		.interp_gil = l->interp_gil,
		.gil_wait = l->gil_locked + PY_GIL_COND_AFTER_LOCKED,
		.gil_wait_bytes = PY_GIL_CONDS_BYTES,
	};
}

void py_layout__exceptions(const struct py_layout *l, struct vtbpf_exceptions *out)
{
	*out = (struct vtbpf_exceptions){
		.exc_args = l->exc_args,
		.exc_traceback = l->exc_traceback,
		.tb_next = l->tb_next,
		.tb_frame = l->tb_frame,
		.var_size = l->var_size,
		.tuple_items = l->tuple_items,
		.bytes_data = l->bytes_data,
		.tstate_handled = l->tstate_handled,
		.handled_value = l->handled_value,
		.frame_instr = l->frame_instr,
		.frame_tlbc = l->frame_tlbc,
		.code_lines = l->code_lines,
		.code_bytes = l->code_bytes,
		.code_tlbc = l->code_tlbc,
		.frame_blocks = l->frame_blocks,
		.frame_values = l->frame_values,
		.lines = l->lines,
		.index_unit = l->lines == PY_LINES_LNOTAB ? 1 :
			      l->lines == PY_LINES_PAIRS  ? 2 :
							    0,
	};
}
