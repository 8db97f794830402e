// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "../../user/decode/call_tree.h"

#define NODES 600
#define LEVELS 12

/* A call with what becomes of it by the plain definition. */
struct node {
	int64_t start, end;
	unsigned int flags, depth;
	bool cut_above, bad_file; /* bad_file: its own, or its caller's */
	enum call_fate fate;
};

static struct node nodes[NODES + LEVELS + 1];
static size_t n_nodes;
static int64_t now;
static unsigned int limit;

static enum call_fate fate_of(const struct node *n)
{
	bool follows = n->flags & CALL_FOLLOWS;

	if (n->cut_above || n->flags & CALL_HIDDEN || (follows && n->bad_file))
		return CALL_LEFT_OUT;
	return n->depth >= limit ? CALL_TOO_DEEP : CALL_KEPT;
}

/* A random tree; by_start puts callers first. */
static void grow(const struct node *caller, bool by_start)
{
	static const unsigned int flags[] = {
		0,
		0,
		0,
		CALL_FOLLOWS,
		CALL_HIDDEN,
		CALL_HIDDEN | CALL_BAD_FILE,
		CALL_HIDDEN | CALL_CUTS,
	};
	struct node self = { .start = now++, .flags = flags[rand() % 7] };
	size_t place = n_nodes;
	int children;

	if (caller) {
		self.depth = caller->depth + 1;
		self.cut_above = caller->cut_above || caller->flags & CALL_CUTS;
	}
	self.bad_file = self.flags & CALL_FOLLOWS ? caller && caller->bad_file :
						    self.flags & CALL_BAD_FILE;
	self.fate = fate_of(&self);
	children = self.depth < LEVELS ? rand() % 4 + (rand() % 20 ? 0 : 40) : 0;
	n_nodes += by_start;
	while (children-- && n_nodes < NODES)
		grow(&self, by_start);
	self.end = now++;
	if (!by_start)
		place = n_nodes++;
	nodes[place] = self;
}

static void add_all(struct call_tree *t)
{
	size_t i;

	for (i = 0; i < n_nodes; i++)
		assert_int_equal(call_tree__add(t, nodes[i].start, nodes[i].end, nodes[i].flags),
				 0);
}

static void test_random_trees(void **state)
{
	int round, again;

	(void)state;
	srand(1);
	for (round = 0; round < 400; round++) {
		struct call_tree t = { .limited = round % 4 > 1, .max_depth = round % 7 };
		size_t i, left_out = 0;

		limit = t.limited ? t.max_depth : 1000;
		now = -500; /* times may be before zero */
		n_nodes = 0;
		while (n_nodes < NODES)
			grow(NULL, round % 2);
		add_all(&t);
		again = call_tree__decide(&t);
		if (round % 2) {
			assert_int_equal(again, -EAGAIN);
			add_all(&t);
			again = call_tree__decide(&t);
		}
		assert_int_equal(again, 0);
		for (again = 0; again < 2; again++) {
			for (i = 0; i < n_nodes; i++)
				assert_int_equal(call_tree__next(&t), nodes[i].fate);
			call_tree__rewind(&t);
		}
		for (i = 0; i < n_nodes; i++)
			left_out += nodes[i].fate == CALL_LEFT_OUT;
		assert_int_equal(t.left_out, left_out);
		call_tree__release(&t);
	}
}

static void test_equal_times(void **state)
{
	struct call_tree t = { .limited = true, .max_depth = 1 };

	(void)state;
	assert_int_equal(call_tree__add(&t, 10, 20, 0), 0);
	assert_int_equal(call_tree__add(&t, 10, 20, 0), 0); /* calls the first */
	assert_int_equal(call_tree__add(&t, 20, 30, 0), 0);
	assert_int_equal(call_tree__decide(&t), 0);
	assert_int_equal(call_tree__next(&t), CALL_TOO_DEEP);
	assert_int_equal(call_tree__next(&t), CALL_KEPT);
	assert_int_equal(call_tree__next(&t), CALL_KEPT);
	call_tree__release(&t);
}

/* Rounded times: the callee seems to end after its caller. */
static void test_rounded_times(void **state)
{
	struct call_tree t = {};

	(void)state;
	assert_int_equal(call_tree__add(&t, 12, 21, 0), 0);
	assert_int_equal(call_tree__add(&t, 10, 20, CALL_HIDDEN | CALL_CUTS), 0);
	assert_int_equal(call_tree__decide(&t), 0);
	assert_int_equal(call_tree__next(&t), CALL_LEFT_OUT);
	call_tree__release(&t);
}

static void test_no_order(void **state)
{
	struct call_tree t = {};

	(void)state;
	assert_int_equal(call_tree__add(&t, 100, 200, 0), 0);
	assert_int_equal(call_tree__add(&t, 10, 20, 0), 0);
	assert_int_equal(call_tree__add(&t, 110, 120, 0), 0);
	assert_int_equal(call_tree__add(&t, 100, 130, 0), 0);
	assert_int_equal(call_tree__decide(&t), -EILSEQ);
	call_tree__release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_trees),
		cmocka_unit_test(test_equal_times),
		cmocka_unit_test(test_rounded_times),
		cmocka_unit_test(test_no_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
