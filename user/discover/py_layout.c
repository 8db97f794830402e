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
 * dictionaries from Include/internal/pycore_object.h, integers from Include/cpython/longintrepr.h.
 */
/* clang-format off */
#define SINCE_3_8								\
	.refcount_counts = true, .tstate_prev = 0, .tstate_next = 0x8, .tstate_interp = 0x10,	\
	.ob_type = 0x8, .tp_name = 0x18, .tp_basicsize = 0x20, .tp_flags = 0xa8,		\
	.tp_dictoffset = 0x120, .ma_keys = 0x20, .ma_values = 0x28,				\
	.long_size = 0x10, .long_digits = 0x18, .md_dict = 0x10

#define UP_TO_3_10								\
	SINCE_3_8, .instance = PY_INSTANCE_DICT, .keys = PY_KEYS_SIZE,			\
	.runtime_interpreters = 0x20, .runtime_main_thread = 0x48,			\
	.interp_next = 0, .interp_threads = 0x8,					\
	.tstate_frame = 0x18, .cframe_frame = PY_NO_FIELD,				\
	.tstate_ident = 0xb0, .tstate_native = PY_NO_FIELD

#define SINCE_3_11								\
	SINCE_3_8, .keys = PY_KEYS_LOG2, .managed_dict = -24

#define SINCE_3_13								\
	SINCE_3_11, .instance = PY_INSTANCE_INLINE, .long_tag = true, .values_items = 8,	\
	.tstate_frame = 0x48, .cframe_frame = PY_NO_FIELD

static const struct py_layout layouts[] = {
	{ .minor = 8, UP_TO_3_10, .interp_modules = 0x38, .ht_cached_keys = 0x368 },
	{ .minor = 9, UP_TO_3_10, .interp_modules = 0x358, .ht_cached_keys = 0x360 },
	{ .minor = 10, UP_TO_3_10, .interp_modules = 0x358, .ht_cached_keys = 0x368 },
	{
		.minor = 11, SINCE_3_11, .instance = PY_INSTANCE_VALUES,
		.runtime_interpreters = 0x28, .runtime_main_thread = 0x50,
		.interp_next = 0, .interp_threads = 0x10, .interp_modules = 0x378,
		.tstate_frame = 0x38, .cframe_frame = 0x8,
		.tstate_ident = 0x98, .tstate_native = 0xa0, .ht_cached_keys = 0x368,
	},
	{
		.minor = 12, SINCE_3_11, .instance = PY_INSTANCE_TAGGED, .long_tag = true,
		.runtime_interpreters = 0x28, .runtime_main_thread = 0x40,
		.interp_next = 0, .interp_threads = 0x48, .interp_modules = 0x3b0,
		.tstate_frame = 0x38, .cframe_frame = 0,
		.tstate_ident = 0x88, .tstate_native = 0x90, .ht_cached_keys = 0x370,
	},
	{
		.minor = 13, SINCE_3_13,
		.runtime_interpreters = 0x278, .runtime_main_thread = 0x290,
		.interp_next = 0x1c60, .interp_threads = 0x1cb0, .interp_modules = 0x1de8,
		.tstate_ident = 0x98, .tstate_native = 0xa0, .ht_cached_keys = 0x370,
	},
	{
		.minor = 14, SINCE_3_13,
		.runtime_interpreters = 0x328, .runtime_main_thread = 0x340,
		.interp_next = 0x1c68, .interp_threads = 0x1cb0, .interp_modules = 0x1e08,
		.tstate_ident = 0x98, .tstate_native = 0xa0, .ht_cached_keys = 0x370,
	},
	{
		.minor = 15, SINCE_3_13,
		.runtime_interpreters = 0x3a8, .runtime_main_thread = 0x3c0,
		.interp_next = 0x1c60, .interp_threads = 0x1ca8, .interp_modules = 0x1da8,
		.tstate_ident = 0xb0, .tstate_native = 0xb8, .ht_cached_keys = 0x378,
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
};

/* clang-format off */
static const struct debug_offsets debug_offsets[] = {
	[13] = { 40, 64, 72, 88, 160, 168, 176, 184, 192, 200,
		 360, 376, 392, 0, 0, 0, 456, 464, 496, 504 },
	[14] = { 40, 64, 72, 96, 184, 192, 200, 208, 216, 224,
		 408, 424, 440, 0, 0, 0, 536, 544, 576, 584 },
	[15] = { 40, 64, 72, 96, 184, 192, 200, 208, 240, 248,
		 472, 488, 504, 512, 520, 536, 632, 640, 672, 680 },
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
	    take_objects(&refined, bytes, &debug_offsets[l->minor]))
		return -EINVAL;
	if (free_threaded) {
		/* no garbage collector header: MANAGED_DICT_OFFSET, pycore_object.h (3.13) */
		refined.managed_dict = -8;
		refined.refcount_counts = false;
	}
	*l = refined;
	return 0;
}
