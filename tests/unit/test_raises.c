// SPDX-License-Identifier: GPL-2.0-only
/* Which triggers wait for an exception, and what the kernel side is told of it. That side is here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/trace/raises.h"

#define QUIET_NS 1000
#define TYPES 4

/* In place of tracer_raises.c. */
struct tracer {
	uint64_t quiet_ns, unsaid, quiet;
	struct vtbpf_rec_raise last;
	unsigned int decided;
	struct raise_key key;
	struct raise_state state;
};

void tracer__quiet_raises_for(struct tracer *t, uint64_t ns)
{
	t->quiet_ns = ns;
}

void tracer__decide_raise(struct tracer *t, const struct raise_key *key,
			  const struct raise_state *state)
{
	t->decided++;
	t->key = *key;
	t->state = *state;
}

uint64_t tracer__unsaid_raises(const struct tracer *t, struct vtbpf_rec_raise *last)
{
	*last = t->last;
	return t->unsaid;
}

uint64_t tracer__quiet_raises(const struct tracer *t)
{
	return t->quiet;
}

/* ---- the triggers ----------------------------------------------------------------------- */

struct fixture {
	struct tracer t;
	struct trigger_expr exprs[TYPES];
	struct raises *r;
};

static int setup(void **state)
{
	static const char *const texts[TYPES] = { "slow:parse>1s", "exception:Value*",
						  "exception:*@*/web.py:get",
						  "exception:Oops@parse" };
	struct fixture *f = calloc(1, sizeof(*f));
	char why[256];

	for (size_t i = 0; i < TYPES; i++)
		assert_int_equal(trigger_expr__parse(texts[i], &f->exprs[i], why, sizeof(why)), 0);
	f->r = raises__new(&f->t, f->exprs, TYPES, QUIET_NS);
	assert_non_null(f->r);
	raises__function(f->r, 1, "get", "/srv/web.py");
	raises__function(f->r, 2, "parse", "/srv/text.py");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	raises__free(f->r);
	for (size_t i = 0; i < TYPES; i++)
		trigger_expr__release(&f->exprs[i]);
	free(f);
	return 0;
}

static uint32_t judge(struct fixture *f, uint32_t code, const char *type, const char *called)
{
	struct vtbpf_rec_raise rec = { .ts = 5000, .code = code };
	char name[128];
	uint32_t mask;

	memcpy(rec.type, type, strlen(type));
	mask = raises__judge(f->r, &rec, name, sizeof(name));
	assert_string_equal(name, called);
	return mask;
}

static void assert_told(const struct fixture *f, unsigned int times, enum raise_verdict verdict)
{
	assert_int_equal(f->t.decided, times);
	assert_int_equal(f->t.state.verdict, verdict);
	assert_int_equal(f->t.state.quiet_until, verdict == RAISE_TELL ? 5000 + QUIET_NS : 0);
}

static void test_types_and_functions(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->t.quiet_ns, QUIET_NS);
	assert_int_equal(judge(f, 1, "KeyError", "KeyError in get"), 1 << 2);
	assert_told(f, 1, RAISE_TELL);
	assert_int_equal(judge(f, 1, "ValueError", "ValueError in get"), 1 << 1 | 1 << 2);
	assert_int_equal(judge(f, 2, "pkg.Oops", "pkg.Oops in parse"), 1 << 3);
	assert_int_equal(f->t.key.code, 2);
	assert_string_equal(f->t.key.type, "pkg.Oops");
	assert_int_equal(judge(f, 2, "KeyError", "KeyError in parse"), 0);
	assert_told(f, 4, RAISE_DROP);
}

/* What has no name yet is not decided for ever: it may get one that is waited for. */
static void test_name_comes_late(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(judge(f, 9, "Oops", "Oops"), 0);
	assert_int_equal(f->t.decided, 0);
	assert_int_equal(judge(f, 9, "ValueError", "ValueError"), 1 << 1);
	assert_told(f, 1, RAISE_TELL);
	raises__function(f->r, 9, "parse", "/x.py");
	assert_int_equal(judge(f, 9, "Oops", "Oops in parse"), 1 << 3);
	assert_told(f, 2, RAISE_TELL);
}

/* Ids are used again: for another function, or for all others after a restart. */
static void test_forgotten(void **state)
{
	struct fixture *f = *state;

	raises__function(f->r, 1, "other", "/other.py"); /* known already */
	assert_int_equal(judge(f, 1, "KeyError", "KeyError in get"), 1 << 2);
	raises__forget(f->r, 1);
	raises__forget(f->r, 77);
	assert_int_equal(judge(f, 1, "KeyError", "KeyError"), 0);
	raises__function(f->r, 1, "other", "/other.py");
	assert_int_equal(judge(f, 1, "KeyError", "KeyError in other"), 0);
	assert_told(f, 2, RAISE_DROP);
	raises__restart(f->r);
	assert_int_equal(judge(f, 2, "Oops", "Oops"), 0);
}

/* A type whose name fills the record has no NUL there. */
static void test_long_type(void **state)
{
	struct fixture *f = *state;
	char type[VTBPF_TYPE_BYTES + 1] = "Value", called[128];

	memset(type + 5, 'x', VTBPF_TYPE_BYTES - 5);
	type[VTBPF_TYPE_BYTES] = '\0';
	strcpy(called, type);
	strcat(called, " in get");
	assert_int_equal(judge(f, 1, type, called), 1 << 1 | 1 << 2);
	assert_memory_equal(f->t.key.type, type, VTBPF_TYPE_BYTES);
}

static void test_unsaid(void **state)
{
	struct fixture *f = *state;
	struct vtbpf_rec_raise rec;

	f->t.last.ts = 77;
	assert_false(raises__unsaid(f->r, &rec));
	f->t.unsaid = 3;
	assert_true(raises__unsaid(f->r, &rec));
	assert_int_equal(rec.ts, 77);
	assert_false(raises__unsaid(f->r, &rec));
	f->t.quiet = 12;
	assert_int_equal(raises__quiet(f->r), 12);
}

#define RAISES_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RAISES_TEST(test_types_and_functions),
		RAISES_TEST(test_name_comes_late),
		RAISES_TEST(test_forgotten),
		RAISES_TEST(test_long_type),
		RAISES_TEST(test_unsaid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
