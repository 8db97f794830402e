// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../user/trace/bystanders.h"

#define OURS 7 /* a process that does not count */

static char proc[64];

static int setup(void **state)
{
	(void)state;
	strcpy(proc, "/tmp/vtbpf-proc-XXXXXX");
	return mkdtemp(proc) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", proc);
	return system(command);
}

static void put(const char *pid, const char *maps)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", proc, pid);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%s/maps", proc, pid);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(maps, out);
	fclose(out);
}

static bool is_ours(const void *ctx, pid_t pid)
{
	return pid == *(const pid_t *)ctx;
}

static size_t count(void)
{
	pid_t ours = OURS;

	return bystanders__count(proc, 42, "/usr/bin/python3.11", is_ours, &ours);
}

static void test_same_file(void **state)
{
	(void)state;
	assert_int_equal(count(), 0);
	put("7", "1000-2000 r-xp 00001000 08:01 42 /usr/bin/python3.11\n");
	assert_int_equal(count(), 0);
	put("8", "0-1000 r--p 00000000 08:01 42 /usr/bin/python3.11\n"
		 "1000-2000 r-xp 00001000 08:01 42 /usr/bin/python3.11\n");
	assert_int_equal(count(), 1);
	/* The same file by another path and on what maps calls another device, as in a container. */
	put("9", "1000-2000 r-xp 00001000 00:2f 42 /merged/usr/bin/python3.11\n");
	assert_int_equal(count(), 2);
}

static void test_other_files(void **state)
{
	(void)state;
	put("8", "1000-2000 r-xp 00001000 08:01 43 /usr/bin/python3.11\n");
	put("9", "1000-2000 r-xp 00001000 08:01 42 /usr/bin/bash\n");
	put("10", "1000-2000 r--p 00001000 08:01 42 /usr/bin/python3.11\n"); /* read, not run */
	put("11", "");							     /* a kernel thread */
	put("self", "1000-2000 r-xp 00001000 08:01 42 /usr/bin/python3.11\n");
	assert_int_equal(count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
