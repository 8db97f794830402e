// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../user/decode/clock_align.h"

#define SECOND 1000000000LL

/* Linux of one boot, whose wall clock is exact to a millisecond. */
static struct clock_input known(const char *boot, const struct clock_pair *pair, int64_t first)
{
	return (struct clock_input){
		.boot = boot,
		.pairs = pair,
		.n_pairs = pair ? 1 : 0,
		.first = first,
		.marker = CLOCK_UNKNOWN,
	};
}

#define EXPECT(in, how, by, un)                         \
	do {                                            \
		assert_int_equal((in).basis, how);      \
		assert_int_equal((in).shift, by);       \
		assert_int_equal((in).uncertainty, un); \
	} while (0)

static void one_boot_is_not_shifted(void **state)
{
	static const struct clock_pair early = { 100 * SECOND, 1000 }, late = { 90 * SECOND, 5 };
	struct clock_input in[] = { known("a", &early, 5), known("a", &late, 7),
				    known("a", NULL, 9) };

	(void)state;
	clock_align__solve(in, 3, CLOCK_BY_HOST);
	for (int i = 0; i < 3; i++) {
		EXPECT(in[i], CLOCK_SAME_BOOT, 0, 0);
		assert_int_equal(in[i].clock, 0);
	}
}

static void machines_by_wall_clock(void **state)
{
	/* b was booted 30 s after a: at one moment its clock shows 30 s less */
	static const struct clock_pair a = { 1000 * SECOND, 1000 }, b = { 1030 * SECOND, 500 };
	struct clock_input in[] = { known("a", &a, 60 * SECOND), known("b", &b, 30 * SECOND),
				    known("b", NULL, 31 * SECOND) };

	(void)state;
	clock_align__solve(in, 3, CLOCK_BY_HOST);
	EXPECT(in[0], CLOCK_SAME_BOOT, 0, 0);
	EXPECT(in[1], CLOCK_WALL, 30 * SECOND, 1500);
	EXPECT(in[2], CLOCK_WALL, 30 * SECOND, 1500);
	assert_int_equal(in[1].clock, 1);
	assert_int_equal(in[2].clock, 1);
}

/* Before the first one's machine was booted: its clock cannot say that. */
static void nothing_before_zero(void **state)
{
	static const struct clock_pair a = { 1000 * SECOND, 10 }, b = { 900 * SECOND, 10 };
	struct clock_input in[] = { known("a", &a, 1 * SECOND), known("b", &b, 99 * SECOND) };

	(void)state;
	clock_align__solve(in, 2, CLOCK_BY_HOST);
	EXPECT(in[0], CLOCK_WALL, 100 * SECOND, 20);
	EXPECT(in[1], CLOCK_SAME_BOOT, 0, 0);
}

static void steps_are_uncertain(void **state)
{
	/* the wall clock was set 2 s on, which the last pair knows best */
	static const struct clock_pair a[] = { { 1000 * SECOND, 50 }, { 1002 * SECOND, 10 } };
	static const struct clock_pair b = { 1500 * SECOND, 1 };
	struct clock_input in[] = { known("a", a, 1), known("b", &b, 1) };

	(void)state;
	in[0].n_pairs = 2;
	clock_align__solve(in, 2, CLOCK_BY_HOST);
	EXPECT(in[1], CLOCK_WALL, 498 * SECOND, 2 * SECOND + 11);
	assert_int_equal(clock_align__best_pair(&in[0])->offset, 1002 * SECOND);
}

static void unknown_machines(void **state)
{
	static const struct clock_pair a = { 1000 * SECOND, 10 };
	static const struct clock_pair near = { 1000 * SECOND + 700, CLOCK_UNSYNCHRONISED };
	static const struct clock_pair far = { 5000 * SECOND, CLOCK_UNSYNCHRONISED };
	struct clock_input in[] = { known(NULL, &near, 5), known("a", &a, 5), known(NULL, NULL, 5),
				    known(NULL, &far, 5), known(NULL, &far, 5) };

	(void)state;
	clock_align__solve(in, 5, CLOCK_BY_HOST);
	EXPECT(in[0], CLOCK_ASSUMED, 0, 700);
	EXPECT(in[1], CLOCK_SAME_BOOT, 0, 0);
	EXPECT(in[2], CLOCK_ASSUMED, 0, CLOCK_UNKNOWN);
	EXPECT(in[3], CLOCK_WALL, 4000 * SECOND, CLOCK_UNSYNCHRONISED + 10 + 700);
	EXPECT(in[4], CLOCK_WALL, 4000 * SECOND, CLOCK_UNSYNCHRONISED + 10 + 700);
	assert_int_equal(in[1].clock, 0);
	assert_int_equal(in[2].clock, 0);
	assert_int_equal(in[4].clock, 3);
}

static void nothing_known(void **state)
{
	struct clock_input in[] = { known(NULL, NULL, 5), known(NULL, NULL, 5) };

	(void)state;
	clock_align__solve(in, 2, CLOCK_BY_HOST);
	EXPECT(in[0], CLOCK_ASSUMED, 0, 0);
	EXPECT(in[1], CLOCK_ASSUMED, 0, CLOCK_UNKNOWN);
}

static void no_way(void **state)
{
	static const struct clock_pair a = { 1000 * SECOND, 10 };
	struct clock_input in[] = { known("a", &a, 5), known("b", NULL, 5) };

	(void)state;
	clock_align__solve(in, 2, CLOCK_BY_HOST);
	assert_int_equal(in[1].basis, CLOCK_NO_WAY);
	clock_align__solve(in, 2, CLOCK_BY_START);
	EXPECT(in[1], CLOCK_START, 0, CLOCK_UNKNOWN);
}

static void by_start(void **state)
{
	struct clock_input in[] = { known("a", NULL, 70), known("a", NULL, 20),
				    known("b", NULL, CLOCK_UNKNOWN), known("b", NULL, 700) };

	(void)state;
	clock_align__solve(in, 4, CLOCK_BY_START);
	EXPECT(in[0], CLOCK_START, 0, 0);
	EXPECT(in[1], CLOCK_START, 50, CLOCK_UNKNOWN);
	EXPECT(in[2], CLOCK_START, 0, CLOCK_UNKNOWN);
	EXPECT(in[3], CLOCK_START, -630, CLOCK_UNKNOWN);
}

/* All are moved on by what the earliest would lie before zero. */
static void by_marker(void **state)
{
	struct clock_input in[] = { known("a", NULL, 10), known("b", NULL, 100) };

	(void)state;
	in[0].marker = 15;
	in[1].marker = 400;
	clock_align__solve(in, 2, CLOCK_BY_MARKER);
	EXPECT(in[0], CLOCK_MARKER, 285, 0);
	EXPECT(in[1], CLOCK_MARKER, -100, CLOCK_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_boot_is_not_shifted),
		cmocka_unit_test(machines_by_wall_clock),
		cmocka_unit_test(nothing_before_zero),
		cmocka_unit_test(steps_are_uncertain),
		cmocka_unit_test(unknown_machines),
		cmocka_unit_test(nothing_known),
		cmocka_unit_test(no_way),
		cmocka_unit_test(by_start),
		cmocka_unit_test(by_marker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
