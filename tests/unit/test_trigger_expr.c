// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/trigger_expr.h"

struct expected {
	enum trigger_kind kind;
	const char *function, *type;
	uint64_t limit;
};

static void same(const char *a, const char *b)
{
	if (a && b)
		assert_string_equal(a, b);
	else
		assert_ptr_equal(a, b);
}

static void good(const char *text, struct expected x)
{
	struct trigger_expr e;
	char why[256] = "";

	if (trigger_expr__parse(text, &e, why, sizeof(why)))
		fail_msg("%s: %s", text, why);
	assert_int_equal(e.kind, x.kind);
	same(e.function, x.function);
	same(e.type, x.type);
	assert_int_equal(e.limit, x.limit);
	trigger_expr__release(&e);
}

static void test_good(void **state)
{
	(void)state;
	good("slow:f>50ms", (struct expected){ TRIGGER_SLOW, "f", NULL, 50000000 });
	good("slow:*/web.py:Session.*>1.5s",
	     (struct expected){ TRIGGER_SLOW, "*/web.py:Session.*", NULL, 1500000000 });
	good("slow:main.<locals>.<lambda>>20us",
	     (struct expected){ TRIGGER_SLOW, "main.<locals>.<lambda>", NULL, 20000 });
	good("gc>20ms", (struct expected){ TRIGGER_GC, NULL, NULL, 20000000 });
	good("rate:often>1000/s", (struct expected){ TRIGGER_RATE, "often", NULL, 1000 });
	good("anomaly:handle_*", (struct expected){ TRIGGER_ANOMALY, "handle_*", NULL, 0 });
	good("anomaly:a>b", (struct expected){ TRIGGER_ANOMALY, "a>b", NULL, 0 });
	good("exception:*Error", (struct expected){ TRIGGER_EXCEPTION, NULL, "*Error", 0 });
	good("exception:KeyError@Cache.*",
	     (struct expected){ TRIGGER_EXCEPTION, "Cache.*", "KeyError", 0 });
}

static void test_bad(void **state)
{
	static const char *const texts[] = {
		"",
		"slow",
		"slow:",
		"slow:f",
		"slow:>50ms",
		"slow:f>",
		"slow:f>50",
		"slow:f>0ms",
		"slow:f>fast",
		"slow:<lambda>",
		"gc",
		"gc:x",
		"gc>",
		"gc>20",
		"rate:f>10",
		"rate:>10/s",
		"rate:f>0/s",
		"rate:f>-1/s",
		"rate:f>1/m",
		"rate:f>9999999999999999999999/s",
		"anomaly:",
		"exception:",
		"exception:@",
		"exception:@f",
		"exception:X@",
		"fast:f>1s",
		" slow:f>1s",
	};
	struct trigger_expr e;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char why[256] = "";

		if (trigger_expr__parse(texts[i], &e, why, sizeof(why)) != -EINVAL)
			fail_msg("'%s' was taken", texts[i]);
		assert_true(strlen(why) > 10);
		assert_null(e.function);
		assert_null(e.type);
	}
}

static bool matches(const char *text, const char *name, const char *file)
{
	struct trigger_expr e;
	char why[256];
	bool yes;

	assert_int_equal(trigger_expr__parse(text, &e, why, sizeof(why)), 0);
	yes = trigger_expr__matches(&e, name, file);
	trigger_expr__release(&e);
	return yes;
}

static void test_functions(void **state)
{
	(void)state;
	assert_true(matches("anomaly:f", "f", "/a/b.py"));
	assert_false(matches("anomaly:f", "ff", "/a/b.py"));
	assert_true(matches("anomaly:S.*", "S.f", "/a/b.py"));
	assert_true(matches("anomaly:*/b.py:f", "f", "/a/b.py"));
	assert_false(matches("anomaly:*/c.py:f", "f", "/a/b.py"));
	assert_false(matches("gc>1s", "f", "/a/b.py"));
}

static void test_types(void **state)
{
	struct trigger_expr e;
	char why[256];

	(void)state;
	assert_int_equal(trigger_expr__parse("exception:Key*", &e, why, sizeof(why)), 0);
	assert_true(trigger_expr__matches_type(&e, "KeyError"));
	assert_true(trigger_expr__matches_type(&e, "some.module.KeyFault"));
	assert_false(trigger_expr__matches_type(&e, "ValueError"));
	trigger_expr__release(&e);
	assert_int_equal(trigger_expr__parse("exception:some.*Fault", &e, why, sizeof(why)), 0);
	assert_true(trigger_expr__matches_type(&e, "some.module.KeyFault"));
	assert_false(trigger_expr__matches_type(&e, "KeyFault"));
	trigger_expr__release(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
