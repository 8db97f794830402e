// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../user/discover/py_interpreters.h"
#include "py_image.h"

#define HOLDER 0x12345678

/* An interpreter whose GIL, if it points to one, is at `gil`. */
static uint64_t new_interpreter(struct image *im, uint64_t next, uint64_t gil)
{
	uint64_t interp = image__alloc(im, 0x4000);

	image__put(im, interp + im->r.l.interp_next, next);
	if (im->r.l.interp_gil != PY_NO_FIELD)
		image__put(im, interp + im->r.l.interp_gil, gil);
	return interp;
}

static void put_gil(struct image *im, uint64_t gil, uint32_t locked, uint64_t switches)
{
	image__put(im, gil + im->r.l.gil_holder, HOLDER);
	memcpy(image__at(im, gil + im->r.l.gil_locked), &locked, sizeof(locked));
	image__put(im, gil + im->r.l.gil_locked + 8, switches);
}

static void test_one_gil(void **state)
{
	struct py_gil gils[4];
	unsigned int minor;

	(void)state;
	FOR_MINORS(minor)
	{
		struct image *im = image__new(minor);
		bool inline_gil = im->r.l.interp_gil == PY_NO_FIELD;
		uint64_t gil = inline_gil ? RUNTIME + im->r.l.runtime_gil : image__alloc(im, 0x200);
		uint64_t one = new_interpreter(im, 0, gil), two = new_interpreter(im, one, gil);
		uint64_t interps[4];

		image__put(im, RUNTIME + im->r.l.runtime_interpreters, two);
		assert_int_equal(py_interpreters__list(&im->r, interps, 4), 2);
		assert_true(interps[0] == two && interps[1] == one);
		assert_int_equal(py_interpreters__list(&im->r, interps, 1), 1);
		put_gil(im, gil, 1, 7);
		assert_int_equal(py_gils__read(&im->r, gils, 4), 1);
		assert_int_equal(gils[0].addr, gil);
		assert_int_equal(gils[0].holder, HOLDER);
		assert_int_equal(gils[0].switches, 7);
		assert_int_equal(gils[0].wait_begin, gil + 0x20);
		assert_true(gils[0].wait_end >= gil + 0xd0);
		/* free, and before it is made */
		put_gil(im, gil, 0, 7);
		assert_int_equal(py_gils__read(&im->r, gils, 4), 1);
		assert_int_equal(gils[0].holder, 0);
		put_gil(im, gil, (uint32_t)-1, 0);
		assert_int_equal(py_gils__read(&im->r, gils, 4), 1);
		assert_int_equal(gils[0].holder, 0);
		assert_int_equal(py_gils__read(&im->r, gils, 0), 0);
		image__free(im);
	}
}

static void test_own_gils(void **state)
{
	struct image *im = image__new(12);
	uint64_t a = image__alloc(im, 0x200), b = image__alloc(im, 0x200);
	uint64_t one = new_interpreter(im, 0, a), two = new_interpreter(im, one, b);
	struct py_gil gils[4];

	(void)state;
	image__put(im, RUNTIME + im->r.l.runtime_interpreters, two);
	put_gil(im, a, 1, 1);
	put_gil(im, b, 0, 2);
	assert_int_equal(py_gils__read(&im->r, gils, 4), 2);
	assert_true(gils[0].addr == b && !gils[0].holder);
	assert_true(gils[1].addr == a && gils[1].holder == HOLDER);
	/* one that points nowhere; a list that does not end */
	image__put(im, two + im->r.l.interp_gil, 8);
	assert_int_equal(py_gils__read(&im->r, gils, 4), 1);
	image__put(im, one + im->r.l.interp_next, two);
	assert_int_equal(py_gils__read(&im->r, gils, 4), 1);
	image__free(im);
}

/* Free-threaded builds have a GIL that is off, or on for a while. */
static void test_free_threaded(void **state)
{
	struct image *im = image__new(13);
	uint64_t gil = image__alloc(im, 0x200), one = new_interpreter(im, 0, gil);
	struct py_gil gils[4];

	(void)state;
	im->r.frame.flags |= VTBPF_LAYOUT_FREE_THREADED;
	im->r.l.gil_holder += 8;
	im->r.l.gil_locked += 8;
	image__put(im, RUNTIME + im->r.l.runtime_interpreters, one);
	put_gil(im, gil, 1, 1);
	assert_int_equal(py_gils__read(&im->r, gils, 4), 0);
	image__put(im, gil, INT32_MAX);
	assert_int_equal(py_gils__read(&im->r, gils, 4), 1);
	assert_int_equal(gils[0].holder, HOLDER);
	image__free(im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_gil),
		cmocka_unit_test(test_own_gils),
		cmocka_unit_test(test_free_threaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
