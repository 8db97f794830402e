// SPDX-License-Identifier: GPL-2.0-only
/* Arrays that grow: what was there stays, and what cannot be had leaves all as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "../../user/array.h"

static void test_reserve(void **state)
{
	uint32_t *numbers = NULL;
	size_t room = 0, n = 0, grown = 0, before;

	(void)state;
	assert_int_equal(ARRAY_RESERVE(numbers, room, n), 0);
	assert_null(numbers);
	while (n < 100000) {
		before = room;
		assert_int_equal(ARRAY_RESERVE(numbers, room, n + 1), 0);
		assert_true(room > n);
		grown += room != before;
		numbers[n] = (uint32_t)n;
		n++;
	}
	assert_in_range(grown, 5, 20);
	assert_int_equal(ARRAY_RESERVE(numbers, room, 5 * n), 0);
	assert_true(room >= 5 * n);
	while (n--)
		assert_int_equal(numbers[n], n);
	free(numbers);
}

static void test_one_more(void **state)
{
	uint64_t *numbers = NULL;
	size_t n = 0;

	(void)state;
	for (int turn = 0; turn < 3; turn++) {
		while (n < 1000) {
			assert_int_equal(ARRAY_ONE_MORE(numbers, n), 0);
			numbers[n] = n;
			n++;
		}
		n = turn ? 0 : 700; /* may be made shorter */
		for (size_t i = 0; i < n; i++)
			assert_int_equal(numbers[i], i);
	}
	free(numbers);
}

static void test_too_many(void **state)
{
	uint64_t *numbers = NULL;
	size_t room = 0;

	(void)state;
	assert_int_equal(ARRAY_RESERVE(numbers, room, 3), 0);
	numbers[2] = 77;
	assert_int_equal(ARRAY_RESERVE(numbers, room, SIZE_MAX), -ENOMEM);
	assert_int_equal(ARRAY_RESERVE(numbers, room, SIZE_MAX / 8 + 2), -ENOMEM);
	assert_int_equal(ARRAY_ONE_MORE(numbers, (size_t)1 << 63), -ENOMEM);
	assert_in_range(room, 3, 1000);
	assert_int_equal(numbers[2], 77);
	free(numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_one_more),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
