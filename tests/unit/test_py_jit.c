// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../user/discover/py_jit.h"

#define WANTED(env) py_jit__wanted(env, sizeof(env) - 1)

static void test_environments(void **state)
{
	(void)state;
	assert_true(WANTED("HOME=/root\0PYTHON_JIT=1\0PATH=/bin\0"));
	assert_true(WANTED("PYTHON_JIT=on\0"));
	assert_true(WANTED("PYTHON_JIT=00\0"));
	assert_true(WANTED("PYTHON_JIT=1")); /* cut off */
	assert_false(WANTED("PYTHON_JIT=0\0"));
	assert_false(WANTED("PYTHON_JIT=\0"));
	assert_false(WANTED("MY_PYTHON_JIT=1\0"));
	assert_false(WANTED("PYTHON_JIT\0"));
	assert_false(WANTED(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
