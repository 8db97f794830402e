// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../user/trace/hits.h"

static struct hits *make(unsigned int max)
{
	struct hits_config cfg = { .triggers = 2, .after_ns = 10, .cool_down_ns = 100, .max = max };
	struct hits *h = hits__new(&cfg);

	assert_non_null(h);
	return h;
}

static bool note(struct hits *h, size_t trigger, uint64_t ts)
{
	struct hit hit = { .trigger = trigger, .ts = ts };

	return hits__note(h, &hit);
}

static void assert_sums(const struct hits *h, uint64_t taken, uint64_t suppressed, uint64_t beyond)
{
	struct hits_sums sums;

	hits__sums(h, &sums);
	assert_int_equal(sums.taken, taken);
	assert_int_equal(sums.suppressed, suppressed);
	assert_int_equal(sums.beyond, beyond);
}

/* Each trigger rests for itself, from the hit that was taken. */
static void test_cool_down(void **state)
{
	struct hits *h = make(100);

	(void)state;
	assert_true(note(h, 0, 1000));
	assert_false(note(h, 0, 1050));
	assert_true(note(h, 1, 1050));
	assert_false(note(h, 0, 1099));
	assert_true(note(h, 0, 1100));
	hits__add_suppressed(h, 5);
	assert_sums(h, 3, 7, 0);
	hits__free(h);
}

static void test_cap(void **state)
{
	struct hits *h = make(2);

	(void)state;
	assert_true(note(h, 0, 1000));
	assert_true(note(h, 0, 2000));
	assert_false(note(h, 0, 3000));
	assert_false(note(h, 1, 3000));
	assert_sums(h, 2, 0, 2);
	hits__free(h);
}

/* A dump is due when the time after its hit is over; at the end all are. */
static void test_due(void **state)
{
	struct hits *h = make(100);
	struct hit hit;

	(void)state;
	assert_int_equal(hits__oldest(h), UINT64_MAX);
	assert_false(hits__take(h, UINT64_MAX, true, &hit));
	assert_true(note(h, 0, 1000));
	assert_true(note(h, 1, 1005));
	assert_int_equal(hits__oldest(h), 1000);
	assert_false(hits__take(h, 1009, false, &hit));
	assert_true(hits__take(h, 1010, false, &hit));
	assert_int_equal(hit.ts, 1000);
	assert_false(hits__take(h, 1010, false, &hit));
	assert_int_equal(hits__oldest(h), 1005);
	assert_true(hits__take(h, 1010, true, &hit));
	assert_int_equal(hit.trigger, 1);
	assert_int_equal(hits__oldest(h), UINT64_MAX);
	hits__free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cool_down),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
