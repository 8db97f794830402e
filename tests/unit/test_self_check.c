// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/trace/self_check.h"

static char text[1024];

static void test_good_plan(void **state)
{
	struct vtbpf_counters c = { .calls = 100000, .helpers = 5000, .duplicates = 50 };

	(void)state;
	assert_false(self_check__contradicts(&c, text, sizeof(text)));
	c.exit_missed = 19; /* few */
	assert_false(self_check__contradicts(&c, text, sizeof(text)));
	c.calls = 1000000;
	c.unmatched = 2000; /* two in each thousand: a runaway recursion */
	assert_false(self_check__contradicts(&c, text, sizeof(text)));
}

static void test_returns_are_missed(void **state)
{
	struct vtbpf_counters c = { .calls = 1000, .exit_missed = 900 };

	(void)state;
	assert_true(self_check__contradicts(&c, text, sizeof(text)));
	assert_non_null(strstr(text, "of 900 the exit was not seen"));
	assert_non_null(strstr(text, "doctor"));
}

static void test_entries_are_missed(void **state)
{
	struct vtbpf_counters c = { .calls = 1000, .unmatched = 15, .entry_missed = 15 };

	(void)state;
	assert_true(self_check__contradicts(&c, text, sizeof(text)));
}

static void test_same_call_again_and_again(void **state)
{
	struct vtbpf_counters c = { .calls = 100, .duplicates = 2000 };

	(void)state;
	assert_true(self_check__contradicts(&c, text, sizeof(text)));
}

static void test_dead_codes_are_missed(void **state)
{
	struct vtbpf_counters c = { .calls = 100000, .stale_codes = 1 };

	(void)state;
	assert_true(self_check__contradicts(&c, text, sizeof(text)));
	assert_non_null(strstr(text, "1 code objects died unseen"));
	assert_non_null(strstr(text, "doctor"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_plan),
		cmocka_unit_test(test_returns_are_missed),
		cmocka_unit_test(test_entries_are_missed),
		cmocka_unit_test(test_same_call_again_and_again),
		cmocka_unit_test(test_dead_codes_are_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
