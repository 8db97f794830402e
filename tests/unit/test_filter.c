// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../user/decode/filter.h"
#include "../../user/thread_selector.h"

static const struct thread_ids ids = {
	.tid = 4711,
	.ident = 0x7f00dead,
	.name = "pool/worker 1",
	.comm = "python3",
};

static void test_selectors(void **state)
{
	(void)state;
	assert_true(thread_selector__matches("4711", &ids));
	assert_false(thread_selector__matches("471", &ids));
	assert_true(thread_selector__matches("ident:0x7f00dead", &ids));
	assert_true(thread_selector__matches("ident:2130763437", &ids));
	assert_false(thread_selector__matches("ident:0x7f00deae", &ids));
	assert_false(thread_selector__matches("ident:", &ids));
	assert_false(thread_selector__matches("ident:0x7f00deadz", &ids));
	assert_true(thread_selector__matches("pool*", &ids)); /* * matches / */
	assert_true(thread_selector__matches("*worker ?", &ids));
	assert_true(thread_selector__matches("python3", &ids));
	assert_false(thread_selector__matches("pool", &ids));
	assert_false(thread_selector__matches("POOL*", &ids));
	assert_false(thread_selector__matches("", &ids));
}

/* What is not known of a thread matches nothing, not everything. */
static void test_unknown_thread(void **state)
{
	const struct thread_ids unknown = { .tid = 1, .comm = "" };

	(void)state;
	assert_false(thread_selector__matches("ident:0", &unknown));
	assert_false(thread_selector__matches("*", &unknown));
	assert_true(thread_selector__matches("1", &unknown));
}

static void test_number_beyond_64_bits_is_a_glob(void **state)
{
	const struct thread_ids odd = { .tid = 1, .name = "99999999999999999999" };

	(void)state;
	assert_true(thread_selector__matches("99999999999999999999", &odd));
}

static void test_threads(void **state)
{
	const char *chatty[] = { "monitor*", "7" }, *workers[] = { "worker*" };
	struct slice_filter f = { .ignore_threads = chatty, .n_ignore_threads = 2 };
	struct thread monitor = { .tid = 1, .name = strdupa("monitor 1"), .comm = "py" };
	struct thread worker = { .tid = 2, .name = strdupa("worker 1"), .comm = "py" };
	struct thread seven = { .tid = 7, .comm = "py" };

	(void)state;
	assert_false(filter__keeps_thread(&f, &monitor));
	assert_true(filter__keeps_thread(&f, &worker));
	assert_false(filter__keeps_thread(&f, &seven));
	f.only_threads = workers;
	f.n_only_threads = 1;
	assert_true(filter__keeps_thread(&f, &worker));
	seven.tid = 8;
	assert_false(filter__keeps_thread(&f, &seven));
	f.ignore_threads = workers; /* ignored wins */
	assert_false(filter__keeps_thread(&f, &worker));
}

/* Ignored once, ignored always: a thread that is renamed stays what it was, too. */
static void test_former_names(void **state)
{
	const char *noise[] = { "noise*" };
	struct slice_filter f = { .ignore_threads = noise, .n_ignore_threads = 1 };
	struct thread_table *t = thread_table__new();
	static const char *const names[] = { "noise 1", "work", "rest" };
	struct thread *th = thread_table__get(t, 7);
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct event_thread_name ev = { .name = { names[i], strlen(names[i]) } };

		assert_int_equal(thread_table__named(t, 7, &ev), 0);
		assert_int_equal(thread_table__named(t, 7, &ev), 0);
	}
	assert_string_equal(th->formers->name, "work");
	assert_string_equal(th->formers->next->name, "noise 1");
	assert_null(th->formers->next->next);
	assert_false(filter__keeps_thread(&f, th));
	f = (struct slice_filter){ .only_threads = noise, .n_only_threads = 1 };
	assert_true(filter__keeps_thread(&f, th));
	noise[0] = "nobody";
	assert_false(filter__keeps_thread(&f, th));
	thread_table__free(t);
}

static void test_texts(void **state)
{
	const char *ignored[] = { "a", "b" }, *only[] = { "c" };
	const char *functions[] = { "f", "g", "src/", "*/lib/*" };
	struct slice_filter f = {
		.ignore_threads = ignored,
		.n_ignore_threads = 2,
		.only_threads = only,
		.n_only_threads = 1,
		.functions = {
			.ignore = { functions, 1 },
			.only = { functions + 1, 1 },
			.include_files = { functions + 2, 1 },
			.exclude_files = { functions + 3, 1 },
			.cut = true,
		},
		.min_duration_ns = 1500000,
		.max_stack_depth = 0,
		.tracer_entries = 1000,
	};
	static const char *const want[] = {
		"--ignore-thread a",	   "--ignore-thread b",
		"--only-thread c",	   "--ignore-function f",
		"--only-function g",	   "--include-files src/",
		"--exclude-files */lib/*", "--cut",
		"--min-duration 1500us",   "--max-stack-depth 0",
		"--tracer-entries 1000",
	};
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < 11; i++) {
		assert_int_equal(filter__text(&f, i, text, sizeof(text)), strlen(want[i]));
		assert_string_equal(text, want[i]);
	}
	assert_int_equal(filter__text(&f, 11, text, sizeof(text)), 0);
	f = (struct slice_filter){ .max_stack_depth = 7 };
	assert_true(filter__text(&f, 0, text, sizeof(text)) > 0);
	assert_string_equal(text, "--max-stack-depth 7");
	assert_int_equal(filter__text(&f, 1, text, sizeof(text)), 0);
	f.max_stack_depth = -1;
	assert_int_equal(filter__text(&f, 0, text, sizeof(text)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_unknown_thread),
		cmocka_unit_test(test_number_beyond_64_bits_is_a_glob),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_former_names),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
