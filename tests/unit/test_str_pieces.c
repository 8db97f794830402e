// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../user/trace/str_pieces.h"

union piece {
	struct vtbpf_rec_str rec;
	unsigned char bytes[sizeof(struct vtbpf_rec_str) + 64];
};

/* Adds `bytes` bytes of data as the piece at `offset` of a string. */
static char *add(struct str_pieces *p, uint32_t length, uint8_t width, uint32_t offset,
		 const void *data, uint16_t bytes)
{
	union piece u = { .rec = { .rec.len = sizeof(u),
				   .which = VTBPF_STR_THREAD,
				   .length = length,
				   .width = width,
				   .offset = offset,
				   .bytes = bytes } };

	if (bytes <= 64)
		memcpy(u.rec.data, data, bytes);
	return str_pieces__add(p, &u.rec);
}

static void expect(char *got, const char *wanted)
{
	assert_non_null(got);
	assert_string_equal(got, wanted);
	free(got);
}

static void test_whole(void **state)
{
	const uint16_t ucs2[] = { 0x76d1, 0x63a7 };
	const uint32_t ucs4[] = { 0x1f600 };
	struct str_pieces p = {};

	(void)state;
	expect(add(&p, 4, 1, 0, "name", 4), "name");
	expect(add(&p, 0, 1, 0, "", 0), "");
	expect(add(&p, 1, 1, 0, "\xe9", 1), "\xc3\xa9");
	expect(add(&p, 3, 1, 0, "a\0b", 3), "a\xef\xbf\xbd"
					    "b");
	expect(add(&p, 2, 2, 0, ucs2, 4), "\xe7\x9b\x91\xe6\x8e\xa7");
	expect(add(&p, 1, 4, 0, ucs4, 4), "\xf0\x9f\x98\x80");
	assert_null(p.bytes);
}

static void test_pieces(void **state)
{
	struct str_pieces p = {};

	(void)state;
	assert_null(add(&p, 6, 1, 0, "abc", 3));
	expect(add(&p, 6, 1, 3, "def", 3), "abcdef");
	/* cut off by a full ring: it begins anew, also as another string */
	assert_null(add(&p, 6, 1, 0, "abc", 3));
	assert_null(add(&p, 4, 1, 0, "gh", 2));
	expect(add(&p, 4, 1, 2, "ij", 2), "ghij");
	/* a piece is missing */
	assert_null(add(&p, 6, 1, 0, "ab", 2));
	assert_null(add(&p, 6, 1, 4, "ef", 2));
	assert_null(add(&p, 5, 1, 2, "cde", 3)); /* of another length */
	expect(add(&p, 6, 1, 2, "cdef", 4), "abcdef");
	str_pieces__reset(&p);
}

static void test_hostile(void **state)
{
	struct str_pieces p = {};

	(void)state;
	assert_null(add(&p, 4, 1, 2, "ab", 2)); /* no beginning */
	assert_null(add(&p, 4, 0, 0, "", 0));	/* unreadable */
	assert_null(add(&p, 4, 3, 0, "abcd", 4));
	assert_null(add(&p, UINT32_MAX, 4, 0, "abcd", 4));
	assert_null(add(&p, VTBPF_MAX_STR_BYTES + 1, 1, 0, "abcd", 4));
	assert_null(add(&p, 65000, 1, 0, "abcd", 65000)); /* more than the record has */
	assert_null(add(&p, 2, 1, 0, "abcd", 4));	  /* more than the string has */
	assert_null(add(&p, 2, 1, 0, "a", 1));
	assert_null(add(&p, 2, 1, 1, "bc", 2));
	str_pieces__reset(&p);
	assert_null(p.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
