// SPDX-License-Identifier: GPL-2.0-only
/* Line tables: made up, and those of real interpreters against what these say themselves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../user/discover/py_lines.h"
#include "py_child.h"
#include "py_image.h"

#define SCRIPT "tests/data/py_lines.py"
#define MANY 500 /* code objects that each interpreter shows at least */

static uint32_t find(enum py_lines_form form, const char *bytes, size_t n, uint64_t offset)
{
	struct py_line_table t = { form, (const unsigned char *)bytes, n, 10 };

	return py_line_table__find(&t, offset);
}

static void test_lnotab(void **state)
{
	static const char bytes[] = "\x00\x01\x06\x05\x04\xfe\xff\x00\x02\x7f\x00\x03";

	(void)state;
	assert_int_equal(find(PY_LINES_LNOTAB, bytes, 12, 0), 11);
	assert_int_equal(find(PY_LINES_LNOTAB, bytes, 12, 5), 11);
	assert_int_equal(find(PY_LINES_LNOTAB, bytes, 12, 6), 16);
	assert_int_equal(find(PY_LINES_LNOTAB, bytes, 12, 10), 14);
	assert_int_equal(find(PY_LINES_LNOTAB, bytes, 12, 266), 14);
	assert_int_equal(find(PY_LINES_LNOTAB, bytes, 12, 267), 144);
	assert_int_equal(find(PY_LINES_LNOTAB, bytes, 0, 100), 10);
	/* cut in the middle of a pair; counting down below the file */
	assert_int_equal(find(PY_LINES_LNOTAB, bytes, 3, 100), 11);
	assert_int_equal(find(PY_LINES_LNOTAB, "\x00\x80", 2, 0), 0);
}

static void test_pairs(void **state)
{
	static const char bytes[] = "\x04\x00\x02\x80\x06\x03\x00\x7f\x02\xff";

	(void)state;
	assert_int_equal(find(PY_LINES_PAIRS, bytes, 10, 0), 10);
	assert_int_equal(find(PY_LINES_PAIRS, bytes, 10, 3), 10);
	assert_int_equal(find(PY_LINES_PAIRS, bytes, 10, 4), 0); /* no line */
	assert_int_equal(find(PY_LINES_PAIRS, bytes, 10, 6), 13);
	assert_int_equal(find(PY_LINES_PAIRS, bytes, 10, 12), 139);
	assert_int_equal(find(PY_LINES_PAIRS, bytes, 10, 14), 0); /* beyond its end */
	assert_int_equal(find(PY_LINES_PAIRS, bytes, 0, 0), 0);
}

static void test_locations(void **state)
{
	/* one unit short form; two of ONE_LINE1; three NONE; LONG -3 of many bytes; NO_COLUMNS +70 */
	static const char bytes[] = "\x80\x11\xd9\x01\x02\xfa\xf0\x07\x00\x41\x01\x02\xe8\x4c\x02";

	(void)state;
	assert_int_equal(find(PY_LINES_LOCATIONS, bytes, 15, 0), 10);
	assert_int_equal(find(PY_LINES_LOCATIONS, bytes, 15, 2), 11);
	assert_int_equal(find(PY_LINES_LOCATIONS, bytes, 15, 5), 11);
	assert_int_equal(find(PY_LINES_LOCATIONS, bytes, 15, 6), 0);
	assert_int_equal(find(PY_LINES_LOCATIONS, bytes, 15, 11), 0);
	assert_int_equal(find(PY_LINES_LOCATIONS, bytes, 15, 12), 8);
	assert_int_equal(find(PY_LINES_LOCATIONS, bytes, 15, 14), 78);
	assert_int_equal(find(PY_LINES_LOCATIONS, bytes, 15, 16), 0);
	/* damaged: no first byte, a number without end, nothing at all */
	assert_int_equal(find(PY_LINES_LOCATIONS, "\x11\x80\x11", 3, 0), 0);
	assert_int_equal(find(PY_LINES_LOCATIONS, "\xe8\x40\x40\x40\x40\x40\x40\x40", 8, 0), 10);
	assert_int_equal(find(PY_LINES_LOCATIONS, "\xe8\x41\x40\x40\x40\x40\x7f", 7, 0), 0);
	assert_int_equal(find(PY_LINES_LOCATIONS, "", 0, 0), 0);
}

/* ---- of real interpreters ----------------------------------------------------------------- */

static unsigned char table[PY_CHILD_LINE / 2];

/* Reads pairs of digits into `table`. */
static size_t read_hex(const char *text)
{
	unsigned int byte;
	size_t n = 0;
	int used;

	for (; sscanf(text, "%2x%n", &byte, &used) == 1 && used == 2; text += 2)
		table[n++] = byte;
	return n;
}

static size_t check_ranges(const struct py_line_table *t, const char *text)
{
	unsigned int start, end, line, offset;
	size_t checked = 0;
	int used;

	for (; sscanf(text, "%u:%u:%u%n", &start, &end, &line, &used) == 3;
	     text += used + (text[used] == ',')) {
		for (offset = start; offset < end; offset += 2, checked++) {
			if (py_line_table__find(t, offset) != line)
				fail_msg("offset %u of the code at line %u is line %u, not %u",
					 offset, t->firstlineno, line,
					 py_line_table__find(t, offset));
		}
	}
	return checked;
}

static enum py_lines_form form_of(const char *python)
{
	const char *name = strrchr(python, '/') + 1;
	const struct py_layout *l = py_layout__find(atoi(name + strlen("python3.")));

	assert_non_null(l);
	return l->lines;
}

/* How many code objects the interpreter showed. */
static size_t check_interpreter(const char *python)
{
	struct py_line_table t = { .form = form_of(python), .bytes = table };
	size_t codes = 0, checked = 0;
	struct py_child child;
	char *hex, *ranges;

	assert_true(py_child__start(&child, python, SCRIPT, ""));
	while (py_child__line(&child) && strcmp(child.line, "ready")) {
		t.firstlineno = strtoul(child.line, &hex, 10);
		ranges = strchr(++hex, ' ');
		assert_non_null(ranges);
		*ranges++ = '\0';
		t.n = read_hex(hex);
		checked += check_ranges(&t, ranges);
		ranges[-1] = ' '; /* the line is whole again, for py_child */
		codes++;
	}
	py_child__stop(&child);
	printf("# %s: %zu instructions of %zu code objects\n", python, checked, codes);
	return codes;
}

static void test_interpreters(void **state)
{
	size_t i, codes;

	(void)state;
	if (!interpreters.n)
		skip();
	for (i = 0; i < interpreters.n; i++) {
		codes = check_interpreter(interpreters.paths[i]);
		if (!codes)
			printf("# skip: %s cannot run %s\n", interpreters.paths[i], SCRIPT);
		else
			assert_true(codes >= MANY);
	}
}

/* ---- of a frame in a made-up memory ------------------------------------------------------- */

/* A bytes object. */
static uint64_t new_bytes(struct image *im, const char *data, size_t n)
{
	uint64_t object = image__new_object(im, im->t_code, 64);

	image__put(im, object + im->r.l.var_size, n);
	memcpy(image__at(im, object + im->r.l.bytes_data), data, n);
	return object;
}

/* A frame that stands at byte 6 of its code of 10, of which bytes 4 to 7 are line 13. */
static struct py_frame new_frame(struct image *im)
{
	static const char *const tables[] = { "\x04\x03\x04\x01", "\x04\x00\x04\x03\x02\x01",
					      "\xe9\x00\xe9\x06\xe8\x02" };
	struct py_frame f = { .firstlineno = 10 };
	struct py_layout *l = &im->r.l;

	f.code = image__new_object(im, im->t_code, 512);
	f.lines = new_bytes(im, tables[l->lines], l->lines == PY_LINES_LNOTAB ? 4 : 6);
	if (l->lines == PY_LINES_LOCATIONS) {
		image__put(im, f.code + l->var_size, 5);
		f.instr = f.code + l->code_bytes + 6;
	} else {
		image__put(im, f.code + l->code_bytes, new_bytes(im, "0123456789", 10));
		f.instr = l->lines == PY_LINES_PAIRS ? 3 : 6;
	}
	return f;
}

static void test_frames(void **state)
{
	unsigned int minor;
	uint32_t line;

	(void)state;
	for (minor = 8; minor <= 15; minor++) {
		struct image *im = image__new(minor);
		bool is_index = im->r.l.lines != PY_LINES_LOCATIONS;
		struct py_frame f = new_frame(im);

		assert_int_equal(py_frame__line(&im->r, &f, &line), 0);
		assert_int_equal(line, 13);
		/* before the first instruction; another code's instruction */
		f.instr = is_index ? 0xffffffff : f.code + im->r.l.code_bytes - 2;
		assert_int_equal(py_frame__line(&im->r, &f, &line), 0);
		assert_int_equal(line, 10);
		f.instr = is_index ? 10 : f.code + im->r.l.code_bytes + 10;
		assert_int_equal(py_frame__line(&im->r, &f, &line), -ESTALE);
		assert_int_equal(line, 0);
		f.instr = is_index ? (uint32_t)-5 : f.code;
		assert_int_equal(py_frame__line(&im->r, &f, &line), -ESTALE);
		/* a table that claims to be endless; none */
		f = new_frame(im);
		image__put(im, f.lines + im->r.l.var_size, 1ULL << 40);
		assert_int_equal(py_frame__line(&im->r, &f, &line), -EINVAL);
		f.lines = 16;
		assert_int_equal(py_frame__line(&im->r, &f, &line), -EFAULT);
		image__free(im);
	}
}

/* Free-threaded builds from 3.14 on: the bytecode that runs may be a copy. */
static void test_copies(void **state)
{
	struct image *im = image__new(14);
	uint64_t copies = image__alloc(im, 64), copy = image__alloc(im, 64);
	struct py_frame f;
	uint32_t line;

	(void)state;
	im->r.l.code_tlbc = 0x140;
	f = new_frame(im);
	image__put(im, f.code + im->r.l.code_tlbc, copies);
	image__put(im, copies, 2);
	image__put(im, copies + 8, f.code + im->r.l.code_bytes);
	image__put(im, copies + 16, copy);
	assert_int_equal(py_frame__line(&im->r, &f, &line), 0);
	assert_int_equal(line, 13);
	f.tlbc = 1;
	assert_int_equal(py_frame__line(&im->r, &f, &line), -ESTALE);
	f.instr = copy + 6;
	assert_int_equal(py_frame__line(&im->r, &f, &line), 0);
	assert_int_equal(line, 13);
	f.tlbc = 2;
	assert_int_equal(py_frame__line(&im->r, &f, &line), -ESTALE);
	image__free(im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lnotab),	  cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_locations), cmocka_unit_test(test_interpreters),
		cmocka_unit_test(test_frames),	  cmocka_unit_test(test_copies),
	};

	return cmocka_run_group_tests(tests, interpreters__setup, interpreters__teardown);
}
