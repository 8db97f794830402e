// SPDX-License-Identifier: GPL-2.0-only
/* Names of threads as the kernel side reads them, on a real interpreter. Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tracer_fixture.h"

static void check_names(enum tracer_variant variant)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20,
				     .max_stack_depth = -1,
				     .variant = variant };
	struct fixture f = { .with_attrs = true };
	char wanted[16384] = "plain|\xc3\xa9|\xe4\xb8\x80\xf0\x9f\x98\x80|";
	size_t used = strlen(wanted);

	if (!fixture__can_trace())
		skip();
	fixture__begin(&f, &cfg);
	fixture__run(&f, "named()");
	fixture__end(&f);
	memset(wanted + used, 'x', 9000);
	strcpy(wanted + used + 9000, "|many|before|after|");
	assert_string_equal(f.seen.names, wanted);
	assert_int_equal(f.seen.threads, 8); /* the first one, and one that is no Thread */
	assert_int_equal(f.seen.lost, 0);
}

static void test_thread_names(void **state)
{
	(void)state;
	check_names(TRACER_MULTI);
}

static void test_thread_names_numbered(void **state)
{
	(void)state;
	check_names(TRACER_NUMBERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread_names),
		cmocka_unit_test(test_thread_names_numbered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
