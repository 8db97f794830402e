// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../user/discover/proc_maps.h"

static struct proc_map map;

static void test_line(void **state)
{
	(void)state;
	assert_true(proc_maps__parse("0041f000-006cf000 r-xp 0001f000 fe:01 132   "
				     "                    /usr/bin/python3.11\n",
				     &map));
	assert_int_equal(map.start, 0x41f000);
	assert_int_equal(map.end, 0x6cf000);
	assert_int_equal(map.offset, 0x1f000);
	assert_int_equal(map.dev_major, 0xfe);
	assert_int_equal(map.dev_minor, 1);
	assert_int_equal(map.inode, 132);
	assert_true(map.exec);
	assert_false(map.deleted);
	assert_string_equal(map.path, "/usr/bin/python3.11");
}

static void test_names(void **state)
{
	(void)state;
	assert_true(proc_maps__parse("1000-2000 r--p 0 00:00 1 /a b\\012c (deleted)", &map));
	assert_string_equal(map.path, "/a b\nc");
	assert_true(map.deleted);
	assert_false(map.exec);
	assert_true(proc_maps__parse("1000-2000 r--p 0 00:00 1 /x (deleted) y\n", &map));
	assert_string_equal(map.path, "/x (deleted) y");
	assert_false(map.deleted);
	assert_true(proc_maps__parse("1000-2000 r--p 0 00:00 1 /a\\134b\\01\n", &map));
	assert_string_equal(map.path, "/a\\134b\\01"); /* the kernel escapes newlines only */
	assert_true(proc_maps__parse("7ffc0000-7ffd0000 rw-p 00000000 00:00 0  [stack]\n", &map));
	assert_string_equal(map.path, "[stack]");
	assert_true(proc_maps__parse("7ffc0000-7ffd0000 rw-p 00000000 00:00 0 \n", &map));
	assert_string_equal(map.path, "");
}

static void test_long_name(void **state)
{
	static char line[10000];

	(void)state;
	strcpy(line, "1000-2000 r-xp 0 00:00 1 /");
	memset(line + strlen(line), 'x', 8000);
	assert_true(proc_maps__parse(line, &map));
	assert_int_equal(strlen(map.path), sizeof(map.path) - 1);
}

static void test_no_lines_of_maps(void **state)
{
	static const char *const lines[] = { "",
					     "\n",
					     "hello",
					     "1000-2000",
					     "1000-2000 r-xp 0 0 1 /a",
					     "2000-1000 r-xp 0 00:00 1 /a",
					     "1000-2000 rx 0 00:00 1 /a" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_false(proc_maps__parse(lines[i], &map));
}

static int find_code(const struct proc_map *m, void *arg)
{
	uintptr_t here = (uintptr_t)find_code;

	if (here < m->start || here >= m->end)
		return 0;
	*(bool *)arg = m->exec;
	return 7;
}

static void test_own_maps(void **state)
{
	FILE *in = fopen("/proc/self/maps", "r");
	bool exec = false;

	(void)state;
	assert_non_null(in);
	assert_int_equal(proc_maps__each(in, find_code, &exec), 7);
	assert_true(exec);
	fclose(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),	  cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_name), cmocka_unit_test(test_no_lines_of_maps),
		cmocka_unit_test(test_own_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
