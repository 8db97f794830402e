// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/discover/cpython.h"
#include "../../user/discover/version.h"
#include "fake_elf.h"

/* Undefined opcodes of each version, as built interpreters have them: 256 - distinct handlers +
 * 1. */
static void test_holes(void **state)
{
	static const struct {
		unsigned int minor, holes;
	} counts[] = { { 8, 136 }, { 9, 137 }, { 10, 129 }, { 11, 74 },
		       { 12, 63 }, { 13, 44 }, { 14, 29 },  { 15, 22 } };
	bool holes[256];
	size_t i;
	int op;

	(void)state;
	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		const struct cpython *py = cpython__of(counts[i].minor);
		unsigned int n = 0;

		cpython__holes(py, holes);
		for (op = 0; op < 256; op++)
			n += holes[op];
		assert_int_equal(n, counts[i].holes);
		assert_false(holes[py->return_value]);
		for (op = 0; op < CPYTHON_MAX_OPCODES && py->opcodes[op].name; op++)
			assert_false(holes[py->opcodes[op].number]);
	}
}

static void test_versions(void **state)
{
	unsigned int minor;

	(void)state;
	assert_null(cpython__of(CPYTHON_OLDEST - 1));
	assert_null(cpython__of(CPYTHON_NEWEST + 1));
	for (minor = CPYTHON_OLDEST; minor <= CPYTHON_NEWEST; minor++) {
		const struct cpython *py = cpython__of(minor);

		assert_non_null(py);
		assert_int_equal(py->layout.minor, minor);
		assert_true(py->layout.str_compact > py->layout.str_ascii);
		assert_true((py->family == FAMILY_FRAME) == (minor <= 10));
		assert_true((py->debug.frame_previous != 0) == (minor >= 13));
	}
}

/* Writes what 3.13's _Py_DebugOffsets would say at FAKE_DATA. */
static void put_offsets(struct fake_elf *e, uint64_t free_threaded)
{
	const struct cpython_debug_offsets *d = &cpython__of(13)->debug;

	fake_elf__put(e, FAKE_DATA, "xdebugpy", 8);
	fake_elf__put_u64(e, FAKE_DATA + 8, 0x030d01f0);
	fake_elf__put_u64(e, FAKE_DATA + 16, free_threaded);
	fake_elf__put_u64(e, FAKE_DATA + d->frame_previous, 8);
	fake_elf__put_u64(e, FAKE_DATA + d->frame_executable, 0);
	fake_elf__put_u64(e, FAKE_DATA + d->frame_localsplus, 0x50);
	fake_elf__put_u64(e, FAKE_DATA + d->frame_owner, 0x4e);
	fake_elf__put_u64(e, FAKE_DATA + d->code_filename, 0x80);
	fake_elf__put_u64(e, FAKE_DATA + d->code_qualname, 0x90);
	fake_elf__put_u64(e, FAKE_DATA + d->code_firstlineno, 0x54);
	fake_elf__put_u64(e, FAKE_DATA + d->str_state, 0x30);
	fake_elf__put_u64(e, FAKE_DATA + d->str_length, 0x20);
	fake_elf__put_u64(e, FAKE_DATA + d->str_ascii, 0x38);
}

static int layout_of(struct fake_elf *e, struct vtbpf_layout *l, bool *free_threaded)
{
	int fd = fake_elf__open(e), err;
	struct elf_image *img = elf_image__new(fd);

	err = cpython__layout(cpython__of(13), img, FAKE_DATA, l, free_threaded);
	elf_image__free(img);
	close(fd);
	return err;
}

static void test_debug_offsets(void **state)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct vtbpf_layout l;
	bool free_threaded;

	(void)state;
	fake_elf__init(e);
	put_offsets(e, 1);
	assert_int_equal(layout_of(e, &l, &free_threaded), 0);
	assert_true(free_threaded);
	assert_int_equal(l.frame_owner, 0x4e);
	assert_int_equal(l.code_name, 0x90);
	assert_int_equal(l.str_ascii, 0x38);
	assert_int_equal(l.str_compact, 0x48);
	assert_int_equal(l.str_kind_shift, 2);
	assert_int_equal(l.code_flags, 0x40);
	assert_int_equal(l.flags & VTBPF_LAYOUT_FREE_THREADED, VTBPF_LAYOUT_FREE_THREADED);
	fake_elf__init(e);
	put_offsets(e, 0);
	assert_int_equal(layout_of(e, &l, &free_threaded), 0);
	assert_false(free_threaded);
	assert_int_equal(l.str_kind_shift, 2);
	assert_int_equal(l.code_flags, 0x30);
	free(e);
}

static void test_damaged_debug_offsets(void **state)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct vtbpf_layout l;
	bool free_threaded;

	(void)state;
	fake_elf__init(e);
	put_offsets(e, 7);
	assert_int_equal(layout_of(e, &l, &free_threaded), -EINVAL);
	fake_elf__init(e);
	put_offsets(e, 0);
	fake_elf__put_u64(e, FAKE_DATA + cpython__of(13)->debug.frame_owner, 1ull << 40);
	assert_int_equal(layout_of(e, &l, &free_threaded), -EINVAL);
	free(e);
}

static int version_of(struct fake_elf *e, struct python_version *v)
{
	int fd = fake_elf__open(e), err;
	struct elf_image *img = elf_image__new(fd);

	err = python_version__of(img, v);
	elf_image__free(img);
	close(fd);
	return err;
}

static void test_version_symbols(void **state)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct python_version v;

	(void)state;
	fake_elf__init(e);
	fake_elf__symbol(e, "_PyRuntime", FAKE_DATA);
	put_offsets(e, 0);
	assert_int_equal(version_of(e, &v), 0);
	assert_int_equal(v.hex, 0x030d01f0);
	assert_int_equal(v.runtime, FAKE_DATA);
	fake_elf__init(e);
	fake_elf__symbol(e, "Py_Version", FAKE_DATA + 0x800);
	fake_elf__put_u64(e, FAKE_DATA + 0x800, 0x030b07f0);
	assert_int_equal(version_of(e, &v), 0);
	assert_int_equal(v.hex, 0x030b07f0);
	fake_elf__init(e);
	assert_int_equal(version_of(e, &v), -ENOENT);
	fake_elf__init(e);
	fake_elf__symbol(e, "PyEval_EvalFrameEx", FAKE_CODE);
	assert_int_equal(version_of(e, &v), 0);
	assert_int_equal(v.hex >> 24, 2);
	fake_elf__init(e);
	fake_elf__symbol(e, "_PyEval_EvalFrameDefault", FAKE_CODE);
	assert_int_equal(version_of(e, &v), -ENOTSUP);
	free(e);
}

/* A file with the opcode table of 3.minor and some text. */
static uint32_t version_with_text(unsigned int minor, const char *text, size_t size)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct python_version v;
	bool holes[256];
	int op, err;

	fake_elf__init(e);
	fake_elf__symbol(e, "_PyEval_EvalFrameDefault", FAKE_CODE);
	cpython__holes(cpython__of(minor), holes);
	for (op = 0; op < 256; op++)
		fake_elf__put_u64(e, FAKE_DATA + 8u * (unsigned int)op,
				  FAKE_CODE + (holes[op] ? 0 : 1u + (unsigned int)op));
	fake_elf__put(e, FAKE_DATA + 0x900, text, size);
	err = version_of(e, &v);
	free(e);
	return err ? 0 : v.hex;
}

/* A file without such a table and with some functions of the C API. */
static uint32_t version_with_api(const char *text, size_t size, const char *const *names)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct python_version v;
	int err;

	fake_elf__init(e);
	fake_elf__symbol(e, "_PyEval_EvalFrameDefault", FAKE_CODE);
	for (; *names; names++)
		fake_elf__symbol(e, *names, FAKE_CODE);
	fake_elf__put(e, FAKE_DATA, text, size);
	err = version_of(e, &v);
	free(e);
	return err ? 0 : v.hex;
}

static void test_version_api(void **state)
{
	static const char *const api[] = { "PyModule_AddObjectRef", "PyFrame_GetBack",
					   "PyPreConfig_InitPythonConfig", NULL };
	static const char text[] = "3.10.13\0003.9.2\0003.8.18";

	(void)state;
	assert_int_equal(version_with_api(text, sizeof(text), api), 0x030a0df0);
	assert_int_equal(version_with_api(text, sizeof(text), api + 1), 0x030902f0);
	assert_int_equal(version_with_api(text, sizeof(text), api + 2), 0x030812f0);
	assert_int_equal(version_with_api(text, sizeof(text), api + 3), 0);
	assert_int_equal(version_with_api("3.9.2", 6, api), 0);
}

#define VERSION(minor, text) version_with_text(minor, text, sizeof(text))

static void test_version_text(void **state)
{
	(void)state;
	assert_int_equal(VERSION(10, "x\0003.10.13"), 0x030a0df0);
	assert_int_equal(VERSION(9, "3.9.0rc2"), 0x030900c2);
	assert_int_equal(VERSION(8, "3.8.0a1+"), 0x030800a1);
	/* merged with the end of a longer string; a whole string counts more */
	assert_int_equal(VERSION(10, "/opt/versions/3.10.13"), 0x030a0df0);
	assert_int_equal(VERSION(10, "/opt/versions/3.10.2\0003.10.13"), 0x030a0df0);
	/* other versions' texts, and what only looks like one */
	assert_int_equal(VERSION(10, "3.9.1\0003.10.4"), 0x030a04f0);
	assert_int_equal(VERSION(10, "3.10.4.5\0003.10.7"), 0x030a07f0);
	assert_int_equal(VERSION(10, "3.10.4x"), 0);
	assert_int_equal(VERSION(10, "3.10"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_debug_offsets),
		cmocka_unit_test(test_damaged_debug_offsets),
		cmocka_unit_test(test_version_symbols),
		cmocka_unit_test(test_version_text),
		cmocka_unit_test(test_version_api),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
