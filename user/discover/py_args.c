// SPDX-License-Identifier: GPL-2.0-only
#include "py_args.h"

#include "elf_image.h"

#define OBJECT_HEADER 0x10 /* PyObject of builds with the GIL, Include/object.h; a size adds 8 */
#define OB_TYPE 0x8	   /* there */

/* PyCodeObject, Include/cpython/code.h; the cells of a code object up to 3.10 are described in
 * PyCode_NewWithPosOnlyArgs(), Objects/codeobject.c. */
static void code_to_310(const struct py_layout *l, struct vtbpf_args_layout *out)
{
	out->code_argcount = 0x10;
	out->code_kwonly = 0x18;
	out->code_nlocals = 0x1c;
	out->code_names = 0x48; /* co_varnames */
	out->code_cells = 0x58;
	out->code_cell2arg = 0x60;
	out->frame_lasti = l->frame_instr;
}

#define CODE_FILENAME 0x70 /* from 3.11 on, in builds with the GIL */

static void code_from_311(const struct vtbpf_layout *code, struct vtbpf_args_layout *out)
{
	uint16_t by = code->code_filename - CODE_FILENAME;

	out->code_argcount = (code->minor == 11 ? 0x38 : 0x34) + by;
	out->code_kwonly = out->code_argcount + 8;
	out->code_names = 0x60 + by; /* co_localsplusnames */
	out->code_kinds = 0x68 + by;
}

/*
 * tuples: Include/cpython/tupleobject.h, which has a hash since 3.14; dict.ma_used and set.used:
 * Include/cpython/dictobject.h and Include/setobject.h; cell.ob_ref: Include/cpython/cellobject.h;
 * float.ob_fval: Include/cpython/floatobject.h. The same in 3.8 to 3.15.
 */
void py_args__layout(const struct py_layout *l, const struct vtbpf_layout *code,
		     struct vtbpf_args_layout *out)
{
	uint16_t by = l->ob_type - OB_TYPE; /* free-threaded builds have a longer header */

	*out = (struct vtbpf_args_layout){
		.ob_type = l->ob_type,
		.tp_name = l->tp_name,
		.tp_flags = l->tp_flags,
		.ob_size = l->var_size,
		.ob_body = OBJECT_HEADER + by,
		.tuple_items = (l->minor < 14 ? 0x18 : 0x20) + by,
		.bytes_data = l->bytes_data,
		.long_size = l->long_size,
		.long_digits = l->long_digits,
		.set_used = OBJECT_HEADER + 8 + by,
		.long_tag = l->long_tag,
	};
	if (code->minor < 11)
		code_to_310(l, out);
	else
		code_from_311(code, out);
}

void py_args__types(int fd, uint64_t load_bias, struct vtbpf_args_layout *out)
{
	static const char *const names[VTBPF_ARG_N_TYPES] = {
		[VTBPF_ARG_TYPE_INT] = "PyLong_Type",	 [VTBPF_ARG_TYPE_BOOL] = "PyBool_Type",
		[VTBPF_ARG_TYPE_FLOAT] = "PyFloat_Type", [VTBPF_ARG_TYPE_STR] = "PyUnicode_Type",
		[VTBPF_ARG_TYPE_BYTES] = "PyBytes_Type", [VTBPF_ARG_TYPE_LIST] = "PyList_Type",
		[VTBPF_ARG_TYPE_TUPLE] = "PyTuple_Type", [VTBPF_ARG_TYPE_DICT] = "PyDict_Type",
		[VTBPF_ARG_TYPE_SET] = "PySet_Type",	 [VTBPF_ARG_TYPE_NONE] = "_PyNone_Type",
	};
	struct elf_image *img = elf_image__new(fd);
	struct elf_symbol sym;

	for (size_t i = 0; img && i < VTBPF_ARG_N_TYPES; i++)
		if (elf_image__symbol(img, names[i], &sym))
			out->types[i] = sym.vaddr + load_bias;
	elf_image__free(img);
}
