// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../user/discover/proc_task.h"
#include "../../user/trace/switches.h"

#define MS 1000000ULL
#define S 1000000000ULL

static uint64_t look(struct switches *s, uint64_t at, double share, uint64_t first, uint64_t second)
{
	const struct switch_count counts[] = { { 100, first }, { 200, second } };
	struct switch_look l = { .n = second ? 2 : 1, .at = at, .share = share };

	l.counts = malloc(sizeof(counts));
	assert_non_null(l.counts);
	memcpy(l.counts, counts, sizeof(counts));
	return switches__note(s, &l);
}

static void test_rate(void **state)
{
	struct switches s;

	(void)state;
	switches__init(&s);
	assert_true(s.rate < 0);
	assert_int_equal(look(&s, 10 * S, 1, 5000, 0), 0);
	assert_true(s.rate < 0); /* two looks make a rate */
	assert_true(s.next == 10 * S + 200 * MS);
	assert_int_equal(look(&s, 10 * S + 200 * MS, 1, 5100, 0), 100);
	assert_true(s.rate > 499 && s.rate < 501);
	assert_true(s.next == 11 * S + 200 * MS);
	assert_int_equal(look(&s, 12 * S, 1, 5100, 0), 0);
	assert_true(s.rate > 300 && s.rate < 400); /* it may come back */
	assert_int_equal(look(&s, 13 * S, 1, 14100, 0), 9000);
	assert_true(s.rate > 8999);
	switches__release(&s);
}

/* Of several threads the one that has the most turns counts, or its part of what all have. */
static void test_of_several(void **state)
{
	struct switches s;

	(void)state;
	switches__init(&s);
	look(&s, 10 * S, 0, 5000, 7000);
	assert_int_equal(look(&s, 11 * S, 0, 5600, 7400), 600);
	assert_true(s.all == 1000 && s.rate == 600);
	assert_int_equal(look(&s, 12 * S, 0.5, 6200, 7800), 600);
	assert_int_equal(look(&s, 13 * S, 0.9, 6800, 8200), 900);
	/* One has ended, and comes again. */
	assert_int_equal(look(&s, 14 * S, 1, 6900, 0), 100);
	assert_int_equal(look(&s, 15 * S, 1, 6900, 30), 30);
	assert_int_equal(look(&s, 16 * S, 1, 6900, 20), 20);
	switches__release(&s);
}

/* Each sleep of a thread is one, unless it ended before the thread was off its CPU. */
static void test_of_this_process(void **state)
{
	const struct timespec nap = { .tv_nsec = 300000 };
	struct switches s;
	uint64_t n;

	(void)state;
	if (!proc_task__runs(getpid(), getpid()))
		skip(); /* the kernel does not count them */
	switches__init(&s);
	assert_int_equal(switches__look(&s, getpid(), 1 * S, 1), 0);
	for (int i = 0; i < 100; i++)
		nanosleep(&nap, NULL);
	assert_int_equal(switches__look(&s, getpid(), 1 * S, 1), 0); /* not yet */
	n = switches__look(&s, getpid(), 9 * S, 1);
	assert_true(n >= 90 && n < 100000);
	switches__release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_of_several),
		cmocka_unit_test(test_of_this_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
