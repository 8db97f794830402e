// SPDX-License-Identifier: GPL-2.0-only
/* Names of one output's several files: what they end in says the format, and none is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/stamped_path.h"

#define STAMP "-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]-[0-9][0-9][0-9][0-9][0-9][0-9]-"

static void test_extension(void **state)
{
	static const struct {
		const char *path, *extension;
	} cases[] = {
		{ "a.json", ".json" },
		{ "a.b.json.gz", ".json.gz" },
		{ "d.x/a.speedscope.json", ".speedscope.json" },
		{ "a.pb.gz", ".pb.gz" },
		{ "a.txt.gz", ".gz" },
		{ "d.x/a", "" },
		{ "/.hidden", "" },
		{ ".json.gz", ".gz" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(stamped_path__extension(cases[i].path), cases[i].extension);
}

static void expect(const char *output, const char *dir, const char *pattern)
{
	unsigned int count = 4;
	char *path = stamped_path__new(output, dir, &count);

	assert_non_null(path);
	assert_int_equal(count, 5);
	if (fnmatch(pattern, path, FNM_PATHNAME))
		fail_msg("%s is not %s", path, pattern);
	free(path);
}

static void test_names(void **state)
{
	(void)state;
	expect("a.speedscope.json", NULL, "a" STAMP "5.speedscope.json");
	expect("d/a.pb.gz", "/home/x", "/home/x/d/a" STAMP "5.pb.gz");
	expect("/tmp/a", "/home/x", "/tmp/a" STAMP "5");
}

static void test_taken(void **state)
{
	char dir[] = "/tmp/vtbpf-stamped-XXXXXX", output[64], *paths[3];
	unsigned int count = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(output, sizeof(output), "%s/a.json", dir);
	for (int i = 0; i < 3; i++) {
		paths[i] = stamped_path__new(output, NULL, &count);
		assert_non_null(paths[i]);
		close(open(paths[i], O_CREAT | O_EXCL, 0600));
		count = 0; /* as another run would begin */
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(unlink(paths[i]), 0); /* three different ones */
		free(paths[i]);
	}
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extension),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
