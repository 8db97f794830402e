// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../user/trace/duty.h"

#define MS 1000000ULL
#define S 1000000000ULL

struct tally {
	uint64_t on, windows, shortest_gap, longest_gap;
	uint64_t phase[10]; /* windows begun in each tenth of a second */
};

static struct tally simulate(double fraction, uint64_t edge, uint64_t seconds)
{
	struct tally t = { .shortest_gap = UINT64_MAX };
	uint64_t begin = 1000 * S, now = begin, off = begin;
	struct duty d;
	bool was = false;

	duty__init(&d, fraction, 2 * S, 42);
	for (int i = 0; i < 20; i++)
		duty__note_edge(&d, edge);
	while (now < begin + seconds * S) {
		bool on = duty__is_on(&d, now);
		uint64_t next = duty__next(&d, now);

		assert_true(next > now);
		if (on && !was) {
			uint64_t gap = now - off;

			t.windows++;
			t.phase[now / (S / 10) % 10]++;
			if (gap > t.longest_gap)
				t.longest_gap = gap;
		}
		if (was && !on)
			off = now;
		t.on += on ? next - now : 0;
		was = on;
		now = next;
	}
	return t;
}

static void test_fraction_holds(void **state)
{
	static const double fractions[] = { 0.001, 0.01, 0.1, 0.25, 0.5, 0.9, 0.99 };

	(void)state;
	for (size_t i = 0; i < sizeof(fractions) / sizeof(*fractions); i++) {
		struct tally t = simulate(fractions[i], 50 * MS, 4000);
		double got = (double)t.on / (4000 * S);

		assert_true(got > fractions[i] * 0.98 && got < fractions[i] * 1.02);
	}
}

/* A rhythm of a tenth of a second would be seen in all its phases alike. */
static void test_random(void **state)
{
	struct tally t = simulate(0.05, 50 * MS, 20000);

	(void)state;
	assert_true(t.windows > 5000);
	for (int i = 0; i < 10; i++)
		assert_true(t.phase[i] > t.windows / 13 && t.phase[i] < t.windows / 8);
}

static void test_no_long_silence(void **state)
{
	(void)state;
	assert_true(simulate(0.01, 50 * MS, 1000).longest_gap <= 5 * S);
	assert_true(simulate(0.1, 50 * MS, 1000).longest_gap <= 5 * S);
}

/* Where attaching takes long, windows are fewer. */
static void test_edges_are_spread(void **state)
{
	struct tally cheap = simulate(0.5, 5 * MS, 1000), dear = simulate(0.5, 200 * MS, 1000);

	(void)state;
	assert_true(dear.windows < 1000 * S / (1500 * MS));
	assert_true(cheap.windows > 2 * dear.windows);
}

/* A pause of an hour is no debt. */
static void test_after_a_pause(void **state)
{
	struct duty d;
	uint64_t now = 10 * S;

	(void)state;
	duty__init(&d, 0.5, 2 * S, 1);
	duty__is_on(&d, now);
	now += 3600 * S;
	duty__is_on(&d, now);
	assert_true(d.from >= now && d.period_end <= now + 4 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fraction_holds),	cmocka_unit_test(test_random),
		cmocka_unit_test(test_no_long_silence), cmocka_unit_test(test_edges_are_spread),
		cmocka_unit_test(test_after_a_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
