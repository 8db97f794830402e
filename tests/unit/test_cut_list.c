// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "../../user/decode/cut_list.h"

static void add(struct cut_list *l, uint64_t start, uint64_t end, uint64_t depth)
{
	struct cut_span call = { start, end, depth };

	assert_int_equal(cut_list__add(l, &call), 0);
}

static void pass(struct cut_list *l, uint64_t start, uint64_t end, uint64_t depth)
{
	struct cut_span call = { start, end, depth };

	cut_list__pass(l, &call);
}

static bool covers(const struct cut_list *l, uint64_t start, uint64_t end, uint64_t depth)
{
	struct cut_span call = { start, end, depth };

	return cut_list__covers(l, &call);
}

static void test_empty(void **state)
{
	struct cut_list l = {};

	(void)state;
	cut_list__ready(&l);
	assert_false(covers(&l, 0, 10, 1));
	cut_list__release(&l);
}

static void test_beneath(void **state)
{
	struct cut_list l = {};

	(void)state;
	pass(&l, 12, 15, 3);
	add(&l, 10, 20, 2);
	pass(&l, 5, 30, 1);
	add(&l, 40, 50, 2);
	pass(&l, 0, 100, 0);
	cut_list__ready(&l);
	assert_int_equal(l.n, 2);
	assert_true(covers(&l, 12, 15, 3));
	assert_true(covers(&l, 41, 49, 9));
	assert_false(covers(&l, 10, 20, 2)); /* it itself */
	assert_false(covers(&l, 5, 30, 1));
	assert_false(covers(&l, 0, 100, 0));
	assert_false(covers(&l, 21, 22, 3));
	assert_false(covers(&l, 15, 25, 3)); /* does not nest: not beneath */
	assert_false(covers(&l, 60, 70, 3));
	cut_list__release(&l);
}

/* Where times are equal, depths tell. */
static void test_equal_times(void **state)
{
	struct cut_list l = {};

	(void)state;
	pass(&l, 10, 20, 3);
	add(&l, 10, 20, 2);
	pass(&l, 20, 20, 2);
	pass(&l, 10, 20, 1);
	add(&l, 20, 30, 2);
	cut_list__ready(&l);
	assert_true(covers(&l, 10, 20, 3));
	assert_false(covers(&l, 10, 20, 1)); /* the caller */
	assert_true(covers(&l, 20, 20, 3));
	assert_false(covers(&l, 20, 20, 2)); /* a sibling that takes no time */
	assert_true(covers(&l, 20, 30, 3));
	assert_false(covers(&l, 20, 31, 3));
	cut_list__release(&l);
}

/* Memory does not grow with calls that cut, only with those between them. */
static void test_neighbours_join(void **state)
{
	struct cut_list l = {};
	uint64_t i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		add(&l, 10 * i + 2, 10 * i + 3, 4); /* nested, of the same function */
		add(&l, 10 * i + 4, 10 * i + 5, 4);
		pass(&l, 10 * i + 6, 10 * i + 7, 4); /* beneath the next */
		add(&l, 10 * i + 1, 10 * i + 9, 3);
	}
	assert_int_equal(l.n, 1);
	pass(&l, 2000000, 2000001, 3);
	add(&l, 2000002, 2000003, 3);
	assert_int_equal(l.n, 2);
	add(&l, 2000004, 2000005, 3);
	pass(&l, 2000006, 2000007, 3);
	add(&l, 2000008, 2000009, 4);
	assert_int_equal(l.n, 3);
	add(&l, 2000004, 2000010, 3);
	cut_list__ready(&l);
	assert_int_equal(l.n, 2); /* the last one swallowed what it called */
	assert_true(covers(&l, 2000006, 2000007, 4));
	assert_true(covers(&l, 2000002, 2000003, 4));
	assert_false(covers(&l, 2000000, 2000001, 3));
	cut_list__release(&l);
}

/* No capture has this, but a damaged one: what nests is still found. */
static void test_out_of_order(void **state)
{
	struct cut_list l = {};
	uint64_t i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		pass(&l, 1000000 - 10 * i - 2, 1000000 - 10 * i - 1, 0);
		add(&l, 1000000 - 10 * i, 1000000 - 10 * i + 5, 0);
	}
	cut_list__ready(&l);
	for (i = 0; i < 20000; i++)
		assert_true(covers(&l, 1000000 - 10 * i + 1, 1000000 - 10 * i + 5, 1));
	cut_list__release(&l);
}

/* Random trees against the plain definition: has it an ancestor that cuts? */
#define NODES 400
#define LEVELS 12
struct node {
	struct cut_span span;
	bool cuts, beneath;
};

static size_t grow(struct node *nodes, size_t n, uint64_t *clock, const struct node *parent)
{
	struct node self = {
		.cuts = rand() % 4 == 0,
		.beneath = parent && (parent->cuts || parent->beneath),
		.span = { .start = (*clock)++, .rank = parent ? parent->span.rank + 1 : 0 },
	};
	int children = self.span.rank < LEVELS ? rand() % 4 : 0;

	while (children-- && n < NODES)
		n = grow(nodes, n, clock, &self);
	self.span.end = (*clock)++;
	nodes[n++] = self;
	return n;
}

static void test_random_trees(void **state)
{
	static struct node nodes[NODES + LEVELS + 1];
	unsigned int round;

	(void)state;
	srand(1);
	for (round = 0; round < 300; round++) {
		struct cut_list l = {};
		uint64_t clock = 0;
		size_t n = 0, i;

		while (n < NODES)
			n = grow(nodes, n, &clock, NULL);
		for (i = 0; i < n; i++) {
			if (nodes[i].cuts)
				assert_int_equal(cut_list__add(&l, &nodes[i].span), 0);
			else
				cut_list__pass(&l, &nodes[i].span);
		}
		cut_list__ready(&l);
		for (i = 0; i < n; i++)
			assert_int_equal(cut_list__covers(&l, &nodes[i].span), nodes[i].beneath);
		cut_list__release(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	     cmocka_unit_test(test_beneath),
		cmocka_unit_test(test_equal_times),  cmocka_unit_test(test_neighbours_join),
		cmocka_unit_test(test_out_of_order), cmocka_unit_test(test_random_trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
