// SPDX-License-Identifier: GPL-2.0-only
/* The budget against simulated targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../user/trace/budget.h"

#define US 1000ULL
#define MS 1000000ULL
#define S 1000000000ULL
#define STEP (100 * US)
#define SECONDS 120

/* What a program loses of each ns in which it is probed. */
typedef double (*intensity_fn)(uint64_t ns);

struct machine {
	intensity_fn intensity;
	uint64_t attach_trap, detach_trap; /* ns */
	double error;			   /* what is really lost, of what is counted */
};

struct outcome {
	double lost, worst, coverage; /* really */
	struct budget_report said;
	uint64_t windows;
	bool too_small;
};

struct simulation {
	const struct machine *m;
	struct budget b;
	uint64_t begin, now;
	double lost;
	double per_step[SECONDS * S / STEP];
	uint64_t recorded;
	struct budget_window w;
};

/* One step of the target, probed: what it spends there, as counted. */
static uint64_t probed_step(struct simulation *s)
{
	double spent = s->m->intensity(s->now - s->begin) * STEP;

	s->lost += spent * s->m->error;
	s->per_step[(s->now - s->begin) / STEP] += spent * s->m->error;
	s->now += STEP;
	return spent;
}

static bool goes_on(const struct simulation *s)
{
	return s->now < s->begin + SECONDS * S - STEP;
}

static uint64_t trap_for(struct simulation *s, uint64_t ns)
{
	uint64_t spent = 0;

	for (uint64_t until = s->now + ns; s->now < until && goes_on(s);)
		spent += probed_step(s);
	return spent;
}

static void run_window(struct simulation *s)
{
	uint64_t limit = budget__allowance(&s->b, s->now), told = 0, last = 0;

	memset(&s->w, 0, sizeof(s->w));
	s->w.spent_attach = trap_for(s, s->m->attach_trap);
	while (s->w.spent_attach + s->w.spent_recording <= limit && goes_on(s)) {
		s->w.spent_recording += probed_step(s);
		s->w.recorded += STEP;
		if (s->w.recorded - last < 20 * MS)
			continue;
		/* User space looks every 20 ms. */
		budget__note_intensity(&s->b, (double)(s->w.spent_recording - told) /
						      (s->w.recorded - last));
		budget__charge(&s->b, s->now, s->w.spent_recording - told);
		last = s->w.recorded;
		told = s->w.spent_recording;
		limit = s->w.spent_attach + s->w.spent_recording + budget__allowance(&s->b, s->now);
	}
	s->w.spent_detach = trap_for(s, s->m->detach_trap);
	s->w.detach_took = s->m->detach_trap + 30 * MS;
	budget__note_window(&s->b, &s->w);
	budget__charge(&s->b, s->now,
		       s->w.spent_attach + s->w.spent_recording - told + s->w.spent_detach +
			       BUDGET_EDGE_NS);
	s->lost += BUDGET_EDGE_NS;
	s->recorded += s->w.recorded;
}

static double worst_10s(const struct simulation *s)
{
	double sum = 0, worst = 0;

	for (uint64_t i = 0; i < SECONDS * S / STEP; i++) {
		sum += s->per_step[i];
		if (i >= 10 * S / STEP)
			sum -= s->per_step[i - 10 * S / STEP];
		if (sum > worst)
			worst = sum;
	}
	return worst / (10 * S);
}

static struct outcome simulate(const struct machine *m, double stated)
{
	static struct simulation s;
	const struct budget_guess guess = { 1, 1 * MS,
					    m->detach_trap > 10 * MS ? 200 * MS : 3 * MS };
	struct outcome o = {};

	memset(&s, 0, sizeof(s));
	s.m = m;
	s.begin = s.now = 777 * S;
	budget__init(&s.b, stated, s.begin, &guess);
	while (goes_on(&s)) {
		if (budget__is_too_small(&s.b)) {
			o.too_small = true;
			break;
		}
		if (!budget__may_open(&s.b, s.now)) {
			uint64_t next = budget__next_open(&s.b, s.now);

			assert_true(next > s.now);
			s.now = s.begin + (next - s.begin + STEP - 1) / STEP * STEP;
			continue;
		}
		o.windows++;
		run_window(&s);
	}
	o.said = budget__report(&s.b, s.begin + SECONDS * S);
	o.lost = s.lost / (SECONDS * S);
	o.worst = worst_10s(&s);
	o.coverage = (double)s.recorded / (SECONDS * S);
	return o;
}

static double fib(uint64_t ns)
{
	(void)ns;
	return 0.96;
}

static double quiet(uint64_t ns)
{
	(void)ns;
	return 0.0002;
}

static double middling(uint64_t ns)
{
	(void)ns;
	return 0.07;
}

/* Quiet for seven seconds, then a second of nothing but calls. */
static double bursts(uint64_t ns)
{
	return ns / S % 8 == 7 ? 0.97 : 0.001;
}

/* Everything changes in the middle. */
static double grows(uint64_t ns)
{
	return ns < 60 * S ? 0.0005 : 0.9;
}

static const double stated[] = { 0.01, 0.02, 0.05 };

static void check_kept(const struct outcome *o, double limit)
{
	assert_true(o->lost <= limit);
	assert_true(o->worst <= limit);
	assert_true(o->said.worst <= limit);
	assert_true(o->said.achieved > o->lost * 0.9 && o->said.achieved < o->lost * 1.1);
}

static void test_busy_targets(void **state)
{
	static const intensity_fn targets[] = { fib, middling };

	(void)state;
	for (int t = 0; t < 2; t++)
		for (int i = 0; i < 3; i++) {
			struct machine m = { targets[t], 300 * US, 1900 * US, 1 };
			struct outcome o = simulate(&m, stated[i]);

			check_kept(&o, stated[i]);
			assert_true(o.lost >= 0.7 * stated[i]);
			assert_true(o.windows >= 40);
			/* most of it for recording, not for its edges */
			assert_true(o.coverage * m.intensity(0) > 0.6 * o.lost);
		}
}

/* Costs that are a tenth higher than they seem keep the limit all the same, or nearly. */
static void test_wrong_by_a_tenth(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct machine high = { fib, 300 * US, 1900 * US, 1.1 };
		struct machine low = { fib, 300 * US, 1900 * US, 0.8 };

		assert_true(simulate(&high, stated[i]).lost < stated[i]);
		assert_true(simulate(&low, stated[i]).lost > 0.5 * stated[i]);
	}
}

static void test_quiet_target(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct machine m = { quiet, 300 * US, 1900 * US, 1 };
		struct outcome o = simulate(&m, stated[i]);

		check_kept(&o, stated[i]);
		assert_true(o.coverage > 0.97);
		assert_true(o.windows < 10);
	}
}

static void test_changes(void **state)
{
	static const intensity_fn targets[] = { bursts, grows };

	(void)state;
	for (int t = 0; t < 2; t++)
		for (int i = 0; i < 3; i++) {
			struct machine m = { targets[t], 300 * US, 1900 * US, 1 };
			struct outcome o = simulate(&m, stated[i]);

			check_kept(&o, stated[i]);
			assert_true(o.coverage > (t ? 0.45 : 0.5));
		}
}

/* One link a site: the target pays for the whole detach. */
static void test_dear_detach(void **state)
{
	struct machine m = { fib, 2 * MS, 190 * MS, 1 };
	struct outcome o;

	(void)state;
	assert_true(simulate(&m, 0.01).too_small);
	o = simulate(&m, 0.05);
	assert_false(o.too_small);
	check_kept(&o, 0.05);
	assert_true(o.lost >= 0.5 * 0.05);
}

static void test_dear_detach_of_a_quiet_target(void **state)
{
	struct machine m = { quiet, 2 * MS, 190 * MS, 1 };
	const struct budget_guess guess = { 0.01, 1 * MS, 200 * MS };
	struct budget b;

	(void)state;
	budget__init(&b, 0.01, 1 * S, &guess);
	assert_false(budget__is_too_small(&b));
	assert_true(budget__may_open(&b, 3 * S));
	assert_true(m.intensity(0) < guess.intensity);
}

static void test_nothing_at_the_start(void **state)
{
	const struct budget_guess guess = { 1, 300 * US, 2 * MS };
	struct budget b;

	(void)state;
	budget__init(&b, 0.01, 5 * S, &guess);
	assert_false(budget__may_open(&b, 5 * S));
	assert_false(budget__may_open(&b, 5 * S + 200 * MS));
	assert_true(budget__may_open(&b, 8 * S));
	assert_true(budget__allowance(&b, 8 * S) <= 20 * MS); /* 2 s' worth, at most */
}

/* The start itself cost something: it is paid off first. */
static void test_debt(void **state)
{
	const struct budget_guess guess = { 1, 300 * US, 2 * MS };
	struct budget_report r;
	struct budget b;

	(void)state;
	budget__init(&b, 0.01, 5 * S, &guess);
	budget__charge(&b, 5 * S + 300 * MS, 80 * MS);
	assert_false(budget__may_open(&b, 13 * S));
	assert_true(budget__next_open(&b, 13 * S) > 13 * S);
	assert_true(budget__may_open(&b, 17 * S));
	r = budget__report(&b, 25 * S);
	assert_true(r.worst > 0.0079 && r.worst < 0.0081);
	assert_true(r.achieved > 0.0039 && r.achieved < 0.0041);
}

/* After a time as quiet as that, windows fit again; a busy target's do not. */
static void test_quiet_again(void **state)
{
	const struct budget_guess guess = { 1, 2 * MS, 190 * MS };
	struct budget b;

	(void)state;
	budget__init(&b, 0.01, 5 * S, &guess);
	assert_true(budget__is_too_small(&b));
	assert_false(budget__would_fit(&b, 0.9));
	assert_true(budget__would_fit(&b, 0.05));
	budget__expect(&b, 0.05);
	assert_false(budget__is_too_small(&b));
	/* What just about fits would flutter. */
	assert_false(budget__would_fit(&b, 0.45));
	budget__expect(&b, 0.45);
	assert_false(budget__is_too_small(&b));
}

static void test_steady_cost(void **state)
{
	const struct budget_guess guess = { 1, 300 * US, 2 * MS };
	struct budget b;

	(void)state;
	budget__init(&b, 0.01, 5 * S, &guess);
	assert_false(budget__may_begin(&b, 5 * S));
	assert_true(budget__may_begin(&b, 5 * S + 100 * MS));
	assert_true(budget__share_left(&b, 6 * S) == budget__steady_share(&b));
	/* A debt is paid off. */
	budget__charge(&b, 6 * S, 60 * MS);
	assert_true(budget__share_left(&b, 6 * S) < 0.6 * budget__steady_share(&b));
	assert_false(budget__may_begin(&b, 6 * S));
	assert_false(budget__is_used_up(&b, 6 * S));
	budget__charge(&b, 7 * S, 40 * MS);
	assert_true(budget__is_used_up(&b, 7 * S));
	assert_true(budget__may_begin(&b, 20 * S));
	assert_true(budget__share_left(&b, 20 * S) == budget__steady_share(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_busy_targets),
		cmocka_unit_test(test_wrong_by_a_tenth),
		cmocka_unit_test(test_quiet_target),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_dear_detach),
		cmocka_unit_test(test_dear_detach_of_a_quiet_target),
		cmocka_unit_test(test_nothing_at_the_start),
		cmocka_unit_test(test_debt),
		cmocka_unit_test(test_quiet_again),
		cmocka_unit_test(test_steady_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
