// SPDX-License-Identifier: GPL-2.0-only
/* How often stacks are sampled under a budget, against simulated targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../user/trace/budget.h"
#include "../../user/trace/sample_pace.h"

#define US 1000ULL
#define MS 1000000ULL
#define S 1000000000ULL
#define STEP (200 * MS) /* user space looks so often */
#define SECONDS 120

/* What a sample really costs, and how busy the target is. */
struct machine {
	double cost;	    /* ns */
	double later;	    /* and from the middle on */
	double busy, wakes; /* and from the middle on */
	uint64_t own;	    /* vtbpf's own cost, ns in a second */
};

struct outcome {
	struct budget_report said;
	double hz; /* at the end; 0: no samples are taken */
	unsigned int changes;
};

static struct outcome simulate(const struct machine *m, double stated, uint64_t guess)
{
	const struct budget_guess none = { 1, 0, 0 };
	uint64_t begin = 777 * S, began = 0, periods, spent;
	struct outcome o = {};
	struct sample_pace p;
	uint32_t every = 0;
	struct budget b;
	double share, busy;

	budget__init(&b, stated, begin, &none);
	sample_pace__init(&p, 1 * MS, guess);
	for (uint64_t now = begin; now < begin + SECONDS * S; now += STEP) {
		double cost = now < begin + SECONDS * S / 2 ? m->cost : m->later;

		busy = now < begin + SECONDS * S / 2 ? m->busy : m->wakes;
		periods = every ? STEP * busy / MS : 0;
		spent = every ? periods * cost / every : 0;
		budget__charge(&b, now, spent + m->own * STEP / S);
		sample_pace__note_busy(&p, busy);
		if (every)
			sample_pace__note(&p, every, periods, spent);
		share = budget__share_left(&b, now);
		if (every && (budget__is_used_up(&b, now) ||
			      sample_pace__has_drifted(&p, every, share, now - began)))
			every = 0;
		if (every || !budget__may_begin(&b, now))
			continue;
		every = sample_pace__choose(&p, share);
		began = now;
		budget__charge(&b, now, BUDGET_EDGE_NS);
		o.changes += every != 0;
	}
	o.said = budget__report(&b, begin + SECONDS * S);
	o.hz = every ? sample_pace__hz(&p, every) : 0;
	return o;
}

static void test_kept_and_used(void **state)
{
	static const double costs[] = { 6e3, 25e3, 90e3 };
	static const double limits[] = { 0.001, 0.005, 0.01 };

	(void)state;
	for (int c = 0; c < 3; c++)
		for (int l = 0; l < 3; l++) {
			struct machine m = { costs[c], costs[c], 1, 1, 0 };
			struct outcome o = simulate(&m, limits[l], 14 * US);

			assert_true(o.said.achieved <= limits[l] && o.said.worst <= limits[l]);
			if (o.hz < 1000) /* as often as that costs */
				assert_true(o.said.achieved >= 0.5 * limits[l]);
			assert_true(o.hz > 0 && o.changes < 12);
		}
}

/* Deep stacks come: a sample costs five times as much at once. */
static void test_dearer(void **state)
{
	struct machine m = { 10e3, 50e3, 1, 1, 0 };
	struct outcome o = simulate(&m, 0.005, 14 * US);

	(void)state;
	assert_true(o.said.worst <= 0.005);
	assert_true(o.hz > 50 && o.hz < 100);
}

static void test_cheaper(void **state)
{
	struct machine m = { 50e3, 8e3, 1, 1, 0 };
	struct outcome o = simulate(&m, 0.005, 14 * US);

	(void)state;
	assert_true(o.said.worst <= 0.005);
	assert_true(o.hz > 400);
}

/* What vtbpf itself takes is not there for samples. */
static void test_own_cost(void **state)
{
	struct machine m = { 20e3, 20e3, 1, 1, 2 * MS };
	struct outcome o = simulate(&m, 0.005, 14 * US);

	(void)state;
	assert_true(o.said.worst <= 0.005 && o.said.achieved > 0.0025);
	assert_true(o.hz > 50 && o.hz < 215 && o.changes < 20);
}

static void test_idle(void **state)
{
	struct machine m = { 20e3, 20e3, 0.01, 0.01, 0 };
	struct outcome o = simulate(&m, 0.01, 14 * US);

	(void)state;
	assert_true(o.said.worst < 0.001 && o.hz > 100);
}

/* Half idle, it may be sampled the more often; until it wakes up. */
static void test_waking(void **state)
{
	struct machine m = { 20e3, 20e3, 0.5, 0.5, 0 };
	struct outcome o = simulate(&m, 0.005, 14 * US);

	(void)state;
	assert_true(o.said.achieved >= 0.5 * 0.005 && o.said.worst <= 0.005);
	assert_true(o.hz > 300);
	m.busy = 0.05;
	m.wakes = 1;
	o = simulate(&m, 0.005, 14 * US);
	assert_true(o.said.worst <= 0.005);
	assert_true(o.hz > 150 && o.hz < 220);
}

static void test_choice(void **state)
{
	struct sample_pace p;

	(void)state;
	sample_pace__init(&p, 1 * MS, 20 * US);
	assert_int_equal(sample_pace__choose(&p, 0.5), 1);
	assert_int_equal(sample_pace__choose(&p, 0.02), 1);
	assert_int_equal(sample_pace__choose(&p, 0.01), 2);
	assert_int_equal(sample_pace__choose(&p, 0.009), 3);
	assert_int_equal(sample_pace__choose(&p, 0.00002), 1000);
	assert_int_equal(sample_pace__choose(&p, 0.000019), 0); /* less than one in a second */
	assert_int_equal(sample_pace__choose(&p, 0), 0);
	assert_true(sample_pace__hz(&p, 1000) == 1);
}

static void test_learning(void **state)
{
	struct sample_pace p;

	(void)state;
	sample_pace__init(&p, 1 * MS, 20 * US);
	assert_false(sample_pace__note(&p, 100, 300, 1 * S)); /* three samples */
	assert_true(p.cost == 20e3);
	for (int i = 0; i < 20; i++)
		assert_true(sample_pace__note(&p, 2, 200, 100 * 40 * US));
	assert_true(p.cost > 39e3 && p.cost <= 40e3);
	assert_true(sample_pace__has_drifted(&p, 2, 0.01, 0));
	assert_false(sample_pace__has_drifted(&p, 4, 0.01, 100 * S));
	assert_false(sample_pace__has_drifted(&p, 8, 0.01, 1 * S)); /* there is time */
	assert_true(sample_pace__has_drifted(&p, 8, 0.01, 9 * S));
	/* Many threads have many timers: they are set the less often. */
	sample_pace__note_edge(&p, 5 * MS);
	assert_false(sample_pace__has_drifted(&p, 8, 0.01, 9 * S));
	assert_true(sample_pace__has_drifted(&p, 8, 0.01, 11 * S));
	assert_false(sample_pace__has_drifted(&p, 3, 0.01, 4 * S));
	assert_true(sample_pace__has_drifted(&p, 3, 0.01, 6 * S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_and_used), cmocka_unit_test(test_dearer),
		cmocka_unit_test(test_cheaper),	      cmocka_unit_test(test_own_cost),
		cmocka_unit_test(test_idle),	      cmocka_unit_test(test_choice),
		cmocka_unit_test(test_learning),      cmocka_unit_test(test_waking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
