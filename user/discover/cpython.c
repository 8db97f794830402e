// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpython.h"

/*
 * Sources, all of CPython at the tag of each version's first release:
 *   opcodes, holes   Include/opcode.h up to 3.12, Include/opcode_ids.h from 3.13, and what
 *                    Python/makeopcodetargets.py leaves as _unknown_opcode
 *   frames           Include/cpython/frameobject.h and Include/frameobject.h up to 3.10,
 *                    Include/internal/pycore_frame.h and pycore_interpframe_structs.h after
 *   code             Include/cpython/code.h
 *   strings          Include/cpython/unicodeobject.h
 *   debug offsets    Include/internal/pycore_debug_offsets.h (pycore_runtime.h in 3.13)
 * The numbers are those of 64-bit builds with the GIL, on x86_64 and arm64 alike;
 * tests/unit/test_dwarf.c compares them with the debug information of interpreters.
 */

#define STR_TO_311                                                                     \
	.str_length = 0x10, .str_state = 0x20, .str_ascii = 0x30, .str_compact = 0x48, \
	.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6
#define STR_FROM_312                                                                   \
	.str_length = 0x10, .str_state = 0x20, .str_ascii = 0x28, .str_compact = 0x38, \
	.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6
#define CODE_TO_310 \
	.code_flags = 0x24, .code_firstlineno = 0x28, .code_filename = 0x68, .code_name = 0x70
#define CODE_FROM_312                                                                           \
	.code_flags = 0x30, .code_firstlineno = 0x44, .code_filename = 0x70, .code_name = 0x80, \
	.code_version = 0x5c
#define OWNERS .owner_generator = 1, .owner_first_shim = 3

static const struct cpython versions[] = {
	{
		.minor = 8,
		.family = FAMILY_FRAME,
		.holes = "0,7-8,13-14,18,21,30-49,58,74,80,99,117-121,123,127-129,134,139-140,159,"
			 "164-255",
		.return_value = 83,
		.pop_except = 89,
		.reraise = 88,
		.tstate_frame = 0x18,
		.layout = { .minor = 8,
			    .flags = VTBPF_LAYOUT_FRAME_IS_OBJECT,
			    .frame_code = 0x20,
			    .frame_previous = 0x18,
			    .frame_localsplus = 0x168,
			    CODE_TO_310,
			    STR_TO_311 },
	},
	{
		.minor = 9,
		.family = FAMILY_FRAME,
		.holes = "0,7-8,13-14,18,21,30-47,53,58,80-81,88,99,119-120,123,127-129,134,"
			 "139-140,149-153,158-159,166-255",
		.return_value = 83,
		.pop_except = 89,
		.reraise = 48,
		.tstate_frame = 0x18,
		.layout = { .minor = 9,
			    .flags = VTBPF_LAYOUT_FRAME_IS_OBJECT,
			    .frame_code = 0x20,
			    .frame_previous = 0x18,
			    .frame_localsplus = 0x168,
			    CODE_TO_310,
			    STR_TO_311 },
	},
	{
		.minor = 10,
		.family = FAMILY_FRAME,
		.holes = "0,7-8,13-14,18,21,35-48,53,58,80-81,88,120,123,127-128,134,139-140,"
			 "149-151,153,158-159,166-255",
		.return_value = 83,
		.pop_except = 89,
		.reraise = 119,
		.tstate_frame = 0x18,
		.layout = { .minor = 10,
			    .flags = VTBPF_LAYOUT_FRAME_IS_OBJECT,
			    .frame_code = 0x20,
			    .frame_previous = 0x18,
			    .frame_localsplus = 0x160,
			    CODE_TO_310,
			    STR_TO_311 },
	},
	{
		.minor = 11,
		.family = FAMILY_IS_ENTRY,
		.holes = "181-254",
		.opcodes = { { "RESUME", 151, VTBPF_SITE_ENTRY },
			     { "RESUME_QUICK", 150, VTBPF_SITE_ENTRY },
			     { "YIELD_VALUE", 86, VTBPF_SITE_YIELD },
			     { "RETURN_VALUE", 83, VTBPF_SITE_EXIT } },
		.return_value = 83,
		.pop_except = 89,
		.reraise = 119,
		.copy = 120,
		.swap = 99,
		.return_generator = 75,
		.frame_instr = 0x38,
		.is_entry = 0x44,
		.layout = { .minor = 11,
			    .frame_code = 0x20,
			    .frame_previous = 0x30,
			    .frame_owner = 0x45,
			    OWNERS,
			    .frame_localsplus = 0x48,
			    .frameobj_frame = 0x18,
			    .code_flags = 0x30,
			    .code_firstlineno = 0x48,
			    .code_filename = 0x70,
			    .code_name = 0x80,
			    STR_TO_311 },
	},
	{
		.minor = 12,
		.family = FAMILY_OWNER,
		.holes = "169-170,177-236,255",
		.opcodes = { { "RESUME", 151, VTBPF_SITE_ENTRY },
			     { "INSTRUMENTED_RESUME", 240, VTBPF_SITE_ENTRY },
			     { "YIELD_VALUE", 150, VTBPF_SITE_YIELD },
			     { "INSTRUMENTED_YIELD_VALUE", 243, VTBPF_SITE_YIELD } },
		.return_value = 83,
		.pop_except = 89,
		.reraise = 119,
		.copy = 120,
		.swap = 99,
		.return_generator = 75,
		.frame_instr = 0x38,
		.layout = { .minor = 12,
			    .frame_code = 0,
			    .frame_previous = 8,
			    .frame_owner = 0x46,
			    OWNERS,
			    .frame_localsplus = 0x48,
			    .frameobj_frame = 0x18,
			    CODE_FROM_312,
			    STR_FROM_312 },
	},
	{
		.minor = 13,
		.family = FAMILY_OWNER,
		.holes = "119-148,223-235,255",
		.opcodes = { { "RESUME", 149, VTBPF_SITE_ENTRY },
			     { "RESUME_CHECK", 207, VTBPF_SITE_ENTRY },
			     { "INSTRUMENTED_RESUME", 236, VTBPF_SITE_ENTRY },
			     { "YIELD_VALUE", 118, VTBPF_SITE_YIELD },
			     { "INSTRUMENTED_YIELD_VALUE", 241, VTBPF_SITE_YIELD } },
		.return_value = 36,
		.pop_except = 31,
		.reraise = 102,
		.copy = 61,
		.swap = 115,
		.return_generator = 35,
		.frame_instr = 0x38,
		.layout = { .minor = 13,
			    .frame_code = 0,
			    .frame_previous = 8,
			    .frame_owner = 0x46,
			    OWNERS,
			    .frame_localsplus = 0x48,
			    .frameobj_frame = 0x18,
			    CODE_FROM_312,
			    STR_FROM_312 },
		.debug = { .frame_previous = 232,
			   .frame_executable = 240,
			   .frame_localsplus = 256,
			   .frame_owner = 264,
			   .code_filename = 280,
			   .code_qualname = 296,
			   .code_firstlineno = 312,
			   .str_state = 544,
			   .str_length = 552,
			   .str_ascii = 560 },
	},
	{
		.minor = 14,
		.family = FAMILY_OWNER,
		.holes = "121-127,212-233",
		.opcodes = { { "RESUME", 128, VTBPF_SITE_ENTRY },
			     { "RESUME_CHECK", 196, VTBPF_SITE_ENTRY },
			     { "INSTRUMENTED_RESUME", 245, VTBPF_SITE_ENTRY },
			     { "YIELD_VALUE", 120, VTBPF_SITE_YIELD },
			     { "INSTRUMENTED_YIELD_VALUE", 247, VTBPF_SITE_YIELD } },
		.return_value = 35,
		.pop_except = 29,
		.reraise = 105,
		.copy = 59,
		.swap = 117,
		.return_generator = 34,
		.frame_instr = 0x38,
		.layout = { .minor = 14,
			    .flags = VTBPF_LAYOUT_TAGGED_CODE,
			    .frame_code = 0,
			    .frame_previous = 8,
			    .frame_owner = 0x4a,
			    OWNERS,
			    .frame_localsplus = 0x50,
			    .frameobj_frame = 0x18,
			    CODE_FROM_312,
			    STR_FROM_312 },
		.debug = { .frame_previous = 256,
			   .frame_executable = 264,
			   .frame_localsplus = 280,
			   .frame_owner = 288,
			   .code_filename = 320,
			   .code_qualname = 336,
			   .code_firstlineno = 352,
			   .str_state = 624,
			   .str_length = 632,
			   .str_ascii = 640 },
	},
	{
		.minor = 15,
		.family = FAMILY_OWNER,
		.holes = "120-127,219-232",
		.opcodes = { { "RESUME", 128, VTBPF_SITE_ENTRY },
			     { "RESUME_CHECK", 200, VTBPF_SITE_ENTRY },
			     { "RESUME_CHECK_JIT", 201, VTBPF_SITE_ENTRY },
			     { "INSTRUMENTED_RESUME", 244, VTBPF_SITE_ENTRY },
			     { "YIELD_VALUE", 119, VTBPF_SITE_YIELD },
			     { "INSTRUMENTED_YIELD_VALUE", 246, VTBPF_SITE_YIELD } },
		.return_value = 33,
		.pop_except = 27,
		.reraise = 104,
		.copy = 57,
		.swap = 116,
		.return_generator = 32,
		.frame_instr = 0x38,
		/* RESUME_AT_GEN_EXPR_START of pycore_opcode_utils.h: an extra RESUME of generator
		 * expressions that no call goes with. */
		.layout = { .minor = 15,
			    .flags = VTBPF_LAYOUT_TAGGED_CODE,
			    .frame_code = 0,
			    .frame_previous = 8,
			    .frame_owner = 0x4a,
			    OWNERS,
			    .frame_localsplus = 0x50,
			    .frameobj_frame = 0x18,
			    CODE_FROM_312,
			    STR_FROM_312,
			    .resume_mask = 7,
			    .resume_ignore = 4 },
		.debug = { .frame_previous = 320,
			   .frame_executable = 328,
			   .frame_localsplus = 344,
			   .frame_owner = 352,
			   .code_filename = 384,
			   .code_qualname = 400,
			   .code_firstlineno = 416,
			   .str_state = 720,
			   .str_length = 728,
			   .str_ascii = 736 },
	},
};

const struct cpython *cpython__of(unsigned int minor)
{
	size_t i;

	for (i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		if (versions[i].minor == minor)
			return &versions[i];
	}
	return NULL;
}

void cpython__holes(const struct cpython *py, bool holes[256])
{
	const char *p = py->holes;

	memset(holes, 0, 256 * sizeof(*holes));
	while (*p) {
		char *end;
		unsigned long lo = strtoul(p, &end, 10), hi = lo;

		if (*end == '-')
			hi = strtoul(end + 1, &end, 10);
		for (; lo <= hi && lo < 256; lo++)
			holes[lo] = true;
		p = *end == ',' ? end + 1 : end;
	}
}

/* ---- _Py_DebugOffsets ------------------------------------------------------------------------ */

/* Larger than any of these structures is; what is beyond is not an offset. */
#define MAX_OFFSET 4096
#define OB_HEAD 0x10	/* PyObject_HEAD with the GIL */
#define OB_HEAD_FT 0x20 /* and without: Include/object.h, Py_GIL_DISABLED */

static int read_offset(const struct elf_image *img, uint64_t vaddr, uint16_t *out)
{
	uint64_t value;

	if (!elf_image__u64(img, vaddr, &value) || value >= MAX_OFFSET)
		return -EINVAL;
	*out = (uint16_t)value;
	return 0;
}

static int read_debug_offsets(const struct cpython_debug_offsets *d, const struct elf_image *img,
			      uint64_t runtime, struct vtbpf_layout *l)
{
	const struct {
		uint16_t at;
		uint16_t *field;
	} fields[] = {
		{ d->frame_previous, &l->frame_previous },
		{ d->frame_executable, &l->frame_code },
		{ d->frame_localsplus, &l->frame_localsplus },
		{ d->frame_owner, &l->frame_owner },
		{ d->code_filename, &l->code_filename },
		{ d->code_qualname, &l->code_name },
		{ d->code_firstlineno, &l->code_firstlineno },
		{ d->str_state, &l->str_state },
		{ d->str_length, &l->str_length },
		{ d->str_ascii, &l->str_ascii },
	};
	size_t i;
	int err = 0;

	for (i = 0; !err && i < sizeof(fields) / sizeof(*fields); i++)
		err = read_offset(img, runtime + fields[i].at, fields[i].field);
	/* PyCompactUnicodeObject adds utf8_length and utf8; the 3.15 field for it says the same. */
	l->str_compact = (uint16_t)(l->str_ascii + 16);
	return err;
}

/* What the debug offsets do not tell of a free-threaded build: a longer object head, and from 3.14
 * on a state word whose first byte is `interned` alone (Include/cpython/unicodeobject.h). */
static void adapt_to_free_threading(struct vtbpf_layout *l)
{
	l->flags |= VTBPF_LAYOUT_FREE_THREADED;
	l->code_flags += OB_HEAD_FT - OB_HEAD;
	l->code_version += OB_HEAD_FT - OB_HEAD;
	l->frameobj_frame += OB_HEAD_FT - OB_HEAD;
	if (l->minor < 14)
		return;
	l->str_kind_shift = 8;
	l->str_compact_bit = 11;
	l->str_ascii_bit = 12;
}

int cpython__layout(const struct cpython *py, const struct elf_image *img, uint64_t runtime,
		    struct vtbpf_layout *layout, bool *free_threaded)
{
	uint64_t gil_disabled;
	int err;

	*layout = py->layout;
	*free_threaded = false;
	if (!py->debug.frame_previous)
		return 0;
	if (!elf_image__u64(img, runtime + 16, &gil_disabled) || gil_disabled > 1)
		return -EINVAL;
	err = read_debug_offsets(&py->debug, img, runtime, layout);
	if (err)
		return err;
	*free_threaded = gil_disabled;
	if (*free_threaded)
		adapt_to_free_threading(layout);
	return 0;
}
