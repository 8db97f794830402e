// SPDX-License-Identifier: GPL-2.0-only
/* The hint at processes in containers, from a forged /proc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../../user/discover/inner_pid.h"

#define SAID "no such process"

static char proc[] = "/tmp/vtbpf-proc-XXXXXX";

static void put(const char *pid, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", proc, pid);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/%s", proc, pid, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void make(const char *pid, const char *status, const char *command)
{
	put(pid, "status", status);
	put(pid, "cmdline", command);
}

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(proc));
	make("7", "Pid:\t7\nNSpid:\t7\n", "python3");
	make("4001", "Pid:\t4001\nNSpid:\t4001\t1\n", "/usr/bin/python3");
	make("4002", "Pid:\t4002\nNSpid:\t4002\t1\n", "/sbin/init");
	make("4003", "Pid:\t4003\nNSpid:\t4003\t12\t7\n", "/opt/python3.12");
	make("4004", "garbage", "python3");
	make("bus", "Pid:\t1\nNSpid:\t9\t7\n", "python3");
	for (int i = 5000; i < 5020; i++) {
		char pid[16], status[64];

		snprintf(pid, sizeof(pid), "%d", i);
		snprintf(status, sizeof(status), "NSpid:\t%d\t33\n", i);
		make(pid, status, "python3");
	}
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", proc);
	return system(command);
}

static void check(pid_t pid, const char *expected)
{
	char why[512] = SAID;

	inner_pid__explain(proc, pid, why, sizeof(why));
	assert_string_equal(why, expected);
}

static void test_hint(void **state)
{
	(void)state;
	check(1, SAID "; in containers, it is what these call themselves: 4001; give that number");
	check(7, SAID "; in containers, it is what these call themselves: 4003; give that number");
	check(2, SAID);
	check(12, SAID); /* what its outer namespace calls 4003 */
}

/* Many, and little room: as many as there is room for, and no byte more. */
static void test_room(void **state)
{
	char why[600], small[sizeof(SAID) + 20];
	size_t n = 0;

	(void)state;
	strcpy(why, SAID);
	inner_pid__explain(proc, 33, why, sizeof(why));
	for (const char *p = why; (p = strstr(p, "50")); p++)
		n++;
	assert_int_equal(n, 5);
	for (size_t size = sizeof(SAID); size <= sizeof(small); size++) {
		memset(small, '#', sizeof(small));
		strcpy(small, SAID);
		inner_pid__explain(proc, 33, small, size);
		assert_true(strlen(small) < size);
	}
	strcpy(why, SAID);
	inner_pid__explain("/nowhere", 33, why, sizeof(why));
	assert_string_equal(why, SAID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
