// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../user/write/terminal.h"

static void check(const char *s, size_t max, const char *expected, size_t columns)
{
	struct terminal_text t = terminal__text(s, max);

	assert_string_equal(t.text, expected);
	assert_int_equal(t.columns, columns);
	free(t.text);
}

static void test_plain(void **state)
{
	(void)state;
	check("", 10, "", 0);
	check("worker-1", 10, "worker-1", 8);
	check("back\\slash", 10, "back\\slash", 10);
	check("été", 10, "été", 3);
	check("监控线程", 10, "监控线程", 8);
	check("e\u0301", 10, "e\u0301", 1);
}

static void test_escapes(void **state)
{
	(void)state;
	check("\x1b[31mred", 20, "\\x1b[31mred", 11);
	check("a\tb\nc\r\x7f", 40, "a\\x09b\\x0ac\\x0d\\x7f", 19);
	check("\xc2\x85\xc2\x9b"
	      "1m",
	      40, "\\x85\\x9b1m", 10);
	check("\u202egnp.exe", 40, "\\u202egnp.exe", 13);
	check("\u200f\u2066\u2028\ufeff\u061c", 40, "\\u200f\\u2066\\u2028\\ufeff\\u061c", 30);
}

static void test_no_utf8(void **state)
{
	(void)state;
	check("a\xff"
	      "b",
	      10,
	      "a\ufffd"
	      "b",
	      3);
	check("\xed\xa0\x80", 10, "\ufffd\ufffd\ufffd", 3);
	/* a kernel name that is cut off in the middle of a character */
	check("\xe7\x9b\x91\xe6\x8e", 10, "监\ufffd", 3);
	/* a C1 control that is no UTF-8 */
	check("\x9b"
	      "31m",
	      10,
	      "\ufffd"
	      "31m",
	      4);
}

static void test_cut(void **state)
{
	char large[100001];

	(void)state;
	check("123456", 6, "123456", 6);
	check("1234567", 6, "12345…", 6);
	check("监控线程", 8, "监控线程", 8);
	check("监控线程", 7, "监控线…", 7);
	check("监控线程", 6, "监控…", 5);
	check("ab\x1b", 5, "ab…", 3);
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	check(large, 5, "xxxx…", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_no_utf8),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
