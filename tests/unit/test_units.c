// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../user/units.h"

#define MS 1000000ULL
#define SEC 1000000000ULL

static void test_time(void **state)
{
	static const struct {
		const char *text;
		uint64_t bare, ns;
	} good[] = {
		{ "10s", 1, 10 * SEC },	 { "500ms", 1, 500 * MS }, { "2m", 1, 120 * SEC },
		{ "1h", 1, 3600 * SEC }, { "20us", 1, 20000 },	   { "20µs", 1, 20000 },
		{ "300ns", 1, 300 },	 { "1.5s", 1, 1500 * MS }, { ".5s", 1, 500 * MS },
		{ "7", SEC, 7 * SEC },	 { "7", 1000, 7000 },	   { "0", SEC, 0 },
		{ "10S", 1, 10 * SEC },
	};
	static const char *const bad[] = { "",	  "s",	 "10x", "-1s", "1e3s",	 "0x10",
					   "inf", "nan", " 1s", "1 s", "1.2.3s", "1s2" };
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse_time(good[i].text, good[i].bare, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_time(bad[i], SEC, &ns), -EINVAL);
	assert_int_equal(parse_time("99999999999999999999h", SEC, &ns), -ERANGE);
}

static void test_size(void **state)
{
	uint64_t n;

	(void)state;
	assert_int_equal(parse_size("65536", &n), 0);
	assert_int_equal(n, 65536);
	assert_int_equal(parse_size("64k", &n), 0);
	assert_int_equal(n, 65536);
	assert_int_equal(parse_size("16M", &n), 0);
	assert_int_equal(n, 16 << 20);
	assert_int_equal(parse_size("1GiB", &n), 0);
	assert_int_equal(n, 1 << 30);
	assert_int_equal(parse_size("1.5k", &n), 0);
	assert_int_equal(n, 1536);
	assert_int_equal(parse_size("M", &n), -EINVAL);
	assert_int_equal(parse_size("-1", &n), -EINVAL);
	assert_int_equal(parse_size("1T", &n), -EINVAL);
	assert_int_equal(parse_size("99999999999G", &n), -ERANGE);
}

static void test_format(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(format_size(999, buf, sizeof(buf)), "999 bytes");
	assert_string_equal(format_size(1000, buf, sizeof(buf)), "1.0 kB");
	assert_string_equal(format_size(12345678, buf, sizeof(buf)), "12.3 MB");
	assert_string_equal(format_size(999999, buf, sizeof(buf)), "1.0 MB");
}

static void test_counts(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(format_count(0, buf, sizeof(buf)), "0");
	assert_string_equal(format_count(999, buf, sizeof(buf)), "999");
	assert_string_equal(format_count(1000, buf, sizeof(buf)), "1,000");
	assert_string_equal(format_count(1204311, buf, sizeof(buf)), "1,204,311");
	assert_string_equal(format_count(UINT64_MAX, buf, sizeof(buf)),
			    "18,446,744,073,709,551,615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
