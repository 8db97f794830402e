// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "../../user/trace/own_cost.h"

#define MS 1000000ULL

static void test_busy(void **state)
{
	(void)state;
	/* of two CPUs one is idle */
	assert_true(own_cost__busy(20 * MS, 1000 * MS, 1000 * MS) == 0);
	/* none is */
	assert_true(own_cost__busy(20 * MS, 0, 1000 * MS) == 1);
	/* a little: not where all of it was wanted */
	assert_true(own_cost__busy(20 * MS, 60 * MS, 1000 * MS) == 0.5);
	/* vtbpf itself left no more idle, though it used much */
	assert_true(own_cost__busy(900 * MS, 950 * MS, 1000 * MS) > 0);
	assert_true(own_cost__busy(0, 0, 0) == 0);
}

static void spin(uint64_t ns)
{
	struct timespec ts;

	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	while ((uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec < ns);
}

static void test_take(void **state)
{
	struct own_cost o;
	uint64_t cpu;

	(void)state;
	own_cost__init(&o);
	spin(50 * MS);
	assert_true(own_cost__take(&o) <= o.cpu);
	assert_true(o.cpu >= 50 * MS);
	cpu = o.cpu;
	assert_true(own_cost__take(&o) <= o.cpu - cpu); /* only what came since */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
