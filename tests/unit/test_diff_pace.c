// SPDX-License-Identifier: GPL-2.0-only
/* `vtbpf diff` of one run each on a machine that is fast and slow in turns, which functions follow by
 * different factors: 10 % are seen, and neither the machine nor chance accuses anybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../user/decode/diff.h"
#include "chance.h"

#define FUNCTIONS 10
#define ROUNDS 1500
#define PAIRS 20
#define US 1000.0
#define PLANTED 6 /* one of these functions at a time */
#define SMALL (FUNCTIONS - 1)
#define SMALL_NS (2 * US) /* less than a hundredth of the time */

/* A machine and a program on it. */
struct world {
	double slow;	 /* the part of the time that the machine is slow, and by how much: */
	double slowness; /* a logarithm */
	double own;    /* how far each function wanders off by itself, for a sixteenth of the run */
	double layout; /* and for all of it */
	double lost_cpu;  /* part of the calls that lost the CPU for 4 ms */
	size_t functions; /* if not all */
	double small; /* not 0: the last function is a small one, and takes so many times as long */
};

static const double ns[FUNCTIONS] = { 20 * US, 30 * US,	 35 * US, 45 * US, 60 * US,
				      70 * US, 100 * US, 80 * US, 25 * US, 1000 * US };
/* How much the functions follow the machine; the last one waits. */
static const double follows[FUNCTIONS] = { 1.3, 1.4, 0.6, 1, 1.1, 0.7, 1, 1.2, 0.8, 0 };

static uint64_t seed = 1;

struct making {
	struct profile *p;
	struct profile_track *track;
	const struct world *w;
	uint64_t now;
	double off[FUNCTIONS], layout[FUNCTIONS];
	double pace;
};

static void call(struct making *m, int i, double factor)
{
	char name[16];
	int length = snprintf(name, sizeof(name), "f%d", i);
	const struct profile_function f = {
		.name = { name, (size_t)length },
		.file = { "/srv/app.py", 11 },
		.line = 10 + (uint32_t)i,
	};
	double log_ns =
		log((i == SMALL && m->w->small > 0 ? SMALL_NS * m->w->small : ns[i]) * factor) +
		follows[i] * m->pace + m->off[i] + m->layout[i] + 0.05 * normal(&seed);
	struct profile_call c = { .start = m->now };
	int64_t function = profile__function(m->p, &f);

	assert_true(function >= 0);
	c.function = (uint32_t)function;
	c.dur = (uint64_t)exp(log_ns) + (uniform(&seed) < m->w->lost_cpu ? 4000000 : 0);
	assert_int_equal(profile__add(m->p, m->track, &c), 0);
	m->now += c.dur + 300;
}

/* planted: this function takes 10 % longer; -1: none. */
static void add_run(struct diff *d, enum diff_which which, const struct world *w, int planted)
{
	struct making m = { .p = profile__new(NULL), .w = w };
	size_t functions = w->functions ? w->functions : FUNCTIONS, i;
	int round;

	m.track = profile__track(m.p, "MainThread", 10);
	for (i = 0; i < FUNCTIONS; i++)
		m.layout[i] = w->layout * normal(&seed);
	for (round = 0; round < ROUNDS; round++) {
		if (round % 10 == 0 && uniform(&seed) < 0.3)
			m.pace = uniform(&seed) < w->slow ? w->slowness : 0;
		for (i = 0; i < functions; i++) {
			if (round % (ROUNDS / 16) == 0)
				m.off[i] = w->own * normal(&seed);
			call(&m, (int)i, (int)i == planted ? 1.1 : 1);
		}
	}
	assert_int_equal(profile__settle(m.p), 0);
	assert_int_equal(diff__add(d, which, m.p), 0);
	profile__free(m.p);
}

static const struct diff_entry *find(const struct diff *d, int function)
{
	char name[16];
	size_t i;

	snprintf(name, sizeof(name), "f%d", function);
	for (i = 0; i < d->n_entries; i++) {
		if (!strcmp(diff__function(d, &d->entries[i])->name.p, name))
			return &d->entries[i];
	}
	fail_msg("no %s", name);
	return NULL;
}

struct outcome {
	int found, others;
	double off; /* mean of how far the change of what was planted is off */
};

/* Pairs of runs; of the second ones, the machine is slow for another part of the time. */
static struct outcome try_pairs(const struct world *before, const struct world *after, bool plant)
{
	struct outcome o = {};
	const struct diff_entry *e;
	struct diff *d;
	int i, planted, accused;

	for (i = 0; i < PAIRS; i++) {
		planted = plant ? i % PLANTED : -1;
		d = diff__new(false);
		assert_non_null(d);
		add_run(d, DIFF_BEFORE, before, -1);
		add_run(d, DIFF_AFTER, after, planted);
		assert_int_equal(diff__judge(d), 0);
		accused = (int)(d->count[DIFF_SLOWER] + d->count[DIFF_FASTER]);
		if (plant) {
			e = find(d, planted);
			o.off += fabs(e->change - 0.1) / PAIRS;
			o.found += e->verdict == DIFF_SLOWER;
			accused -= e->verdict == DIFF_SLOWER;
		}
		o.others += accused > 0;
		diff__free(d);
	}
	return o;
}

static const struct world steady = { .layout = 0.003, .lost_cpu = 0.01 };

static void test_steady(void **state)
{
	struct outcome o = try_pairs(&steady, &steady, true);

	(void)state;
	assert_int_equal(o.found, PAIRS);
	assert_int_equal(o.others, 0);
	assert_true(o.off < 0.01);
	o = try_pairs(&steady, &steady, false);
	assert_int_equal(o.others, 0);
}

/* A third slower for half of the one run, and most of the other: medians are off by up to 40 %, by what
 * each function has of it, and by another part each. */
static void test_two_speeds(void **state)
{
	struct world before = steady, after;
	struct outcome o;

	(void)state;
	before.slowness = 0.3;
	before.slow = 0.4;
	after = before;
	after.slow = 0.7;
	o = try_pairs(&before, &after, true);
	if (o.found < PAIRS - 1 || o.others > 1 || o.off > 0.015)
		fail_msg("found %d, others %d, off by %.3f", o.found, o.others, o.off);
	o = try_pairs(&after, &before, false);
	assert_int_equal(o.others, 0);
}

/* The machine is another one for all of the run: nothing tells how functions follow that. */
static void test_slow_machine(void **state)
{
	struct world after = steady;
	struct outcome o;

	(void)state;
	after.slow = 1;
	after.slowness = 0.06;
	o = try_pairs(&steady, &after, false);
	assert_true(o.others <= 1);
}

/* What wanders within the runs does so between them, and is not accused of it. */
static void test_wandering(void **state)
{
	struct world w = steady;
	struct outcome o;

	(void)state;
	w.own = 0.06;
	w.layout = 0.03;
	o = try_pairs(&w, &w, false);
	if (o.others > 1)
		fail_msg("%d of %d pairs have somebody accused", o.others, PAIRS);
	w.own = 0.01;
	w.layout = 0.007;
	o = try_pairs(&w, &w, true);
	if (o.found < PAIRS * 3 / 4 || o.others > 0)
		fail_msg("found %d, others %d, off by %.3f", o.found, o.others, o.off);
}

/* Where functions lie in memory differs more than anything within the runs tells: all are less sure. */
static void test_layout(void **state)
{
	struct world w = steady;
	struct outcome o;

	(void)state;
	w.layout = 0.06;
	o = try_pairs(&w, &w, false);
	assert_true(o.others <= PAIRS / 4);
}

static void test_few_functions(void **state)
{
	struct world w = steady;
	struct outcome o;
	size_t n;

	(void)state;
	w.layout = 0;
	for (n = PLANTED; n >= 4; n--) {
		w.functions = n;
		o = try_pairs(&w, &w, n == PLANTED);
		if (n == PLANTED)
			assert_true(o.found >= PAIRS - 1);
		assert_int_equal(o.others, 0);
	}
}

/* What takes a small part of the time is off by much for its luck alone: only a multiple tells. */
static void test_small(void **state)
{
	struct world before = { .layout = 0.003, .small = 1 }, after = before;
	struct outcome o;

	(void)state;
	after.small = 1.4;
	o = try_pairs(&before, &after, false);
	assert_int_equal(o.others, 0);
	after.small = 3;
	o = try_pairs(&before, &after, false);
	assert_int_equal(o.others, PAIRS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady),	     cmocka_unit_test(test_two_speeds),
		cmocka_unit_test(test_slow_machine), cmocka_unit_test(test_wandering),
		cmocka_unit_test(test_layout),	     cmocka_unit_test(test_few_functions),
		cmocka_unit_test(test_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
