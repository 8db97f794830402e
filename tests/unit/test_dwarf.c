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
#include "dwarf_rows.h"
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
	{ .name = "PyTracebackObject" },
	{ .name = "_PyErr_StackItem" },
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
