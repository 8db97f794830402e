// SPDX-License-Identifier: GPL-2.0-only
/* Profiles: their functions, their calls callers first, and the stacks that these add up to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../user/decode/call_walk.h"
#include "../../user/decode/profile_stacks.h"

struct seen {
	const struct profile *p;
	char text[4096]; /* (name inner... ), callers first */
};

static int enter(void *arg, struct walk_frame *frame, const struct walk_frame *parent)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	assert_true(!parent || (parent->start <= frame->start && parent->end >= frame->end));
	snprintf(s->text + n, sizeof(s->text) - n, "(%s", s->p->functions[frame->function].name.p);
	return 0;
}

static int leave(void *arg, struct walk_frame *frame, const struct walk_frame *parent)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	(void)parent;
	snprintf(s->text + n, sizeof(s->text) - n, " %d)",
		 (int)(frame->end - frame->start - frame->inner_ns));
	return 0;
}

static void expect(const struct profile *p, const struct profile_track *t, const char *text)
{
	struct seen s = { .p = p };
	const struct walk_visitor v = { .enter = enter, .leave = leave, .arg = &s };

	assert_int_equal(call_walk__run(p, t, &v), 0);
	assert_string_equal(s.text, text);
}

static uint32_t function(struct profile *p, const char *name)
{
	const struct profile_function f = { { name, strlen(name) }, { "f.py", 4 }, 7 };
	int64_t n = profile__function(p, &f);

	assert_true(n >= 0);
	return (uint32_t)n;
}

static void add(struct profile *p, struct profile_track *t, const char *name, uint64_t start,
		uint64_t end)
{
	const struct profile_call call = { start, end - start, function(p, name), 0 };

	assert_int_equal(profile__add(p, t, &call), 0);
}

static void test_functions(void **state)
{
	struct profile *p = profile__new(NULL);
	const struct profile_function same = { { "a", 1 }, { "f.py", 4 }, 7 };
	const struct profile_function other_line = { { "a", 1 }, { "f.py", 4 }, 8 };
	const struct profile_function other_cut = { { "af", 2 }, { ".py", 3 }, 7 };
	const struct profile_function no_file = { { "len", 3 }, { NULL, 0 }, 0 };
	const struct profile_function nul = { { "a\0b", 3 }, { "f.py", 4 }, 7 };
	char label[64];
	size_t n;

	(void)state;
	assert_int_equal(function(p, "a"), 0);
	assert_int_equal(function(p, "b"), 1);
	assert_int_equal(profile__function(p, &same), 0);
	assert_int_equal(profile__function(p, &other_line), 2);
	assert_int_equal(profile__function(p, &other_cut), 3);
	assert_int_equal(profile__function(p, &no_file), 4);
	assert_int_equal(profile__function(p, &nul), 5);
	n = profile__put_label(&p->functions[2], label);
	assert_true(n < profile__label_size(&p->functions[2]));
	assert_memory_equal(label, "a (f.py:8)", n);
	n = profile__put_label(&p->functions[4], label);
	assert_memory_equal(label, "len", n);
	n = profile__put_label(&p->functions[5], label);
	assert_memory_equal(label, "a\0b (f.py:7)", n);
	profile__free(p);
}

/* main( a( leaf leaf ) a( leaf ) ), as a capture has it */
static void add_tree(struct profile *p, struct profile_track *t)
{
	add(p, t, "leaf", 11, 12);
	add(p, t, "leaf", 12, 15);
	add(p, t, "a", 10, 20);
	add(p, t, "leaf", 31, 33);
	add(p, t, "a", 30, 40);
	add(p, t, "main", 0, 100);
}

static void test_callees_first(void **state)
{
	struct profile *p = profile__new(NULL);
	struct profile_track *t = profile__track(p, "main", 4);

	(void)state;
	add_tree(p, t);
	assert_int_equal(profile__settle(p), 0);
	assert_int_equal(p->n_tracks, 1);
	/* from the last to the first */
	expect(p, t, "(main(a(leaf 2) 8)(a(leaf 3)(leaf 1) 6) 80)");
	assert_int_equal(p->calls, 6);
	assert_int_equal(p->start, 0);
	assert_int_equal(p->end, 100);
	profile__free(p);
}

static void test_callers_first(void **state)
{
	struct profile *p = profile__new(NULL);
	struct profile_track *t = profile__track(p, "main", 4);

	(void)state;
	add(p, t, "main", 0, 100);
	add(p, t, "a", 10, 20);
	add(p, t, "leaf", 10, 12);
	add(p, t, "leaf", 12, 20);
	add(p, t, "b", 20, 30);
	assert_int_equal(profile__settle(p), 0);
	expect(p, t, "(main(a(leaf 2)(leaf 8) 0)(b 10) 80)");
	profile__free(p);
}

/* Calls of no duration, and calls that touch. */
static void test_edges(void **state)
{
	struct profile *p = profile__new(NULL);
	struct profile_track *t = profile__track(p, "main", 4);

	(void)state;
	add(p, t, "a", 5, 5);
	add(p, t, "b", 5, 8);
	add(p, t, "c", 8, 8);
	add(p, t, "d", 8, 9);
	add(p, t, "same", 3, 9);
	add(p, t, "main", 3, 9);
	assert_int_equal(profile__settle(p), 0);
	assert_int_equal(p->n_tracks, 1);
	expect(p, t, "(main(same(d(c 0) 1)(b(a 0) 3) 2) 0)");
	profile__free(p);
}

static void test_does_not_nest(void **state)
{
	struct profile *p = profile__new(NULL);
	struct profile_track *t = profile__track(p, "main", 4);

	(void)state;
	t->tid = 7;
	add(p, t, "in b", 6, 8);
	add(p, t, "a", 0, 10);
	add(p, t, "b", 5, 15);
	add(p, t, "c", 20, 30);
	assert_int_equal(profile__settle(p), 0);
	assert_int_equal(p->n_tracks, 2);
	expect(p, t, "(c 10)(b(in b 2) 8)");
	expect(p, p->tracks[1], "(a 10)");
	assert_string_equal(p->tracks[1]->name.p, "main <overlapping>");
	assert_int_equal(p->tracks[1]->tid, 7);
	assert_int_equal(p->dropped, 0);
	profile__free(p);
}

static void test_no_order(void **state)
{
	struct profile *p = profile__new(NULL);
	struct profile_track *t = profile__track(p, "main", 4);

	(void)state;
	add(p, t, "a", 10, 20);
	add(p, t, "b", 0, 5);
	add(p, t, "c", 30, 40);
	assert_int_equal(profile__settle(p), -EILSEQ);
	profile__free(p);
}

static void test_cancel(void **state)
{
	struct profile *p = profile__new(NULL);
	struct profile_track *t = profile__track(p, "main", 4);
	struct seen s = { .p = p };
	const struct walk_visitor v = { .enter = enter, .arg = &s };
	volatile bool cancel = true;
	uint64_t i;

	(void)state;
	for (i = 0; i < 5000; i++)
		add(p, t, "a", i, i + 1);
	p->cancel = &cancel;
	assert_int_equal(call_walk__run(p, t, &v), -ECANCELED);
	profile__free(p);
}

/* ---- stacks ----------------------------------------------------------------------------- */

static const struct stack_node *find(const struct stack_tree *tree, uint32_t parent, uint32_t frame)
{
	size_t i;

	for (i = 1; i < tree->n; i++) {
		if (tree->nodes[i].parent == parent && tree->nodes[i].frame == frame)
			return &tree->nodes[i];
	}
	fail_msg("no frame %u beneath %u", frame, parent);
	return NULL;
}

static void test_stacks(void **state)
{
	static const uint32_t frame_of[] = { 100, 101, 102 };
	struct profile *p = profile__new(NULL);
	struct profile_track *t = profile__track(p, "main", 4);
	const struct stack_node *n;
	struct stack_tree tree;

	(void)state;
	add_tree(p, t); /* leaf is function 0, a 1, main 2 */
	assert_int_equal(stack_tree__init(&tree), 0);
	assert_int_equal(profile_stacks__add(p, t, &tree, STACK_ROOT, frame_of), 0);
	assert_int_equal(profile_stacks__add(p, t, &tree, STACK_ROOT, frame_of), 0);
	assert_int_equal(tree.n, 4);
	n = find(&tree, STACK_ROOT, 102);
	assert_int_equal(n->count, 2);
	assert_int_equal(n->self, 160);
	n = find(&tree, (uint32_t)(n - tree.nodes), 101);
	assert_int_equal(n->count, 4);
	assert_int_equal(n->self, 28);
	n = find(&tree, (uint32_t)(n - tree.nodes), 100);
	assert_int_equal(n->count, 6);
	assert_int_equal(n->self, 12);
	stack_tree__release(&tree);
	profile__free(p);
}

static void test_many_stacks(void **state)
{
	struct stack_tree tree;
	uint32_t i;

	(void)state;
	assert_int_equal(stack_tree__init(&tree), 0);
	for (i = 0; i < 50000; i++)
		assert_int_equal(stack_tree__child(&tree, i, i % 17), i + 1);
	for (i = 0; i < 50000; i++)
		assert_int_equal(stack_tree__child(&tree, i, i % 17), i + 1);
	assert_int_equal(tree.n, 50001);
	stack_tree__release(&tree);
}

/* In any order. */
static void test_gil_waits(void **state)
{
	struct profile *p = profile__new(NULL);
	struct profile_track *t = profile__track(p, "t", 1), *other = profile__track(p, "o", 1);

	(void)state;
	assert_false(p->gil_watched);
	profile__gil_wait(p, t, 50, 10);
	profile__gil_wait(p, t, 20, 5);
	assert_true(p->gil_watched);
	assert_int_equal(t->gil_wait, 15);
	assert_int_equal(t->gil_first, 20);
	assert_int_equal(t->gil_last, 60);
	assert_int_equal(other->gil_wait, 0);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gil_waits),     cmocka_unit_test(test_functions),
		cmocka_unit_test(test_callees_first), cmocka_unit_test(test_callers_first),
		cmocka_unit_test(test_edges),	      cmocka_unit_test(test_does_not_nest),
		cmocka_unit_test(test_no_order),      cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_stacks),	      cmocka_unit_test(test_many_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
