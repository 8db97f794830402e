// SPDX-License-Identifier: GPL-2.0-only
/* Stacks that later segments name, and how long they are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/trace/segment_stacks.h"

struct announced {
	struct vtbpf_rec_stack stack;
	uint32_t codes[2];
};

static void add(struct segment_stacks *s, uint32_t id, uint64_t segment)
{
	struct announced a = {
		.stack = { .rec = { .len = sizeof(a), .kind = VTBPF_REC_STACK }, .id = id, .n = 2 },
		.codes = { id * 10, id * 10 + 1 },
	};

	assert_int_equal(segment_stacks__add(s, &a.stack.rec, segment), 0);
}

static void sum_codes(void *ctx, uint32_t code)
{
	*(uint64_t *)ctx += code;
}

static void test_once_in_each_segment(void **state)
{
	struct segment_stacks s = {};
	const struct vtbpf_rec_stack *rec;

	(void)state;
	add(&s, 7, 0);
	assert_null(segment_stacks__name(&s, 7, 0));
	assert_null(segment_stacks__name(&s, 8, 1));
	rec = segment_stacks__name(&s, 7, 1);
	assert_non_null(rec);
	assert_int_equal(rec->id, 7);
	assert_int_equal(rec->rec.len, sizeof(struct announced));
	assert_int_equal(rec->codes[1], 71);
	assert_null(segment_stacks__name(&s, 7, 1));
	assert_non_null(segment_stacks__name(&s, 7, 2));
	add(&s, 7, 3);
	assert_null(segment_stacks__name(&s, 7, 3));
	segment_stacks__release(&s);
}

static void test_old_ones_go(void **state)
{
	struct segment_stacks s = {};
	uint64_t sum = 0;

	(void)state;
	add(&s, 1, 0);
	segment_stacks__age(&s, UINT64_MAX, sum_codes, &sum);
	assert_int_equal(sum, 21);
	add(&s, 2, 1);
	assert_non_null(segment_stacks__name(&s, 1, 1)); /* a sample that was under way */
	sum = 0;
	segment_stacks__age(&s, UINT64_MAX, sum_codes, &sum);
	assert_int_equal(sum, 41);
	assert_null(segment_stacks__name(&s, 1, 2));
	assert_non_null(segment_stacks__name(&s, 2, 2));
	segment_stacks__release(&s);
}

/* The record says that it has more code objects than it has. */
static void test_bad_number(void **state)
{
	struct announced a = {
		.stack = { .rec = { .len = sizeof(a), .kind = VTBPF_REC_STACK },
			   .id = 3,
			   .n = 1000 },
		.codes = { 5, 6 },
	};
	struct segment_stacks s = {};
	uint64_t sum = 0;

	(void)state;
	assert_int_equal(segment_stacks__add(&s, &a.stack.rec, 0), 0);
	segment_stacks__age(&s, UINT64_MAX, sum_codes, &sum);
	assert_int_equal(sum, 11);
	segment_stacks__release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once_in_each_segment),
		cmocka_unit_test(test_old_ones_go),
		cmocka_unit_test(test_bad_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
