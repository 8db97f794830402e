// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../user/decode/spool.h"

#define MANY 5000

static void add(struct spool *s, struct spool_list *l, uint64_t value)
{
	uint64_t record[3] = { value, value * 2, value * 3 };

	assert_int_equal(spool__append(s, l, record), 0);
}

/* The list holds 0, step, 2 step..., as many as that. */
static void expect(struct spool *s, const struct spool_list *l, uint64_t n, uint64_t step)
{
	struct spool_cursor forwards = { .spool = s, .list = l };
	struct spool_cursor backwards = { .spool = s, .list = l, .backwards = true };
	const void *record;
	const uint64_t *r;
	uint64_t i;

	assert_int_equal(l->n, n);
	for (i = 0; i < n; i++) {
		assert_int_equal(spool_cursor__next(&forwards, &record), 1);
		r = record;
		assert_int_equal(r[0], i * step);
		assert_int_equal(r[2], i * step * 3);
		assert_int_equal(spool_cursor__next(&backwards, &record), 1);
		r = record;
		assert_int_equal(r[0], (n - 1 - i) * step);
	}
	assert_int_equal(spool_cursor__next(&forwards, &record), 0);
	assert_int_equal(spool_cursor__next(&backwards, &record), 0);
	spool_cursor__release(&forwards);
	spool_cursor__release(&backwards);
}

static void test_empty(void **state)
{
	struct spool *s = spool__new(NULL, 24);
	struct spool_list l = {};

	(void)state;
	assert_non_null(s);
	expect(s, &l, 0, 1);
	spool_list__release(&l);
	spool__free(s);
}

/* Lists whose blocks lie mixed in the file. */
static void test_lists(void **state)
{
	struct spool *s = spool__new(NULL, 24);
	struct spool_list l[3] = {};
	uint64_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		add(s, &l[0], i);
		if (i < MANY / 2)
			add(s, &l[1], i * 7);
		if (i < 682) /* one full block */
			add(s, &l[2], i * 5);
	}
	expect(s, &l[0], MANY, 1);
	expect(s, &l[1], MANY / 2, 7);
	expect(s, &l[2], 682, 5);
	add(s, &l[2], 682 * 5); /* and on, after it was read */
	expect(s, &l[2], 683, 5);
	for (i = 0; i < 3; i++)
		spool_list__release(&l[i]);
	spool__free(s);
}

static void test_reset(void **state)
{
	struct spool *s = spool__new("/tmp", 24);
	struct spool_list l = {};
	uint64_t i, round;

	(void)state;
	for (round = 1; round < 4; round++) {
		for (i = 0; i < MANY; i++)
			add(s, &l, i * round);
		expect(s, &l, MANY, round);
		spool_list__release(&l);
		spool__reset(s);
	}
	spool__free(s);
}

/* What fits into memory needs no file; what does not, and has no place, is an error. */
static void test_no_directory(void **state)
{
	struct spool *s = spool__new("/nonexistent/directory", 24);
	struct spool_list l = {};
	uint64_t record[3] = {}, i;
	int err = 0;

	(void)state;
	for (i = 0; i < 600; i++)
		add(s, &l, i);
	expect(s, &l, 600, 1);
	for (i = 0; i < 600 && !err; i++)
		err = spool__append(s, &l, record);
	assert_int_equal(err, -ENOENT);
	spool_list__release(&l);
	spool__free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_no_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
