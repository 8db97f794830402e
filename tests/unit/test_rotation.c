// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../../user/rotation.h"

struct fixture {
	char dir[64], output[128];
	struct rotation r;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/vtbpf-[rotation]-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->output, sizeof(f->output), "%s/a.b.json.gz", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	rotation__free(&f->r);
	snprintf(command, sizeof(command), "rm -r '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* Writes one more; the path is the caller's. */
static char *write_next(struct fixture *f)
{
	char *path = rotation__next_path(&f->r);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fclose(out);
	rotation__written(&f->r, path);
	return path;
}

static bool is_there(const char *path)
{
	return !access(path, F_OK);
}

static void test_names(void **state)
{
	struct fixture *f = *state;
	char *one, *two;

	assert_int_equal(rotation__start(&f->r, f->output, 0), 0);
	one = write_next(f);
	two = write_next(f);
	assert_int_equal(fnmatch("*/a.b-[0-9]*-[0-9]*-1.json.gz", one, 0), 0);
	assert_int_equal(fnmatch("*/a.b-[0-9]*-[0-9]*-2.json.gz", two, 0), 0);
	assert_true(is_there(one) && is_there(two));
	free(one);
	free(two);
}

static void test_keeps_newest(void **state)
{
	struct fixture *f = *state;
	char *paths[4];

	assert_int_equal(rotation__start(&f->r, f->output, 2), 0);
	for (int i = 0; i < 4; i++)
		paths[i] = write_next(f);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(is_there(paths[i]), i >= 2);
		free(paths[i]);
	}
}

/* Only what carries the mark is adopted; where there are no such marks, nothing is. */
static void test_earlier_run(void **state)
{
	struct fixture *f = *state;
	char foreign[160], *old, *new_one;
	FILE *out;
	bool marked;

	snprintf(foreign, sizeof(foreign), "%s/a.b-20200101-000000-1.json.gz", f->dir);
	out = fopen(foreign, "w");
	assert_non_null(out);
	fclose(out);
	assert_int_equal(rotation__start(&f->r, f->output, 1), 0);
	old = write_next(f);
	marked = lgetxattr(old, "user.vtbpf.rotation", NULL, 0) > 0;
	rotation__free(&f->r);
	assert_int_equal(rotation__start(&f->r, f->output, 1), 0);
	assert_int_equal(f->r.n, marked);
	new_one = write_next(f);
	assert_true(is_there(foreign));
	assert_true(is_there(new_one));
	assert_int_equal(is_there(old), !marked);
	free(old);
	free(new_one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keeps_newest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_earlier_run, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
