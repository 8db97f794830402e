// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "../../user/trace/syscall_names.h"

static void expect(const char *text, long number, const char *name)
{
	size_t n = strlen(name);

	while (number-- && text)
		text = (text = strchr(text, '\n')) ? text + 1 : NULL;
	assert_non_null(text);
	assert_memory_equal(text, name, n);
	assert_int_equal(text[n], '\n');
}

/* Each number's line is its name. */
static void test_names(void **state)
{
	char *text = syscall_names__text();

	(void)state;
	assert_non_null(text);
	expect(text, SYS_read, "read");
	expect(text, SYS_futex, "futex");
	expect(text, SYS_clock_nanosleep, "clock_nanosleep");
	expect(text, SYS_ppoll, "ppoll");
	expect(text, 511, "");
	assert_true(strlen(text) < 16384);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
