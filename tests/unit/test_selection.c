// SPDX-License-Identifier: GPL-2.0-only
/* Which calls the filters leave: written as "NAME.TID NAME.TID ..." in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/decode/replay.h"
#include "capture_builder.h"

struct fixture {
	struct capture_builder b;
	struct slice_filter filter;
	struct session *session;
	struct capture *capture;
	struct replay replay;
	char out[4096];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	builder__init(&f->b);
	builder__session(&f->b, 100, 1000);
	builder__text(&f->b, VTBPF_TEXT_CWD, "/srv", 4);
	builder__code(&f->b, 1, "main", "/srv/app.py");
	builder__code(&f->b, 2, "noise", "/srv/app.py");
	builder__code(&f->b, 3, "helper", "/usr/lib/help.py");
	f->filter.max_stack_depth = -1;
	*state = f;
	return 0;
}

static void close_replay(struct fixture *f)
{
	replay__release(&f->replay);
	session__free(f->session);
	capture__free(f->capture);
	f->session = NULL;
	f->capture = NULL;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_replay(f);
	builder__release(&f->b);
	free(f);
	return 0;
}

struct call {
	uint32_t tid, code;
	uint64_t start, end;
	uint16_t depth;
	uint8_t flags;
	uint32_t track;
};

static void add_calls(struct fixture *f, const struct call *calls, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct build_call call = {
			.tid = calls[i].tid,
			.code = calls[i].code,
			.track = calls[i].track,
			.start = calls[i].start,
			.end = calls[i].end,
			.depth = calls[i].depth,
			.flags = calls[i].flags,
		};

		builder__call(&f->b, &call);
	}
}

#define ADD_CALLS(f, calls) add_calls(f, calls, sizeof(calls) / sizeof(calls[0]))

static void expect(struct fixture *f, const char *want)
{
	struct replay_item item;
	char *p = f->out;
	int kind;

	close_replay(f);
	f->session = session__new();
	f->capture = builder__open(&f->b);
	assert_int_equal(session__read(f->session, f->capture, NULL), 0);
	{
		const struct replay_input in = { f->session, f->capture, &f->filter };

		assert_int_equal(replay__start(&f->replay, &in, NULL), 0);
	}
	*p = '\0';
	while ((kind = replay__next(&f->replay, &item)) > 0) {
		if (kind == REPLAY_GAP)
			p += sprintf(p, "%slost.%u", p == f->out ? "" : " ",
				     item.gap.track->thread->tid);
		else
			p += sprintf(p, "%s%s.%u", p == f->out ? "" : " ",
				     item.slice.code->name.data, item.slice.track->thread->tid);
	}
	assert_int_equal(kind, 0);
	assert_string_equal(f->out, want);
}

static uint64_t removed(const struct fixture *f, enum removed why)
{
	return f->replay.selection.removed[why];
}

static const struct call two_threads[] = {
	{ 100, 3, 2100, 2200, 2, 0, 0 }, { 100, 2, 2000, 2300, 1, 0, 0 },
	{ 101, 3, 2050, 2150, 0, 0, 0 }, { 100, 3, 2400, 2500, 1, 0, 0 },
	{ 100, 1, 1500, 2600, 0, 0, 0 },
};

static void ignore(struct fixture *f, const char *glob)
{
	static const char *items[1];

	items[0] = glob;
	f->filter.functions.ignore = (struct str_list){ items, glob != NULL };
}

static void test_ignored_function(void **state)
{
	struct fixture *f = *state;

	ADD_CALLS(f, two_threads);
	expect(f, "helper.100 noise.100 helper.101 helper.100 main.100");
	ignore(f, "noise");
	expect(f, "helper.101 helper.100 main.100");
	assert_int_equal(removed(f, REMOVED_FUNCTION), 2);
	ignore(f, "/srv/*:*");
	expect(f, "helper.101");
	assert_int_equal(removed(f, REMOVED_FUNCTION), 4);
	assert_true(thread_table__first_of(f->session->threads, 100)->vanished);
	assert_int_equal(selection__ignored_threads(&f->replay.selection), 0);
}

/* A greenlet runs on its thread, but is called by none of its functions. */
static void test_greenlets(void **state)
{
	static const struct call calls[] = {
		{ 100, 3, 2100, 2200, 1, 0, 7 },
		{ 100, 3, 2300, 2400, 1, 0, 0 },
		{ 100, 2, 2000, 2500, 0, 0, 0 },
	};
	struct fixture *f = *state;

	ADD_CALLS(f, calls);
	ignore(f, "noise");
	expect(f, "helper.100");
	assert_int_equal(f->replay.slices, 1);
}

static void test_still_open_at_the_end(void **state)
{
	static const struct call calls[] = {
		{ 100, 3, 2100, 9000, 2, VTBPF_F_OPEN_END, 0 },
		{ 100, 2, 2000, 9000, 1, VTBPF_F_OPEN_END, 0 },
		{ 100, 1, 2000, 9000, 0, VTBPF_F_OPEN_END, 0 },
	};
	struct fixture *f = *state;

	ADD_CALLS(f, calls);
	ignore(f, "noise");
	expect(f, "main.100");
}

static void test_only(void **state)
{
	static const char *only[] = { "h*" };
	struct fixture *f = *state;

	ADD_CALLS(f, two_threads);
	f->filter.functions.only = (struct str_list){ only, 1 };
	expect(f, "helper.100 helper.101 helper.100");
}

static void test_files(void **state)
{
	static const char *app[] = { "app.py" }, *lib[] = { "/usr/lib/" };
	struct fixture *f = *state;

	ADD_CALLS(f, two_threads);
	f->filter.functions.include_files = (struct str_list){ app, 1 };
	expect(f, "noise.100 main.100");
	f->filter.functions.include_files.items = lib;
	expect(f, "helper.100 helper.101 helper.100");
	f->filter.functions.cut = true;
	expect(f, "helper.101");
	f->filter.functions.include_files.n = 0;
	f->filter.functions.exclude_files = (struct str_list){ lib, 1 };
	expect(f, "noise.100 main.100");
}

/* C functions, which have no file, go with their callers; not where files are left out by name. */
static void test_c_functions(void **state)
{
	static const struct call calls[] = {
		{ 100, 4, 2100, 2150, 2, 0, 0 }, { 100, 3, 2000, 2200, 1, 0, 0 },
		{ 100, 5, 2300, 2350, 2, 0, 0 }, { 100, 2, 2250, 2400, 1, 0, 0 },
		{ 100, 4, 2450, 2500, 1, 0, 0 }, { 100, 1, 1500, 2600, 0, 0, 0 },
	};
	static const char *include[] = { "/srv/" }, *help[] = { "/usr/lib/" };
	struct fixture *f = *state;

	builder__code(&f->b, 4, "time.sleep", "");
	builder__code(&f->b, 5, "math.gcd", "");
	ADD_CALLS(f, calls);
	expect(f, "time.sleep.100 helper.100 math.gcd.100 noise.100 time.sleep.100 main.100");
	f->filter.functions.include_files = (struct str_list){ include, 1 };
	expect(f, "math.gcd.100 noise.100 time.sleep.100 main.100");
	f->filter.functions.include_files = (struct str_list){ help, 1 };
	expect(f, "time.sleep.100 helper.100");
	f->filter.functions.include_files = (struct str_list){ NULL, 0 };
	f->filter.functions.exclude_files = (struct str_list){ help, 1 };
	expect(f, "time.sleep.100 math.gcd.100 noise.100 time.sleep.100 main.100");
}

/* What was lost is told, whatever it was beneath; the thread is shown for its sake. */
static void test_losses_remain(void **state)
{
	struct vtbpf_rec_lost lost = { .lost = 3, .first = 2110, .last = 2190 };
	struct fixture *f = *state;

	ADD_CALLS(f, two_threads);
	builder__lost(&f->b, 100, &lost);
	ignore(f, "*");
	expect(f, "lost.100");
	assert_false(thread_table__first_of(f->session->threads, 100)->ignored);
	assert_true(thread_table__first_of(f->session->threads, 101)->vanished);
}

/* The kernel hid it from its first call on: its name alone is no reason to show it. */
static void test_thread_without_calls(void **state)
{
	const struct build_thread seen = { 102, 100, 5, "noisy" };
	struct fixture *f = *state;

	builder__thread(&f->b, &seen);
	ADD_CALLS(f, two_threads);
	ignore(f, "noise");
	expect(f, "helper.101 helper.100 main.100");
	assert_true(thread_table__first_of(f->session->threads, 102)->ignored);
	ignore(f, NULL);
	expect(f, "helper.100 noise.100 helper.101 helper.100 main.100");
	assert_false(thread_table__first_of(f->session->threads, 102)->ignored);
}

/* What was in force while tracing still is: the kernel may have let some calls through. */
static void test_recorded_filters(void **state)
{
	static const char *only[] = { "main" };
	struct fixture *f = *state;

	builder__text(&f->b, VTBPF_TEXT_FILTER, "--ignore-function noise", 23);
	builder__text(&f->b, VTBPF_TEXT_FILTER, "--only-function h*", 18);
	builder__text(&f->b, VTBPF_TEXT_FILTER, "--ignore-thread 101", 19);
	builder__text(&f->b, VTBPF_TEXT_FILTER, "--min-duration 5s", 17);
	builder__text(&f->b, VTBPF_TEXT_FILTER, "ctl: ignore-function main at +1 s", 33);
	ADD_CALLS(f, two_threads);
	expect(f, "helper.100");
	assert_int_equal(removed(f, REMOVED_THREAD), 1);
	f->filter.functions.only = (struct str_list){ only, 1 };
	expect(f, ""); /* both must keep it */
}

/* A string may come after the first call of its function: the verdict waits for it. */
static void test_late_name(void **state)
{
	static const struct call call[] = { { 100, 9, 2000, 2100, 1, 0, 0 },
					    { 100, 1, 1500, 2200, 0, 0, 0 } };
	struct fixture *f = *state;

	ADD_CALLS(f, call);
	builder__code(&f->b, 9, "late", "/srv/app.py");
	ignore(f, "late");
	expect(f, "main.100");
}

static void test_depth_and_duration(void **state)
{
	struct fixture *f = *state;

	ADD_CALLS(f, two_threads);
	f->filter.min_duration_ns = 300; /* equal is kept */
	expect(f, "noise.100 main.100");
	assert_int_equal(removed(f, REMOVED_SHORT), 3);
	f->filter.min_duration_ns = 0;
	f->filter.max_stack_depth = 1;
	expect(f, "helper.101 main.100");
	assert_int_equal(removed(f, REMOVED_DEEP), 3);
	f->filter.max_stack_depth = 0;
	expect(f, "");
}

static void test_newest(void **state)
{
	static const struct call open[] = { { 101, 1, 1600, 9000, 0, VTBPF_F_OPEN_END, 0 } };
	struct fixture *f = *state;

	ADD_CALLS(f, two_threads);
	ADD_CALLS(f, open);
	f->filter.tracer_entries = 2;
	expect(f, "helper.100 main.100 main.101"); /* what is open does not count */
	assert_int_equal(removed(f, REMOVED_OLD), 3);
	ignore(f, "helper"); /* counted after all other filters */
	expect(f, "noise.100 main.100 main.101");
	assert_int_equal(removed(f, REMOVED_OLD), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_ignored_function),
		CASE(test_greenlets),
		CASE(test_still_open_at_the_end),
		CASE(test_only),
		CASE(test_files),
		CASE(test_c_functions),
		CASE(test_losses_remain),
		CASE(test_thread_without_calls),
		CASE(test_recorded_filters),
		CASE(test_late_name),
		CASE(test_depth_and_duration),
		CASE(test_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
