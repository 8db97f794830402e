// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include <cmocka.h>

#include "../../user/function_filter.h"
#include "../../bpf/vtbpf.h"

#define SUBTREE (VTBPF_HIDE_CALL | VTBPF_HIDE_BELOW)
#define LIST(...)                                                                   \
	{                                                                           \
		.items = (const char *[]){ __VA_ARGS__ },                           \
		.n = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *) \
	}

static int verdict(const struct function_filter *f, const char *name, const char *file)
{
	return function_filter__verdict(f, name, file);
}

static void test_nothing_set(void **state)
{
	struct function_filter f = { 0 };

	(void)state;
	assert_false(function_filter__is_set(&f));
	assert_false(function_filter__cuts(&f));
	assert_int_equal(verdict(&f, "f", "/a.py"), 0);
}

static void test_ignore(void **state)
{
	struct function_filter f = { .ignore = LIST("Monitor.*", "*/db.py:connect", "[gh]") };

	(void)state;
	assert_true(function_filter__is_set(&f));
	assert_true(function_filter__cuts(&f));
	assert_int_equal(verdict(&f, "Monitor.run", "/a.py"), SUBTREE);
	assert_int_equal(verdict(&f, "Monitor", "/a.py"), 0);
	assert_int_equal(verdict(&f, "connect", "/x/y/db.py"), SUBTREE);
	assert_int_equal(verdict(&f, "connect", "/x/y/mydb.pyc"), 0);
	assert_int_equal(verdict(&f, "h", ""), SUBTREE);
	assert_int_equal(verdict(&f, "f.<locals>.<lambda>", "/a.py"), 0);
}

static void test_only(void **state)
{
	struct function_filter f = { .only = LIST("handle_*") };

	(void)state;
	assert_false(function_filter__cuts(&f));
	assert_int_equal(verdict(&f, "handle_request", "/a.py"), 0);
	assert_int_equal(verdict(&f, "helper", "/a.py"), VTBPF_HIDE_CALL);
}

static void test_files(void **state)
{
	struct function_filter f = { .include_files = LIST("src", "/opt/lib/", "*/tools/*.py"),
				     .cwd = "/home/u/app" };

	(void)state;
	assert_int_equal(verdict(&f, "f", "/home/u/app/src/a.py"), 0);
	assert_int_equal(verdict(&f, "f", "src/a.py"), 0);
	assert_int_equal(verdict(&f, "f", "./src/../src/a.py"), 0);
	assert_int_equal(verdict(&f, "f", "/opt/lib/b.py"), 0);
	assert_int_equal(verdict(&f, "f", "/opt/library/b.py"), VTBPF_HIDE_CALL);
	assert_int_equal(verdict(&f, "f", "/x/tools/b.py"), 0);
	assert_int_equal(verdict(&f, "f", "/elsewhere/src/a.py"), VTBPF_HIDE_CALL);
	assert_int_equal(verdict(&f, "f", "<string>"), VTBPF_HIDE_CALL);
	f.cut = true;
	assert_true(function_filter__cuts(&f));
	assert_int_equal(verdict(&f, "f", "<string>"), SUBTREE);
}

static void test_exclude_files(void **state)
{
	struct function_filter f = { .exclude_files =
					     LIST("/usr/lib/python3", "<frozen*", "../shared") };

	(void)state;
	f.cwd = "/home/u/app";
	assert_int_equal(verdict(&f, "f", "/usr/lib/python3.11/json/__init__.py"), VTBPF_HIDE_CALL);
	assert_int_equal(verdict(&f, "f", "<frozen importlib._bootstrap>"), VTBPF_HIDE_CALL);
	assert_int_equal(verdict(&f, "f", "/home/u/shared/x.py"), VTBPF_HIDE_CALL);
	assert_int_equal(verdict(&f, "f", "/home/u/app/x.py"), 0);
}

static void test_together(void **state)
{
	struct function_filter f = { .include_files = LIST("/app/"),
				     .exclude_files = LIST("/app/vendor/"),
				     .only = LIST("*view*") };

	(void)state;
	assert_int_equal(verdict(&f, "view", "/app/a.py"), 0);
	assert_int_equal(verdict(&f, "view", "/app/vendor/a.py"), VTBPF_HIDE_CALL);
	assert_int_equal(verdict(&f, "other", "/app/a.py"), VTBPF_HIDE_CALL);
	f.ignore = (struct str_list)LIST("view");
	assert_int_equal(verdict(&f, "view", "/app/a.py"), SUBTREE);
}

/* C functions have no file. */
static void test_c_functions(void **state)
{
	struct function_filter f = { .c_calls = LIST("time.*", "list.append") };

	(void)state;
	assert_true(function_filter__is_set(&f));
	assert_int_equal(verdict(&f, "time.sleep", ""), 0);
	assert_int_equal(verdict(&f, "list.append", ""), 0);
	assert_int_equal(verdict(&f, "builtins.len", ""), VTBPF_HIDE_CALL);
	assert_int_equal(verdict(&f, "len", "/app/a.py"), 0);
	f = (struct function_filter){ .exclude_files = LIST("/"), .include_files = LIST("/app") };
	assert_int_equal(verdict(&f, "builtins.len", ""), 0);
	f = (struct function_filter){ .ignore = LIST("builtins.l*") };
	assert_int_equal(verdict(&f, "builtins.len", ""), SUBTREE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_set),   cmocka_unit_test(test_ignore),
		cmocka_unit_test(test_only),	      cmocka_unit_test(test_files),
		cmocka_unit_test(test_exclude_files), cmocka_unit_test(test_together),
		cmocka_unit_test(test_c_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
