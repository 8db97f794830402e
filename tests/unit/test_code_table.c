// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../user/decode/code_table.h"

static void piece(struct code_table *t, uint32_t id, const char *part, uint32_t offset,
		  uint32_t length)
{
	struct event_str ev = {
		.code = id,
		.which = VTBPF_STR_NAME,
		.width = 1,
		.offset = offset,
		.length = length,
		.piece = { part, strlen(part) },
	};

	assert_int_equal(code_table__piece(t, &ev), 0);
}

static void expect_name(struct code_table *t, uint32_t id, const char *want)
{
	const struct code *code = code_table__get(t, id);

	assert_int_equal(code->name.len, strlen(want));
	assert_memory_equal(code->name.data, want, strlen(want));
}

static void test_announced_code(void **state)
{
	struct event_code ev = { .id = 5, .tgid = 100, .firstlineno = 42, .co_flags = 3 };
	struct code_table *t = code_table__new();
	const struct code *code;

	(void)state;
	assert_int_equal(code_table__announce(t, &ev), 0);
	code = code_table__get(t, 5);
	assert_int_equal(code->id, 5);
	assert_int_equal(code->line, 42);
	assert_int_equal(code->tgid, 100);
	expect_name(t, 5, CODE_UNREADABLE);
	assert_memory_equal(code->file.data, CODE_UNREADABLE, code->file.len);
	code_table__free(t);
}

static void test_unknown_code(void **state)
{
	struct code_table *t = code_table__new();

	(void)state;
	expect_name(t, 4000000000u, CODE_UNREADABLE);
	assert_ptr_equal(code_table__get(t, 1), code_table__get(t, 2));
	assert_int_equal(code_table__count(t), 1 + CODE_MARKS);
	code_table__free(t);
}

static void test_pieces(void **state)
{
	struct code_table *t = code_table__new();

	(void)state;
	piece(t, 1, "abc", 0, 9);
	expect_name(t, 1, CODE_UNREADABLE);
	piece(t, 1, "ghi", 6, 9); /* a gap: must not count */
	expect_name(t, 1, CODE_UNREADABLE);
	piece(t, 1, "abc", 0, 9);  /* a repeat */
	piece(t, 1, "cdef", 2, 9); /* overlaps */
	expect_name(t, 1, CODE_UNREADABLE);
	piece(t, 1, "ghi", 6, 9);
	expect_name(t, 1, "abcdefghi");
	piece(t, 1, "xxx", 0, 3); /* whole strings stay */
	expect_name(t, 1, "abcdefghi");
	code_table__free(t);
}

/* The string changed between two attempts at sending it. */
static void test_length_changes(void **state)
{
	struct code_table *t = code_table__new();

	(void)state;
	piece(t, 1, "abcd", 0, 8);
	piece(t, 1, "xy", 0, 3);
	piece(t, 1, "z", 2, 3);
	expect_name(t, 1, "xyz");
	code_table__free(t);
}

static void test_empty_and_unreadable(void **state)
{
	struct event_str ev = { .code = 2, .which = VTBPF_STR_NAME, .width = 0, .length = 3 };
	struct code_table *t = code_table__new();

	(void)state;
	piece(t, 1, "", 0, 0);
	expect_name(t, 1, "");
	assert_int_equal(code_table__piece(t, &ev), 0);
	expect_name(t, 2, CODE_UNREADABLE);
	code_table__free(t);
}

/* Claims that no real string makes: nothing may be kept or allocated for them. */
static void test_hostile_pieces(void **state)
{
	struct event_str ev = { .code = 1, .width = 4, .piece = { "abcd", 4 } };
	struct code_table *t = code_table__new();

	(void)state;
	ev.length = UINT32_MAX;
	assert_int_equal(code_table__piece(t, &ev), 0);
	ev.length = 1;
	ev.offset = UINT32_MAX;
	assert_int_equal(code_table__piece(t, &ev), 0);
	ev.offset = 0;
	ev.which = 2;
	assert_int_equal(code_table__piece(t, &ev), 0);
	ev.which = VTBPF_STR_NAME;
	ev.width = 3;
	assert_int_equal(code_table__piece(t, &ev), 0);
	ev.width = 1; /* a piece longer than the string */
	assert_int_equal(code_table__piece(t, &ev), 0);
	expect_name(t, 1, CODE_UNREADABLE);
	code_table__free(t);
}

static void test_wide_characters(void **state)
{
	static const uint16_t storage[] = { 0x76d1, 0x542c, 0xd800 };
	struct event_str ev = {
		.code = 1,
		.which = VTBPF_STR_NAME,
		.width = 2,
		.length = 3,
		.piece = { (const char *)storage, 6 },
	};
	struct code_table *t = code_table__new();

	(void)state;
	assert_int_equal(code_table__piece(t, &ev), 0);
	expect_name(t, 1, "\xe7\x9b\x91\xe5\x90\xac\xef\xbf\xbd");
	code_table__free(t);
}

/* Longer than a chunk of the arena, and many of them. */
static void test_long_names(void **state)
{
	struct code_table *t = code_table__new();
	char *name = malloc(100001);
	uint32_t id;

	(void)state;
	memset(name, 'n', 100000);
	name[100000] = '\0';
	for (id = 0; id < 20; id++) {
		piece(t, id, name, 0, 100000);
		piece(t, id + 100, "short", 0, 5);
	}
	for (id = 0; id < 20; id++) {
		expect_name(t, id, name);
		expect_name(t, id + 100, "short");
	}
	assert_int_equal(code_table__count(t), 41 + CODE_MARKS);
	free(name);
	code_table__free(t);
	code_table__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_announced_code),
		cmocka_unit_test(test_unknown_code),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_length_changes),
		cmocka_unit_test(test_empty_and_unreadable),
		cmocka_unit_test(test_hostile_pieces),
		cmocka_unit_test(test_wide_characters),
		cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
