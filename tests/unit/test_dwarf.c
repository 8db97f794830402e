// SPDX-License-Identifier: GPL-2.0-only
/*
 * The offsets in user/discover/cpython.c and py_layout.c against the debug information of the
 * interpreters of this machine: their own, that of a -dbg package, or that of their headers
 * (scripts/fetch-pythons.sh types).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../user/discover/cpython.h"
#include "../../user/discover/py_args.h"
#include "../../user/discover/py_layout.h"
#include "../../user/discover/version.h"
#include "pythons.h"

/* ---- debug information ----------------------------------------------------------------------- */

/* The types that are asked for; all that the tables below name. */
static struct wanted {
	const char *name;
	Dwarf_Die die;
	bool found;
} wanted[] = {
	{ .name = "PyFrameObject" },
	{ .name = "_PyInterpreterFrame" },
	{ .name = "PyCodeObject" },
	{ .name = "PyASCIIObject" },
	{ .name = "PyCompactUnicodeObject" },
	{ .name = "_PyRuntimeState" },
	{ .name = "PyInterpreterState" },
	{ .name = "PyThreadState" },
	{ .name = "_PyCFrame" },
	{ .name = "PyObject" },
	{ .name = "PyVarObject" },
	{ .name = "PyTypeObject" },
	{ .name = "PyHeapTypeObject" },
	{ .name = "PyDictObject" },
	{ .name = "PyDictValues" },
	{ .name = "PyLongObject" },
	{ .name = "PyModuleObject" },
	{ .name = "PyBytesObject" },
	{ .name = "PyTupleObject" },
	{ .name = "PyFloatObject" },
	{ .name = "PySetObject" },
	{ .name = "PyCellObject" },
	{ .name = "_gil_runtime_state" },
	{ .name = "PyBaseExceptionObject" },
	{ .name = "_frameowner" },
};
#define N_WANTED (sizeof(wanted) / sizeof(*wanted))

/* Of a typedef or qualified type, the type itself. */
static bool peel(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	int tag;

	for (tag = dwarf_tag(die);
	     tag == DW_TAG_typedef || tag == DW_TAG_const_type || tag == DW_TAG_volatile_type;
	     tag = dwarf_tag(die)) {
		if (!dwarf_attr_integrate(die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, die))
			return false;
	}
	return (tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
		tag == DW_TAG_enumeration_type) &&
	       dwarf_bytesize(die) >= 0;
}

/* Keeps the type if it is wanted and whole. */
static size_t take_type(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	Dwarf_Die type = *die;
	size_t i;

	for (i = 0; name && i < N_WANTED; i++) {
		if (wanted[i].found || strcmp(name, wanted[i].name) != 0 || !peel(&type))
			continue;
		wanted[i].die = type;
		wanted[i].found = true;
		return 1;
	}
	return 0;
}

static void find_types(Dwfl_Module *mod)
{
	Dwarf_Die *unit = NULL, die;
	Dwarf_Addr bias;
	size_t i, n = 0;

	for (i = 0; i < N_WANTED; i++)
		wanted[i].found = false;
	while (n < N_WANTED && (unit = dwfl_module_nextcu(mod, unit, &bias))) {
		if (dwarf_child(unit, &die) != 0)
			continue;
		do {
			n += take_type(&die);
		} while (dwarf_siblingof(&die, &die) == 0);
	}
}

static const Dwarf_Die *type_of(const char *path, size_t len)
{
	size_t i;

	for (i = 0; i < N_WANTED; i++) {
		if (strlen(wanted[i].name) == len && !strncmp(wanted[i].name, path, len))
			return wanted[i].found ? &wanted[i].die : NULL;
	}
	fail_msg("%s is not among the types that are looked for", path);
	return NULL;
}

static uint64_t number(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value = 0;

	if (dwarf_attr(die, name, &attr))
		assert_int_equal(dwarf_formudata(&attr, &value), 0);
	return value;
}

static bool is_named(Dwarf_Die *die, const char *name, size_t len)
{
	const char *own = dwarf_diename(die);

	return own && strlen(own) == len && !strncmp(own, name, len);
}

/* The member, value or anonymous member's member of a type. Adds where it lies to *bits. */
static bool find_member(Dwarf_Die *type, const char *name, size_t len, Dwarf_Die *member,
			uint64_t *bits)
{
	Dwarf_Attribute attr;
	Dwarf_Die inner;
	uint64_t at;

	if (dwarf_child(type, member) != 0)
		return false;
	do {
		at = number(member, DW_AT_data_member_location) * 8 +
		     number(member, DW_AT_data_bit_offset);
		if (is_named(member, name, len)) {
			*bits += at;
			return true;
		}
		if (dwarf_tag(member) == DW_TAG_member && !dwarf_diename(member) &&
		    dwarf_attr(member, DW_AT_type, &attr) && dwarf_formref_die(&attr, &inner) &&
		    peel(&inner) && find_member(&inner, name, len, &inner, bits)) {
			*bits += at;
			*member = inner;
			return true;
		}
	} while (dwarf_siblingof(member, member) == 0);
	return false;
}

/*
 * Bits to "Type.member.member", from the first member to the second in "Type.member:member", the
 * value of "enum.NAME", or the bits of "Type". False when the type or the member is not there.
 */
static bool look_up(const char *path, uint64_t *bits)
{
	size_t len = strcspn(path, ".:");
	const Dwarf_Die *type = type_of(path, len);
	Dwarf_Attribute attr;
	Dwarf_Die at, member;

	*bits = 0;
	if (!type)
		return false;
	at = *type;
	if (!path[len])
		*bits = 8 * (uint64_t)dwarf_bytesize(&at);
	while (path[len]) {
		if (path[len] == ':')
			*bits = 0;
		path += len + 1;
		len = strcspn(path, ".:");
		if (!find_member(&at, path, len, &member, bits))
			return false;
		if (dwarf_tag(&member) == DW_TAG_enumerator)
			*bits = number(&member, DW_AT_const_value);
		else if (path[len] && dwarf_attr(&member, DW_AT_type, &attr) &&
			 dwarf_formref_die(&attr, &at) && !peel(&at))
			return false;
	}
	return true;
}

/* ---- what is compared ------------------------------------------------------------------------ */

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

static uint64_t value_of(const void *structure, const struct row *row)
{
	const uint8_t *at = (const uint8_t *)structure + row->at;

	return row->size == 1 ? *at : (uint64_t)at[0] | (uint64_t)at[1] << 8;
}

struct tally {
	unsigned int compared, wrong, absent;
};

/* Compares the rows of one minor version. `what` says where the structure's numbers are from. */
static void compare(const void *structure, const struct row *rows, size_t n, unsigned int minor,
		    const char *what, struct tally *t)
{
	uint64_t bits, value;
	size_t i;

	for (i = 0; i < n; i++) {
		if (minor < rows[i].first || minor > rows[i].last)
			continue;
		if (!look_up(rows[i].path, &bits)) {
			print_error("3.%u has no %s\n", minor, rows[i].path);
			t->absent++;
			continue;
		}
		t->compared++;
		value = value_of(structure, &rows[i]) * rows[i].unit;
		if (value == bits)
			continue;
		t->wrong++;
		print_error("3.%u, %s: %s is %#llx, but %s is at %#llx\n", minor, what,
			    rows[i].name, (unsigned long long)value / rows[i].unit, rows[i].path,
			    (unsigned long long)bits / rows[i].unit);
	}
}

#define COMPARE(structure, rows, minor, what, t) \
	compare(structure, rows, sizeof(rows) / sizeof(*(rows)), minor, what, t)

/* What the interpreter says of itself at runtime, instead of the tables (3.13 on). */
static void compare_refined(const struct elf_image *img, uint64_t runtime, unsigned int minor,
			    struct tally *t)
{
	const void *raw = elf_image__bytes(img, runtime, PY_DEBUG_OFFSETS_MAX);
	struct py_layout layout = *py_layout__find(minor);

	assert_non_null(raw);
	assert_int_equal(py_layout__refine(&layout, raw, PY_DEBUG_OFFSETS_MAX), 0);
	COMPARE(&layout, of_reader, minor, "py_layout__refine", t);
}

/* What is derived from both: where arguments are. */
static void compare_args(const struct elf_image *img, uint64_t runtime,
			 const struct vtbpf_layout *code, struct tally *t)
{
	struct py_layout layout = *py_layout__find(code->minor);
	struct vtbpf_args_layout args;
	const void *raw;

	if (code->minor >= PY_DEBUG_OFFSETS_SINCE) {
		raw = elf_image__bytes(img, runtime, PY_DEBUG_OFFSETS_MAX);
		assert_non_null(raw);
		assert_int_equal(py_layout__refine(&layout, raw, PY_DEBUG_OFFSETS_MAX), 0);
	}
	py_args__layout(&layout, code, &args);
	COMPARE(&args, of_args, code->minor, "py_args__layout", t);
}

/* Compares all that is known of the interpreter with the types that were found; false when nothing
 * is known of it. */
static bool compare_all(const struct elf_image *img, struct tally *t)
{
	struct python_version v;
	struct vtbpf_layout layout;
	const struct cpython *py;
	struct elf_symbol debug;
	bool free_threaded;
	unsigned int minor;

	if (python_version__of(img, &v) || v.hex >> 24 != 3 ||
	    elf_image__symbol(img, "_Py_NegativeRefcount", &debug)) /* a debug build */
		return false;
	minor = v.hex >> 16 & 0xff;
	py = cpython__of(minor);
	if (!py)
		return false;
	assert_int_equal(cpython__layout(py, img, v.runtime, &layout, &free_threaded), 0);
	COMPARE(&layout, of_bpf, minor, "cpython__layout", t);
	if (minor >= PY_DEBUG_OFFSETS_SINCE)
		compare_refined(img, v.runtime, minor, t);
	compare_args(img, v.runtime, &layout, t);
	if (free_threaded)
		return true;
	COMPARE(&py->layout, of_bpf, minor, "the table of cpython.c", t);
	COMPARE(py, of_planner, minor, "the table of cpython.c", t);
	COMPARE(py_layout__find(minor), of_reader, minor, "the table of py_layout.c", t);
	return true;
}

/* ---- interpreters ---------------------------------------------------------------------------- */

/* Compares the interpreter with the types in the file at path, or in that of its debug package. */
static bool compare_with(const struct elf_image *img, const char *path, struct tally *t)
{
	static char *debug_path = NULL;
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = &debug_path,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);
	Dwfl_Module *mod;
	Dwarf_Addr bias;
	bool done = false;

	assert_non_null(dwfl);
	mod = dwfl_report_offline(dwfl, "python", path, -1);
	dwfl_report_end(dwfl, NULL, NULL);
	if (mod && dwfl_module_getdwarf(mod, &bias)) {
		find_types(mod);
		done = compare_all(img, t);
	}
	dwfl_end(dwfl);
	return done;
}

/* How many were compared: 1 or 0. */
static unsigned int compare_file(const char *interpreter, const char *types)
{
	int fd = open(interpreter, O_RDONLY | O_CLOEXEC);
	struct elf_image *img = fd >= 0 ? elf_image__new(fd) : NULL;
	struct tally t = { 0 };
	bool done = img && compare_with(img, types, &t);

	elf_image__free(img);
	if (fd >= 0)
		close(fd);
	if (done)
		print_message("%s: %u numbers compared\n", types, t.compared);
	else
		print_message("skipped %s: no CPython that vtbpf knows with debug information\n",
			      types);
	assert_int_equal(t.wrong + t.absent, 0);
	assert_true(!done || t.compared > 40);
	return done;
}

static void test_interpreters(void **state)
{
	unsigned int n = 0;
	glob_t found;
	size_t i;

	(void)state;
	pythons__libraries(&found);
	for (i = 0; i < found.gl_pathc; i++)
		n += compare_file(found.gl_pathv[i], found.gl_pathv[i]);
	globfree(&found);
	if (!n)
		skip();
}

/* Beside the types of an interpreter's headers is a link to it. */
static void test_headers(void **state)
{
	char interpreter[PATH_MAX];
	unsigned int n = 0;
	glob_t found;
	size_t i;

	(void)state;
	pythons__types(&found);
	for (i = 0; i < found.gl_pathc; i++) {
		snprintf(interpreter, sizeof(interpreter), "%.*s/interpreter",
			 (int)(strrchr(found.gl_pathv[i], '/') - found.gl_pathv[i]),
			 found.gl_pathv[i]);
		n += compare_file(interpreter, found.gl_pathv[i]);
	}
	globfree(&found);
	if (!n) {
		print_message(
			"skipped: no types of headers here; scripts/fetch-pythons.sh types\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interpreters),
		cmocka_unit_test(test_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
