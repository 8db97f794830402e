// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../user/decode/follower_list.h"

static void add(struct follower_list *l, uint64_t start, uint64_t end, uint32_t depth)
{
	const struct follower call = { start, end, depth };

	assert_int_equal(follower_list__add(l, &call), 0);
}

static void caller(struct follower_list *l, uint32_t depth, bool hidden)
{
	assert_int_equal(follower_list__caller(l, depth, hidden), 0);
}

static bool has(const struct follower_list *l, uint64_t start, uint64_t end, uint32_t depth)
{
	const struct follower call = { start, end, depth };

	return follower_list__has(l, &call);
}

static void test_nothing(void **state)
{
	struct follower_list l = {};

	(void)state;
	caller(&l, 0, true);
	follower_list__ready(&l);
	assert_false(has(&l, 1, 2, 1));
	follower_list__release(&l);
}

/* Each goes with the call right above it, whatever is above that. */
static void test_callers(void **state)
{
	struct follower_list l = {};

	(void)state;
	add(&l, 10, 11, 2);
	add(&l, 12, 12, 2);
	caller(&l, 1, true);
	add(&l, 20, 21, 2);
	caller(&l, 1, false);
	add(&l, 22, 23, 1);
	add(&l, 30, 31, 2);
	caller(&l, 1, false);
	caller(&l, 0, true);
	follower_list__ready(&l);
	assert_true(has(&l, 10, 11, 2));
	assert_true(has(&l, 12, 12, 2));
	assert_false(has(&l, 12, 12, 1));
	assert_true(has(&l, 22, 23, 1));
	assert_false(has(&l, 20, 21, 2));
	assert_false(has(&l, 30, 31, 2));
	follower_list__release(&l);
}

/* One whose caller is lost stays, and so does one whose caller does not come. */
static void test_lost_callers(void **state)
{
	struct follower_list l = {};

	(void)state;
	add(&l, 10, 11, 3);
	caller(&l, 1, true);
	add(&l, 20, 21, 1);
	follower_list__ready(&l);
	assert_false(has(&l, 10, 11, 3));
	assert_false(has(&l, 20, 21, 1));
	follower_list__release(&l);
}

static void test_deepest(void **state)
{
	struct follower_list l = {};

	(void)state;
	add(&l, 10, 11, FOLLOWER_DEEPEST);
	caller(&l, FOLLOWER_DEEPEST, true);
	add(&l, 20, 21, FOLLOWER_DEEPEST);
	caller(&l, FOLLOWER_DEEPEST - 1, true);
	follower_list__ready(&l);
	assert_true(has(&l, 10, 11, FOLLOWER_DEEPEST));
	assert_true(has(&l, 20, 21, FOLLOWER_DEEPEST));
	follower_list__release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_callers),
		cmocka_unit_test(test_lost_callers),
		cmocka_unit_test(test_deepest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
