// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/trace/usual.h"

struct fixture {
	struct usual u;
	uint32_t bins[WATCH_BINS], seen[WATCH_BINS];
};

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* As the kernel side does, with other means. */
static unsigned int bin_of(uint64_t ns)
{
	int octave;

	if (ns < 8)
		return ns;
	octave = 63 - __builtin_clzll(ns);
	return (octave - 2) * 8 + (ns >> (octave - 3) & 7);
}

static void calls(struct fixture *f, unsigned int n, uint64_t ns)
{
	f->bins[bin_of(ns)] += n;
	usual__add(&f->u, f->bins, f->seen);
}

static void test_quantiles(void **state)
{
	struct fixture *f = *state;

	for (uint64_t ns = 1; ns <= 100000; ns++)
		f->bins[bin_of(ns)]++;
	usual__add(&f->u, f->bins, f->seen);
	assert_in_range(usual__quantile(&f->u, 0.5), 48000, 52000);
	assert_in_range(usual__quantile(&f->u, 0.99), 97000, 104000);
	assert_in_range(usual__quantile(&f->u, 0.01), 950, 1050);
}

static void test_warm_up(void **state)
{
	struct fixture *f = *state;

	calls(f, USUAL_WARM_UP - 1, 1000000);
	assert_int_equal(usual__limit(&f->u), 0);
	calls(f, 1, 1000000);
	assert_true(usual__limit(&f->u));
}

/* Even durations: twice the usual is not, half more is. */
static void test_even(void **state)
{
	struct fixture *f = *state;

	calls(f, 500, 10000000);
	calls(f, 500, 11000000);
	assert_in_range(usual__limit(&f->u), 20000000, 32000000);
}

/* Short ones: a millisecond more is the least that is told of. */
static void test_short(void **state)
{
	struct fixture *f = *state;

	calls(f, 1000, 2000);
	assert_in_range(usual__limit(&f->u), 1001000, 1010000);
}

/* A function of two kinds of calls: the rarer kind is usual, too, when it is one in twenty. */
static void test_two_kinds(void **state)
{
	struct fixture *f = *state;

	calls(f, 1900, 100000);
	calls(f, 100, 80000000);
	assert_true(usual__limit(&f->u) > 100000000);
}

/* One in ten thousand moves nothing. */
static void test_outliers_do_not_count(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	calls(f, 50000, 1000000);
	before = usual__limit(&f->u);
	calls(f, 5, 10000000000);
	assert_in_range(usual__limit(&f->u), before, before + before / 10);
}

/* What was usual long ago is forgotten. */
static void test_changes(void **state)
{
	struct fixture *f = *state;

	calls(f, 90000, 100000000);
	assert_true(usual__limit(&f->u) > 150000000);
	for (int i = 0; i < 20; i++)
		calls(f, 50000, 1000000);
	assert_in_range(usual__limit(&f->u), 2000000, 4000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_quantiles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_warm_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_even, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outliers_do_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
