// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../user/utf.h"

static int check(const char *s, size_t n)
{
	return utf8__check((const unsigned char *)s, n);
}

static void test_whole_characters(void **state)
{
	(void)state;
	assert_int_equal(check("a", 1), 1);
	assert_int_equal(check("\xc3\xa9", 2), 2);
	assert_int_equal(check("\xe7\x9b\x91x", 4), 3);
	assert_int_equal(check("\xf0\x9f\x90\x8d", 4), 4);
	assert_int_equal(check("\xf4\x8f\xbf\xbf", 4), 4);
}

static void test_cut_off(void **state)
{
	(void)state;
	assert_int_equal(check("\xc3", 1), 0);
	assert_int_equal(check("\xe7\x9b", 2), 0);
	assert_int_equal(check("\xf0\x9f\x90", 3), 0);
}

/* How many bytes one U+FFFD stands for: as in Unicode 15, table 3-8. */
static void test_invalid(void **state)
{
	(void)state;
	assert_int_equal(check("\x80", 1), -1);
	assert_int_equal(check("\xc0\xaf", 2), -1);	    /* overlong */
	assert_int_equal(check("\xe0\x80\x80", 3), -1);	    /* overlong */
	assert_int_equal(check("\xed\xa0\x80", 3), -1);	    /* surrogate */
	assert_int_equal(check("\xf4\x90\x80\x80", 4), -1); /* beyond U+10FFFF */
	assert_int_equal(check("\xf5\x80", 2), -1);
	assert_int_equal(check("\xe7\x9b"
			       "a",
			       3),
			 -2);
	assert_int_equal(check("\xf0\x9f\x90"
			       "a",
			       4),
			 -3);
	assert_int_equal(check("\xff", 1), -1);
}

static void expect_utf8(const void *data, size_t n, unsigned int width, const char *want)
{
	char out[64];
	size_t len = ucs__to_utf8(data, n, width, out);

	assert_true(len <= ucs__utf8_size(n, width));
	assert_int_equal(len, strlen(want));
	assert_memory_equal(out, want, len);
}

static void test_storage_of_each_width(void **state)
{
	static const uint16_t two[] = { 'f', 0xe9, 0x76d1, 0xffff };
	static const uint32_t four[] = { 'f', 0x76d1, 0x1f40d, 0x10ffff };

	(void)state;
	expect_utf8("f\xe9", 2, 1, "f\xc3\xa9");
	expect_utf8(two, 4, 2, "f\xc3\xa9\xe7\x9b\x91\xef\xbf\xbf");
	expect_utf8(four, 4, 4, "f\xe7\x9b\x91\xf0\x9f\x90\x8d\xf4\x8f\xbf\xbf");
	expect_utf8("", 0, 1, "");
}

static void test_what_is_no_character(void **state)
{
	static const uint16_t pair[] = { 0xd83d, 0xdc0d };
	static const uint32_t beyond[] = { 0x110000, 0xffffffff, 0xdfff };

	(void)state;
	expect_utf8(pair, 2, 2, UTF8_REPLACEMENT UTF8_REPLACEMENT);
	expect_utf8(beyond, 3, 4, UTF8_REPLACEMENT UTF8_REPLACEMENT UTF8_REPLACEMENT);
}

static void test_one_character(void **state)
{
	static const uint32_t four[] = { 'a', 0x1f40d };
	static const uint16_t two[] = { 'a', 0x76d1 };
	char out[4];

	(void)state;
	assert_int_equal(ucs__at("a\xe9", 1, 1), 0xe9);
	assert_int_equal(ucs__at(two, 1, 2), 0x76d1);
	assert_int_equal(ucs__at(four, 1, 4), 0x1f40d);
	assert_ptr_equal(utf8__put(0x1f40d, out), out + 4);
	assert_memory_equal(out, "\xf0\x9f\x90\x8d", 4);
	assert_ptr_equal(utf8__put(0xdc00, out), out + 3);
	assert_memory_equal(out, UTF8_REPLACEMENT, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_characters),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_storage_of_each_width),
		cmocka_unit_test(test_what_is_no_character),
		cmocka_unit_test(test_one_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
