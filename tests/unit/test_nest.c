// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "../../user/decode/nest.h"

static int take(struct nest *n, uint64_t start, uint64_t end, uint32_t depth)
{
	struct nest_interval i = { start, end, depth };

	return nest__take(n, &i);
}

static void test_what_nests(void **state)
{
	struct nest n = { 0 };

	(void)state;
	assert_int_equal(take(&n, 12, 13, 2), 1);
	assert_int_equal(take(&n, 14, 15, 2), 1);
	assert_int_equal(take(&n, 11, 16, 1), 1); /* encloses both */
	assert_int_equal(take(&n, 16, 17, 1), 1); /* touches */
	assert_int_equal(take(&n, 11, 17, 0), 1); /* begins with its first callee */
	assert_int_equal(n.n, 1);
	assert_int_equal(take(&n, 20, 20, 0), 1);
	assert_int_equal(take(&n, 20, 20, 0), 1);
	nest__release(&n);
}

static void test_what_does_not(void **state)
{
	struct nest n = { 0 };

	(void)state;
	assert_int_equal(take(&n, 10, 20, 1), 1);
	assert_int_equal(take(&n, 15, 25, 1), 0); /* begins inside, ends outside */
	assert_int_equal(take(&n, 12, 15, 2), 0); /* out of order */
	assert_int_equal(take(&n, 20, 25, 1), 1);
	assert_int_equal(take(&n, 15, 30, 0), 0);
	assert_int_equal(take(&n, 10, 30, 0), 1); /* the refused ones left no trace */
	nest__release(&n);
}

/* A long-running function with many calls, and a later sibling with its own: memory stays bounded
 * and nothing is refused. */
static void test_many_siblings(void **state)
{
	struct nest n = { 0 };
	uint64_t t = 100, outer;
	int i, j;

	(void)state;
	for (i = 0; i < 20; i++) {
		outer = t++;
		for (j = 0; j < 30000; j++, t += 2)
			assert_int_equal(take(&n, t, t + 1, 2), 1);
		assert_int_equal(take(&n, outer, t++, 1), 1);
		assert_true(n.room <= 4096);
	}
	assert_true(n.n <= 20); /* the outer ones may have been joined, being siblings */
	assert_int_equal(take(&n, 50, t, 0), 1);
	assert_int_equal(n.n, 1);
	nest__release(&n);
}

static void test_deep_recursion(void **state)
{
	struct nest n = { 0 };
	uint32_t depth;

	(void)state;
	for (depth = 70000; depth > 0; depth--)
		assert_int_equal(take(&n, depth, 200000 - depth, depth), 1);
	assert_int_equal(n.n, 1);
	nest__release(&n);
}

/* Slices of alternating depth whose callers were lost never join at equal depth. */
static void test_bounded_at_the_worst(void **state)
{
	struct nest n = { 0 };
	uint64_t t;

	(void)state;
	for (t = 0; t < 100000; t += 2)
		assert_int_equal(take(&n, t, t + 1, (uint32_t)(t % 4)), 1);
	assert_true(n.room <= 4096);
	assert_int_equal(take(&n, 0, t, 0), 1);
	assert_int_equal(n.n, 1);
	nest__release(&n);
}

/* Against the definition: every pair of accepted slices is disjoint or one encloses the other. */
static void test_random_against_definition(void **state)
{
	struct nest_interval kept[200];
	int round, i, k, n_kept;

	(void)state;
	srand(1);
	for (round = 0; round < 300; round++) {
		struct nest n = { 0 };
		uint64_t end = 0;

		n_kept = 0;
		for (i = 0; i < 200; i++) {
			struct nest_interval s = { 0, end += (uint64_t)(rand() % 3), 0 };
			int fits = 1;

			s.start = s.end - (uint64_t)rand() % (s.end + 1);
			s.depth = (uint32_t)rand() % 4;
			for (k = 0; k < n_kept; k++) {
				if (s.start > kept[k].start && s.start < kept[k].end &&
				    s.end > kept[k].end)
					fits = 0;
			}
			/* equal ends: the later one must begin no later, or not before the other's
			 * end */
			for (k = 0; k < n_kept; k++) {
				if (s.end == kept[k].end && s.start > kept[k].start &&
				    s.start < kept[k].end)
					fits = 0;
			}
			assert_int_equal(nest__take(&n, &s), fits);
			if (fits)
				kept[n_kept++] = s;
		}
		nest__release(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_nests),
		cmocka_unit_test(test_what_does_not),
		cmocka_unit_test(test_many_siblings),
		cmocka_unit_test(test_deep_recursion),
		cmocka_unit_test(test_bounded_at_the_worst),
		cmocka_unit_test(test_random_against_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
