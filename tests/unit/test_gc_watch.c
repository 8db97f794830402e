// SPDX-License-Identifier: GPL-2.0-only
/* Watches a flag of this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/trace/gc_watch.h"

static volatile int flags[2];
static const uint64_t unreadable = 16;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Runs a "collection" of so many ms; what it really took. */
static uint64_t collect(volatile int *flag, unsigned int ms)
{
	uint64_t start = now_ns(), took;

	*flag = 1;
	usleep(ms * 1000);
	took = now_ns() - start;
	*flag = 0;
	usleep(10000);
	return took;
}

static struct gc_watch *watch(uint64_t least_ns)
{
	const uint64_t addrs[] = { (uintptr_t)&flags[0], (uintptr_t)&flags[1] };
	struct gc_watch *g = gc_watch__new(getpid(), least_ns);

	assert_non_null(g);
	gc_watch__set(g, addrs, 2);
	usleep(5000);
	return g;
}

static void test_length(void **state)
{
	struct gc_watch *g = watch(20000000);
	struct gc_seen seen;
	uint64_t last = 0, took;

	(void)state;
	collect(&flags[0], 10);
	assert_false(gc_watch__next(g, &last, &seen));
	took = collect(&flags[1], 40);
	assert_true(
		gc_watch__next(g, &last, &seen)); /* the whole of it: told of for the last time */
	assert_in_range(seen.took, took - 8000000, took + 8000000);
	assert_false(gc_watch__next(g, &last, &seen));
	gc_watch__free(g);
}

/* It is told of while it runs. */
static void test_hangs(void **state)
{
	struct gc_watch *g = watch(20000000);
	struct gc_seen first, second;
	uint64_t last = 0;

	(void)state;
	flags[0] = 1;
	usleep(100000);
	assert_true(gc_watch__next(g, &last, &first));
	usleep(50000);
	assert_true(gc_watch__next(g, &last, &second));
	flags[0] = 0;
	assert_int_equal(first.start, second.start);
	assert_true(second.took > first.took);
	gc_watch__free(g);
}

/* Nothing that can be read there: nothing collects. */
static void test_unreadable(void **state)
{
	struct gc_watch *g = gc_watch__new(getpid(), 1);
	struct gc_seen seen;
	uint64_t last = 0;

	(void)state;
	gc_watch__set(g, &unreadable, 1);
	usleep(20000);
	assert_false(gc_watch__next(g, &last, &seen));
	gc_watch__free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_hangs),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
