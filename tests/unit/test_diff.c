// SPDX-License-Identifier: GPL-2.0-only
/* `vtbpf diff`: which functions are the same, what is slower, and that chance accuses nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/decode/diff.h"
#include "chance.h"

#define FUNCTIONS 12
#define US 1000.0

static uint64_t seed = 1;

/* A program that calls its functions in turn. */
struct program {
	const char *file;
	unsigned int line; /* of the first function */
	unsigned int rounds;
	double ns[FUNCTIONS];	       /* of a call; 0: it has no such function */
	unsigned int calls[FUNCTIONS]; /* in a round, if not 1 */
	double spread;		       /* of calls, as a logarithm */
	double lost_cpu;	       /* part of the calls that lost the CPU for 4 ms */
	double machine;		       /* how much slower it is */
	double unsteady; /* and by how much that changes, for a tenth of the run each */
};

static const struct program usual = {
	.file = "/srv/app.py",
	.line = 10,
	.rounds = 300,
	.ns = { 2 * US, 5 * US, 10 * US, 20 * US, 33 * US, 50 * US, 80 * US, 100 * US, 150 * US,
		200 * US, 400 * US, 900 * US },
	.spread = 0.08,
	.lost_cpu = 0.01,
	.machine = 1,
};

struct making {
	struct profile *p;
	struct profile_track *track;
	uint32_t function[FUNCTIONS];
	uint64_t now;
};

static uint32_t function_of(struct profile *p, const char *name, const char *file, uint32_t line)
{
	const struct profile_function f = {
		.name = { name, strlen(name) },
		.file = { file, strlen(file) },
		.line = line,
	};
	int64_t no = profile__function(p, &f);

	assert_true(no >= 0);
	return (uint32_t)no;
}

static void call(struct making *m, unsigned int function, double ns)
{
	const struct profile_call c = { .start = m->now,
					.dur = (uint64_t)(ns + 0.5),
					.function = m->function[function] };

	assert_int_equal(profile__add(m->p, m->track, &c), 0);
	m->now += c.dur + 300;
}

static void run_round(struct making *m, const struct program *pr, double slow)
{
	unsigned int i, k;
	double ns;

	for (i = 0; i < FUNCTIONS; i++) {
		for (k = 0; k < (pr->calls[i] ? pr->calls[i] : 1) && pr->ns[i] > 0; k++) {
			ns = pr->ns[i] * slow * exp(pr->spread * normal(&seed));
			if (uniform(&seed) < pr->lost_cpu)
				ns += 4e6;
			call(m, i, ns);
		}
	}
}

static struct profile *run(const struct program *pr)
{
	struct making m = { .p = profile__new(NULL) };
	double slow = pr->machine;
	char name[16];
	unsigned int i;

	assert_non_null(m.p);
	m.track = profile__track(m.p, "MainThread", 10);
	assert_non_null(m.track);
	for (i = 0; i < FUNCTIONS; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		if (pr->ns[i] > 0)
			m.function[i] = function_of(m.p, name, pr->file, pr->line + i);
	}
	for (i = 0; i < pr->rounds; i++) {
		if (i % (pr->rounds / 10) == 0)
			slow = pr->machine * exp(pr->unsteady * normal(&seed));
		run_round(&m, pr, slow);
	}
	assert_int_equal(profile__settle(m.p), 0);
	return m.p;
}

static void add(struct diff *d, enum diff_which which, const struct program *pr)
{
	struct profile *p = run(pr);

	assert_int_equal(diff__add(d, which, p), 0);
	profile__free(p);
}

static struct diff *compare(const struct program *before, const struct program *after)
{
	struct diff *d = diff__new(false);

	assert_non_null(d);
	add(d, DIFF_BEFORE, before);
	add(d, DIFF_AFTER, after);
	assert_int_equal(diff__judge(d), 0);
	return d;
}

static const struct diff_entry *find(const struct diff *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->n_entries; i++) {
		if (!strcmp(diff__function(d, &d->entries[i])->name.p, name))
			return &d->entries[i];
	}
	fail_msg("no %s", name);
	return NULL;
}

static void expect(const struct diff *d, const char *name, enum diff_verdict verdict)
{
	const struct diff_entry *e = find(d, name);

	if (e->verdict != verdict)
		fail_msg("%s is %s: %+.1f%%, sure %.4f", name, diff__verdict_name(e->verdict),
			 100 * e->change, e->confidence);
}

static size_t accused(const struct diff *d)
{
	return d->count[DIFF_SLOWER] + d->count[DIFF_FASTER];
}

static void test_planted(void **state)
{
	struct program after = usual;
	unsigned int i;
	char name[16];

	(void)state;
	for (i = 1; i < FUNCTIONS; i++) {
		struct diff *d;

		after.ns[i] = usual.ns[i] * 1.1;
		d = compare(&usual, &after);
		snprintf(name, sizeof(name), "f%u", i);
		expect(d, name, DIFF_SLOWER);
		assert_int_equal(accused(d), 1);
		assert_true(fabs(find(d, name)->change - 0.1) < 0.03);
		assert_true(find(d, name)->confidence > 0.99);
		assert_ptr_equal(find(d, name), d->entries);
		diff__free(d);
		d = compare(&after, &usual);
		expect(d, name, DIFF_FASTER);
		assert_int_equal(accused(d), 1);
		diff__free(d);
		after.ns[i] = usual.ns[i];
	}
}

/* The program has one function that could be compared, or two. */
static void test_few_functions(void **state)
{
	struct program before = usual, after;
	struct diff *d;

	(void)state;
	memset(&before.ns[1], 0, sizeof(before.ns) - sizeof(before.ns[0]));
	before.ns[0] = 100 * US;
	after = before;
	after.ns[0] *= 1.1;
	d = compare(&before, &after);
	expect(d, "f0", DIFF_SLOWER);
	diff__free(d);
	before.ns[1] = after.ns[1] = 50 * US;
	d = compare(&before, &after);
	expect(d, "f0", DIFF_SLOWER);
	expect(d, "f1", DIFF_SAME);
	diff__free(d);
}

/* Thousands of pairs of runs of one program, on one machine or two, steady or not. */
static void test_chance(void **state)
{
	struct program before = usual, after = usual;
	unsigned int i, bad = 0, pairs = 600;
	struct diff *d;

	(void)state;
	before.rounds = after.rounds = 60;
	for (i = 0; i < pairs; i++) {
		before.spread = after.spread = i % 2 ? 0.05 : 0.4;
		before.unsteady = i % 3 ? 0 : 0.2;
		after.unsteady = i % 5 ? 0 : 0.2;
		before.lost_cpu = i % 7 ? 0 : 0.05;
		after.lost_cpu = i % 11 ? 0 : 0.05;
		after.machine = 0.8 + 0.1 * (i % 5);
		d = compare(&before, &after);
		bad += accused(d) > 0;
		assert_int_equal(d->count[DIFF_NEW] + d->count[DIFF_GONE], 0);
		diff__free(d);
	}
	if (bad > pairs / 100)
		fail_msg("%u of %u pairs have somebody accused", bad, pairs);
}

/* One call that took a second makes the mean six times what it was. */
static void test_preempted(void **state)
{
	struct program before = usual, after = usual;
	struct profile *p;
	struct making m = {};
	struct diff *d = diff__new(false);

	(void)state;
	add(d, DIFF_BEFORE, &before);
	p = run(&after);
	m.p = p;
	m.track = p->tracks[0];
	m.now = p->end + 1000;
	m.function[0] = function_of(p, "f7", usual.file, usual.line + 7);
	call(&m, 0, 1e9);
	assert_int_equal(diff__add(d, DIFF_AFTER, p), 0);
	profile__free(p);
	assert_int_equal(diff__judge(d), 0);
	assert_true(find(d, "f7")->values[DIFF_AFTER].mean > 3e6);
	assert_int_equal(accused(d), 0);
	diff__free(d);
}

/* All is 15 % slower: that is said of the whole. */
static void test_machine(void **state)
{
	struct program after = usual;
	struct diff *d;

	(void)state;
	after.machine = 1.15;
	after.ns[5] *= 1.03; /* of no consequence, however sure */
	d = compare(&usual, &after);
	assert_int_equal(accused(d), 0);
	assert_true(fabs(d->shift - 0.15) < 0.02);
	diff__free(d);
	after.ns[4] *= 1.2;
	d = compare(&usual, &after);
	expect(d, "f4", DIFF_SLOWER);
	assert_int_equal(accused(d), 1);
	diff__free(d);
	/* Half of the functions are slower: that is no machine. */
	after.machine = 1;
	for (int i = 0; i < FUNCTIONS / 2; i++)
		after.ns[i] = usual.ns[i] * 1.5;
	after.ns[4] = usual.ns[4] * 1.5;
	d = compare(&usual, &after);
	assert_true(fabs(d->shift) < 0.02);
	expect(d, "f11", DIFF_SAME);
	expect(d, "f5", DIFF_SLOWER);
	diff__free(d);
}

/* Runs of a machine that is at times slower: one of each tells nothing, several do. */
static void test_several_runs(void **state)
{
	struct program before = usual, after = usual;
	struct diff *d = diff__new(false);
	unsigned int i;

	(void)state;
	after.ns[6] *= 1.1;
	for (i = 0; i < 5; i++) {
		before.machine = after.machine = 1 + 0.05 * (i % 3);
		add(d, DIFF_BEFORE, &before);
		add(d, DIFF_AFTER, &after);
	}
	assert_int_equal(diff__judge(d), 0);
	expect(d, "f6", DIFF_SLOWER);
	assert_int_equal(accused(d), 1);
	assert_true(fabs(find(d, "f6")->values[DIFF_BEFORE].calls - usual.rounds) < 0.01);
	diff__free(d);
}

/* One call in each of several runs: what differs between the runs tells. */
static void test_single_calls(void **state)
{
	struct program before = usual, after = usual;
	struct diff *d = diff__new(false);
	unsigned int i;

	(void)state;
	before.rounds = after.rounds = 10;
	before.lost_cpu = after.lost_cpu = 0;
	before.spread = after.spread = 0.01;
	after.ns[11] *= 1.5;
	for (i = 0; i < 4; i++) {
		add(d, DIFF_BEFORE, &before);
		add(d, DIFF_AFTER, &after);
	}
	assert_int_equal(diff__judge(d), 0);
	expect(d, "f11", DIFF_SLOWER);
	assert_int_equal(accused(d), 1);
	diff__free(d);
}

static void test_moved(void **state)
{
	struct program after = usual;
	struct diff *d;

	(void)state;
	after.line = 17; /* lines overlap with other functions' */
	after.file = "/home/me/new/app.py";
	d = compare(&usual, &after);
	assert_int_equal(d->count[DIFF_SAME], FUNCTIONS);
	assert_int_equal(diff__function(d, find(d, "f3"))->line, 20);
	diff__free(d);
	after.file = "/srv/renamed.py";
	d = compare(&usual, &after);
	assert_int_equal(d->count[DIFF_SAME], FUNCTIONS);
	diff__free(d);
}

static void test_new_and_gone(void **state)
{
	struct program before = usual, after = usual;
	struct diff *d;

	(void)state;
	before.ns[3] = 0;
	after.ns[8] = 0;
	after.calls[2] = 2;
	d = compare(&before, &after);
	expect(d, "f3", DIFF_NEW);
	expect(d, "f8", DIFF_GONE);
	assert_int_equal(find(d, "f3")->function[DIFF_BEFORE], -1);
	assert_int_equal(find(d, "f8")->function[DIFF_AFTER], -1);
	assert_int_equal(accused(d), 0);
	assert_true(find(d, "f2")->calls_changed);
	assert_false(find(d, "f4")->calls_changed);
	assert_int_equal((int)find(d, "f2")->values[DIFF_AFTER].calls, 600);
	diff__free(d);
}

/* A trace of a hundredth of the time does not have what is called seldom. */
static void test_rare_in_windows(void **state)
{
	struct diff *d = diff__new(false);
	struct program before = usual, after = usual;
	struct profile *p;

	(void)state;
	before.ns[3] = 0;
	p = run(&before);
	p->in_windows = true;
	p->coverage = 0.01;
	assert_int_equal(diff__add(d, DIFF_BEFORE, p), 0);
	profile__free(p);
	add(d, DIFF_AFTER, &after);
	assert_int_equal(diff__judge(d), 0);
	expect(d, "f3", DIFF_SAME);
	assert_int_equal((int)(find(d, "f2")->values[DIFF_BEFORE].calls + 0.5), 30000);
	diff__free(d);
}

/* Several functions of one name and file: told apart by their order. */
static void test_lambdas(void **state)
{
	static const uint32_t lines[2][3] = { { 10, 20, 30 }, { 20, 30, 40 } };
	struct diff *d = diff__new(false);
	struct making m;
	int side, i;

	(void)state;
	for (side = 0; side < DIFF_SIDES; side++) {
		memset(&m, 0, sizeof(m));
		m.p = profile__new(NULL);
		m.track = profile__track(m.p, "MainThread", 10);
		for (i = 0; i < 300; i++) {
			m.function[0] = function_of(m.p, "<lambda>", "/a.py", lines[side][i % 3]);
			call(&m, 0, 100 * US * (i % 3 + 1));
		}
		assert_int_equal(profile__settle(m.p), 0);
		assert_int_equal(diff__add(d, side, m.p), 0);
		profile__free(m.p);
	}
	assert_int_equal(diff__judge(d), 0);
	assert_int_equal(d->count[DIFF_SAME], 3);
	for (i = 0; i < 3; i++)
		assert_true(d->entries[i].change == 0);
	diff__free(d);
}

static void sample(struct diff *d, enum diff_which which, const unsigned int *counts)
{
	struct profile *p = profile__new(NULL);
	struct profile_track *t = profile__track(p, "MainThread", 10);
	uint32_t stack[2];
	char name[16];
	unsigned int i;

	p->period = 1000000;
	stack[0] = function_of(p, "main", "/a.py", 1);
	for (i = 0; i < 6; i++) {
		const struct profile_sample s = { stack, 2, counts[i] };

		snprintf(name, sizeof(name), "f%u", i);
		stack[1] = function_of(p, name, "/a.py", i + 2);
		assert_int_equal(profile__sample(p, t, &s), 0);
	}
	assert_int_equal(profile__settle(p), 0);
	assert_int_equal(diff__add(d, which, p), 0);
	profile__free(p);
}

static void test_samples(void **state)
{
	static const unsigned int before[] = { 10000, 8000, 6000, 5000, 4000, 12 },
				  noise[] = { 10100, 8050, 5900, 5040, 4030, 20 },
				  after[] = { 10100, 8050, 5900, 6600, 4030, 11 };
	struct diff *d = diff__new(false);

	(void)state;
	sample(d, DIFF_BEFORE, before);
	sample(d, DIFF_AFTER, noise);
	assert_true(diff__comparable(d));
	assert_int_equal(diff__judge(d), 0);
	assert_int_equal(accused(d), 0);
	diff__free(d);
	d = diff__new(false);
	sample(d, DIFF_BEFORE, before);
	sample(d, DIFF_AFTER, after);
	assert_int_equal(diff__judge(d), 0);
	expect(d, "f3", DIFF_SLOWER);
	assert_int_equal(accused(d), 1);
	diff__free(d);
	d = diff__new(false);
	sample(d, DIFF_BEFORE, before);
	add(d, DIFF_AFTER, &usual);
	assert_false(diff__comparable(d));
	diff__free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_planted),	     cmocka_unit_test(test_few_functions),
		cmocka_unit_test(test_chance),	     cmocka_unit_test(test_preempted),
		cmocka_unit_test(test_machine),	     cmocka_unit_test(test_several_runs),
		cmocka_unit_test(test_single_calls), cmocka_unit_test(test_moved),
		cmocka_unit_test(test_new_and_gone), cmocka_unit_test(test_rare_in_windows),
		cmocka_unit_test(test_lambdas),	     cmocka_unit_test(test_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
