// SPDX-License-Identifier: GPL-2.0-only
/* Quantiles, and trends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "../../user/decode/sketch.h"
#include "../../user/decode/trend.h"

#define N 20000

static uint64_t random_state = 1;

/* xorshift, G. Marsaglia 2003: the same numbers each time. 0 to 1. */
static double any(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double)(random_state >> 11) / (double)(1ull << 53);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void expect_near(double got, double wanted, double part)
{
	if (fabs(got - wanted) > part * fabs(wanted) + 0.5)
		fail_msg("%g is not near %g", got, wanted);
}

/* Of values over many orders of magnitude, quantiles are right within 2 %. */
static void test_quantiles(void **state)
{
	static const double qs[] = { 0, 0.01, 0.5, 0.9, 0.99, 0.999, 1 };
	uint64_t *values = calloc(N, sizeof(*values));
	struct sketch s = {};
	size_t i;

	(void)state;
	for (i = 0; i < N; i++) {
		values[i] = (uint64_t)exp(any() * 30);
		assert_int_equal(sketch__add(&s, values[i]), 0);
	}
	qsort(values, N, sizeof(*values), by_value);
	for (i = 0; i < sizeof(qs) / sizeof(qs[0]); i++) {
		double rank = qs[i] * (N - 1), below = floor(rank);
		double low = (double)values[(size_t)below];
		double high = (double)values[(size_t)ceil(rank)];

		expect_near(sketch__quantile(&s, qs[i]), low + (high - low) * (rank - below), 0.02);
		expect_near(sketch__at(&s, qs[i]), low, 0.02);
	}
	assert_true(s.width <= 64);
	sketch__release(&s);
	free(values);
}

static void test_few_values(void **state)
{
	struct sketch s = {}, copy;

	(void)state;
	assert_true(sketch__quantile(&s, 0.5) == 0);
	assert_int_equal(sketch__add(&s, 1000), 0);
	expect_near(sketch__quantile(&s, 0.99), 1000, 0.02);
	assert_int_equal(sketch__copy(&copy, &s), 0);
	assert_int_equal(sketch__add(&s, 3000), 0);
	expect_near(sketch__quantile(&s, 0.5), 2000, 0.02);
	expect_near(sketch__quantile(&copy, 0.5), 1000, 0.02);
	assert_int_equal(sketch__add(&s, 0), 0);
	assert_int_equal(sketch__add(&s, UINT64_MAX), 0);
	assert_true(sketch__at(&s, 0) == 0);
	expect_near(sketch__at(&s, 1), (double)UINT64_MAX, 0.02);
	sketch__release(&s);
	sketch__release(&copy);
}

static void test_small_values_are_exact(void **state)
{
	struct sketch s = {};
	uint64_t i;

	(void)state;
	for (i = 0; i < 64; i++)
		assert_int_equal(sketch__add(&s, i), 0);
	for (i = 0; i < 64; i++)
		assert_true(sketch__at(&s, ((double)i + 0.5) / 63) == (double)i);
	sketch__release(&s);
}

static void test_deviation(void **state)
{
	struct sketch s = {};
	size_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		assert_int_equal(sketch__add(&s, (uint64_t)(10000 * exp(any() * 0.4 - 0.2))), 0);
	assert_int_equal(sketch__add(&s, 100000000), 0); /* which changes nothing */
	expect_near(sketch__log_deviation(&s, sketch__quantile(&s, 0.5)) * 1000, 100, 0.15);
	sketch__release(&s);
}

/* ---- trends ----------------------------------------------------------------------------- */

/* Noise of 30 %, one call in 50 ten times as long; growth over the whole. */
static void fill(struct trend *t, double growth, size_t n)
{
	size_t i;

	*t = (struct trend){};
	for (i = 0; i < n; i++) {
		double part = (double)i / (double)n, ns = 100000 * (1 + growth * part);

		ns *= exp((any() - 0.5) * 0.6) * (any() < 0.02 ? 10 : 1);
		trend__add(t, part, log(ns));
	}
}

static void test_growth_is_found(void **state)
{
	static const double growths[] = { 0.2, 1, 4, -0.5 };
	struct trend_result r;
	struct trend t;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		fill(&t, growths[i], 20000);
		assert_true(trend__find(&t, &r));
		assert_true(r.chance < 1e-6);
		assert_true(r.change * growths[i] > 0);
		/* linear growth seen as exponential: of the same size */
		assert_true(fabs(r.change) > 0.5 * fabs(growths[i]));
		assert_true(fabs(r.change) < 1.6 * fabs(growths[i]));
	}
}

/* Where there is no trend, chance is as likely as it says. */
static void test_noise_is_not(void **state)
{
	struct trend_result r;
	struct trend t;
	size_t i, found = 0;

	(void)state;
	for (i = 0; i < 1000; i++) {
		fill(&t, 0, 500);
		assert_true(trend__find(&t, &r));
		found += r.chance < 0.01;
	}
	assert_true(found < 25);
}

/* A machine is busy for a while at a time: stretches are like the ones before, and that is no trend. */
static void test_busy_machine_is_not(void **state)
{
	struct trend_result r;
	size_t i, bin, found = 0;
	double load;

	(void)state;
	for (i = 0; i < 1000; i++) {
		struct trend t = {};

		for (bin = 0, load = 0; bin < TREND_BINS * 3; bin++) {
			load = 0.8 * load + any() - 0.5;
			if (bin < TREND_BINS * 2) /* it has been busy before */
				continue;
			t.n[bin - TREND_BINS * 2] = 10;
			t.sum[bin - TREND_BINS * 2] = 10 * load;
		}
		assert_true(trend__find(&t, &r));
		found += r.chance < 0.001;
	}
	assert_true(found < 80); /* of every thousand more than 200, if that were not seen */
}

static void test_too_few(void **state)
{
	struct trend_result r;
	struct trend t;
	size_t i;

	(void)state;
	fill(&t, 4, 40);
	assert_false(trend__find(&t, &r));
	t = (struct trend){};
	for (i = 0; i < 1000; i++) /* all in one stretch */
		trend__add(&t, 0.5, any());
	assert_false(trend__find(&t, &r));
	trend__add(&t, -1, 1); /* at the edges */
	trend__add(&t, 1, 0);
	trend__add(&t, 7, 1);
	assert_int_equal(t.n[0], 1);
	assert_int_equal(t.n[TREND_BINS - 1], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_few_values),
		cmocka_unit_test(test_small_values_are_exact),
		cmocka_unit_test(test_deviation),
		cmocka_unit_test(test_growth_is_found),
		cmocka_unit_test(test_noise_is_not),
		cmocka_unit_test(test_busy_machine_is_not),
		cmocka_unit_test(test_too_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
