// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/discover/dispatch_table.h"

#define UNKNOWN 0x4000

struct slots {
	struct elf_slot slot[2048];
	size_t n;
	uint64_t next;
};

static void add(struct slots *s, uint64_t value)
{
	s->slot[s->n++] = (struct elf_slot){ s->next, value };
	s->next += 8;
}

static void add_table(struct slots *s, unsigned int minor)
{
	bool holes[256];
	int i;

	cpython__holes(cpython__of(minor), holes);
	for (i = 0; i < 256; i++)
		add(s, holes[i] ? UNKNOWN : 0x1000u + 16u * (unsigned int)i);
}

static void test_found_in_the_middle(void **state)
{
	struct slots s = { .next = 0x8000 };
	struct dispatch_table t;
	unsigned int minor;
	int i;

	(void)state;
	for (minor = CPYTHON_OLDEST; minor <= CPYTHON_NEWEST; minor++) {
		uint64_t at;

		s.n = 0;
		for (i = 0; i < 100; i++)
			add(&s, 0x1234);
		at = s.next;
		add_table(&s, minor);
		for (i = 0; i < 100; i++)
			add(&s, 0x4321);
		assert_int_equal(dispatch_table__find_in(s.slot, s.n, cpython__of(minor), &t), 0);
		assert_int_equal(t.vaddr, at);
		assert_int_equal(t.mismatches, 0);
		assert_int_equal(t.handlers[1], 0x1010);
	}
}

/* A version's table must not pass for another's. */
static void test_other_version(void **state)
{
	struct slots s = { .next = 0x8000 };
	struct dispatch_table t;

	(void)state;
	add_table(&s, 12);
	assert_int_equal(dispatch_table__find_in(s.slot, s.n, cpython__of(13), &t), -ENOENT);
	assert_int_equal(dispatch_table__find_in(s.slot, s.n, cpython__of(11), &t), -ENOENT);
}

static void test_merged_handlers(void **state)
{
	struct slots s = { .next = 0x8000 };
	struct dispatch_table t;
	int i;

	(void)state;
	add_table(&s, 13);
	for (i = 1; i <= 8; i++)
		s.slot[i].value = UNKNOWN;
	assert_int_equal(dispatch_table__find_in(s.slot, s.n, cpython__of(13), &t), 0);
	assert_int_equal(t.mismatches, 8);
	s.slot[9].value = UNKNOWN;
	assert_int_equal(dispatch_table__find_in(s.slot, s.n, cpython__of(13), &t), -ENOENT);
}

static void test_best_of_two(void **state)
{
	struct slots s = { .next = 0x8000 };
	struct dispatch_table t;

	(void)state;
	add_table(&s, 13);
	s.slot[5].value = UNKNOWN;
	add_table(&s, 13);
	assert_int_equal(dispatch_table__find_in(s.slot, s.n, cpython__of(13), &t), 0);
	assert_int_equal(t.vaddr, 0x8000 + 256 * 8);
}

/* 3.15 has a table of one handler 256 times before the real one. */
static void test_tracing_table_is_skipped(void **state)
{
	struct slots s = { .next = 0x8000 };
	struct dispatch_table t;
	int i;

	(void)state;
	for (i = 0; i < 256; i++)
		add(&s, 0x5000);
	add_table(&s, 15);
	assert_int_equal(dispatch_table__find_in(s.slot, s.n, cpython__of(15), &t), 0);
	assert_int_equal(t.vaddr, 0x8000 + 256 * 8);
}

static void test_slots_must_be_consecutive(void **state)
{
	struct slots s = { .next = 0x8000 };
	struct dispatch_table t;
	size_t i;

	(void)state;
	add_table(&s, 13);
	for (i = 100; i < 256; i++)
		s.slot[i].vaddr += 8;
	assert_int_equal(dispatch_table__find_in(s.slot, s.n, cpython__of(13), &t), -ENOENT);
	assert_int_equal(dispatch_table__find_in(s.slot, 255, cpython__of(13), &t), -ENOENT);
	assert_int_equal(dispatch_table__find_in(NULL, 0, cpython__of(13), &t), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_in_the_middle),
		cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_merged_handlers),
		cmocka_unit_test(test_best_of_two),
		cmocka_unit_test(test_tracing_table_is_skipped),
		cmocka_unit_test(test_slots_must_be_consecutive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
