// SPDX-License-Identifier: GPL-2.0-only
/* What opens and closes on a track, in order of time, whatever order the calls came in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/decode/profile_events.h"

#define EVENTS_MAX 400000
#define DEPTH_MAX 40

struct expected {
	struct profile *p;
	struct profile_track *t;
	struct profile_event *events;
	size_t n, seen;
	uint64_t now;
	size_t calls_left;
	bool misfits;
	unsigned int seed;
};

static unsigned int chance(struct expected *e, unsigned int n)
{
	e->seed = e->seed * 1103515245 + 12345;
	return (e->seed >> 16) % n;
}

static void expect(struct expected *e, uint32_t function, bool opens, uint8_t flags)
{
	assert_true(e->n < EVENTS_MAX);
	e->events[e->n++] = (struct profile_event){
		.at = e->now,
		.function = function,
		.opens = opens,
		.flags = flags,
	};
}

static void add(struct expected *e, uint64_t start, uint32_t function, uint32_t flags)
{
	const struct profile_call call = { start, e->now - start, function, flags };

	assert_int_equal(profile__add(e->p, e->t, &call), 0);
}

/* One call and those that it makes; many of them at one time. */
static void grow(struct expected *e, unsigned int depth)
{
	uint32_t function = chance(e, 7), flags = chance(e, 3) ? 0 : chance(e, 4);
	uint64_t start = e->now;
	unsigned int i, n = depth < DEPTH_MAX ? chance(e, 5) : 0;

	e->calls_left--;
	expect(e, function, true, (uint8_t)flags);
	for (i = 0; i < n && e->calls_left; i++) {
		e->now += chance(e, 2);
		grow(e, depth + 1);
	}
	e->now += e->now == start ?
			  1 :
			  chance(e, 3); /* where one that takes no time lies, no one knows */
	if (e->misfits && start && e->now > start && !chance(e, 10))
		add(e, start - 1, 9, 0); /* begins before the call, and ends in it */
	add(e, start, function, flags);
	expect(e, function, false, 0);
}

static int see(void *arg, const struct profile_event *ev)
{
	struct expected *e = arg;
	const struct profile_event *want = &e->events[e->seen++];

	assert_true(e->seen <= e->n);
	assert_int_equal(ev->at, want->at);
	assert_int_equal(ev->function, want->function);
	assert_int_equal(ev->opens, want->opens);
	assert_int_equal(ev->flags, want->flags);
	return 0;
}

static void setup(struct expected *e, unsigned int seed)
{
	memset(e, 0, sizeof(*e));
	e->seed = seed;
	e->p = profile__new(NULL);
	e->t = profile__track(e->p, "main", 4);
	e->events = calloc(EVENTS_MAX, sizeof(*e->events));
	assert_non_null(e->events);
}

static void finish(struct expected *e)
{
	assert_int_equal(profile_events__run(e->p, e->t, see, e), 0);
	assert_int_equal(e->seen, e->n);
	profile__free(e->p);
	free(e->events);
}

static void check(unsigned int seed, size_t calls, bool misfits)
{
	struct expected e;

	setup(&e, seed);
	e.misfits = misfits;
	e.calls_left = calls;
	while (e.calls_left)
		grow(&e, 0);
	finish(&e);
}

static void test_trees(void **state)
{
	unsigned int seed;

	(void)state;
	for (seed = 0; seed < 300; seed++)
		check(seed, 1 + seed, false);
	check(seed, 100000, false); /* more than a block of each list */
}

static void test_misfits(void **state)
{
	unsigned int seed;

	(void)state;
	for (seed = 1000; seed < 1300; seed++)
		check(seed, seed - 990, true);
	check(seed, 100000, true);
}

/* A track whose calls come callers first, and one that is read from its end. */
static void add_call(struct expected *e, uint64_t start, uint64_t end, uint32_t function)
{
	const struct profile_call call = { start, end - start, function, 0 };

	assert_int_equal(profile__add(e->p, e->t, &call), 0);
}

static void expect_two(struct expected *e)
{
	static const struct profile_event events[] = {
		{ .at = 5, .function = 1, .opens = true },
		{ .at = 5, .function = 2, .opens = true },
		{ .at = 7, .function = 2 },
		{ .at = 9, .function = 1 },
	};

	memcpy(e->events, events, sizeof(events));
	e->n = 4;
	finish(e);
}

static void test_other_orders(void **state)
{
	struct expected e;

	(void)state;
	setup(&e, 0);
	add_call(&e, 5, 9, 1);
	add_call(&e, 5, 7, 2);
	e.t->by_start = true;
	expect_two(&e);
	setup(&e, 0);
	add_call(&e, 5, 9, 1);
	add_call(&e, 5, 7, 2);
	e.t->reversed = true;
	expect_two(&e);
	setup(&e, 0);
	finish(&e); /* of nothing */
}

static int refuse(void *arg, const struct profile_event *ev)
{
	(void)ev;
	return ++*(int *)arg == 3 ? -EXDEV : 0;
}

static int cancel(void *arg, const struct profile_event *ev)
{
	(void)ev;
	**(volatile bool **)arg = true;
	return 0;
}

static void test_ends_early(void **state)
{
	volatile bool cancelled = false, *flag = &cancelled;
	struct expected e;
	int n = 0;

	(void)state;
	setup(&e, 1);
	e.calls_left = 50000;
	while (e.calls_left)
		grow(&e, 0);
	assert_int_equal(profile_events__run(e.p, e.t, refuse, &n), -EXDEV);
	assert_int_equal(n, 3);
	e.p->cancel = flag;
	assert_int_equal(profile_events__run(e.p, e.t, cancel, &flag), -ECANCELED);
	e.p->cancel = NULL;
	finish(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_misfits),
		cmocka_unit_test(test_other_orders),
		cmocka_unit_test(test_ends_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
