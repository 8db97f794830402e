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
#include <unistd.h>

#include "../../user/discover/process_watch.h"

#define SECOND 1000000000ULL

struct fixture {
	char proc[64];
	struct str_list command_lines, cgroups;
	struct process_watch *watch;
	char found[256]; /* what a scan named */
	bool take;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->proc, "/tmp/vtbpf-proc-XXXXXX");
	assert_non_null(mkdtemp(f->proc));
	f->take = true;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	process_watch__free(f->watch);
	snprintf(command, sizeof(command), "rm -r %s", f->proc);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void put(const struct fixture *f, int pid, const char *file, const char *text, size_t len)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%d", f->proc, pid);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%d/%s", f->proc, pid, file);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, len, out), len);
	fclose(out);
}

static void put_process(const struct fixture *f, int pid, int start, const char *cmdline,
			size_t len)
{
	char stat[256];
	int n = snprintf(stat, sizeof(stat),
			 "%d (a) b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n", pid, start);

	put(f, pid, "stat", stat, (size_t)n);
	put(f, pid, "cmdline", cmdline, len);
	put(f, pid, "cgroup", "", 0);
}

#define PUT_PROCESS(f, pid, start, cmdline) put_process(f, pid, start, cmdline, sizeof(cmdline) - 1)

static void remove_process(const struct fixture *f, int pid)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s/%d", f->proc, pid);
	assert_int_equal(system(command), 0);
}

static bool on_found(void *ctx, pid_t pid)
{
	struct fixture *f = ctx;

	sprintf(f->found + strlen(f->found), "%d ", pid);
	return f->take;
}

/* Looks at `seconds`; returns what was named. */
static const char *scan(struct fixture *f, double seconds)
{
	const struct process_rules rules = { &f->command_lines, &f->cgroups };

	if (!f->watch)
		f->watch = process_watch__new(f->proc, &rules);
	f->found[0] = '\0';
	assert_int_equal(process_watch__scan(f->watch, (uint64_t)(seconds * SECOND), on_found, f),
			 0);
	return f->found;
}

static void test_command_lines(void **state)
{
	const char *globs[] = { "gunicorn*", "/usr/bin/python3 */app.py -v" };
	struct fixture *f = *state;

	f->command_lines = (struct str_list){ globs, 2 };
	PUT_PROCESS(f, 10, 1, "gunicorn: worker\0\0\0\0\0");
	PUT_PROCESS(f, 11, 1, "xgunicorn");
	PUT_PROCESS(f, 12, 1, "/usr/bin/python3\0/srv/x/app.py\0-v\0");
	PUT_PROCESS(f, 13, 1, "/usr/bin/python3\0/srv/x/app.py\0-v\0-x\0");
	PUT_PROCESS(f, 14, 1, "");
	scan(f, 1);
	assert_non_null(strstr(f->found, "10 "));
	assert_non_null(strstr(f->found, "12 "));
	assert_int_equal(strlen(f->found), 6);
	assert_string_equal(scan(f, 2), ""); /* once is enough */
}

static void test_new_and_again(void **state)
{
	const char *globs[] = { "py*" };
	struct fixture *f = *state;

	f->command_lines = (struct str_list){ globs, 1 };
	PUT_PROCESS(f, 10, 1, "sh");
	assert_string_equal(scan(f, 1), "");
	PUT_PROCESS(f, 10, 1, "python3"); /* it called execve() */
	assert_string_equal(scan(f, 1.3), "10 ");
	assert_string_equal(scan(f, 1.6), "");
	PUT_PROCESS(f, 10, 7, "python3"); /* another process with that pid */
	assert_string_equal(scan(f, 1.9), "10 ");
	remove_process(f, 10);
	assert_string_equal(scan(f, 2), "");
	PUT_PROCESS(f, 10, 7, "python3");
	assert_string_equal(scan(f, 2.3), "10 ");
	process_watch__again(f->watch, 10);
	assert_string_equal(scan(f, 100), "10 ");
	assert_string_equal(scan(f, 100.3), "");
}

/* Who is not taken is named again, ever more seldom. */
static void test_not_taken(void **state)
{
	const char *globs[] = { "*" };
	struct fixture *f = *state;
	int named = 0;

	f->command_lines = (struct str_list){ globs, 1 };
	f->take = false;
	PUT_PROCESS(f, 10, 1, "python3");
	for (int i = 0; i < 240; i++)
		named += *scan(f, 1 + i * 0.25) != '\0';
	assert_in_range(named, 6, 12);
}

static void test_old_ones_change(void **state)
{
	const char *globs[] = { "gunicorn*" };
	struct fixture *f = *state;
	int scans = 0;

	f->command_lines = (struct str_list){ globs, 1 };
	PUT_PROCESS(f, 10, 1, "python3");
	scan(f, 1);
	PUT_PROCESS(f, 10, 1, "gunicorn: master");
	while (!*scan(f, 60 + scans * 0.25))
		assert_true(++scans < 12);
}

static void test_cgroups(void **state)
{
	static const char v2[] = "0::/system.slice/web.service/worker\n";
	static const char v1[] = "12:pids:/other\n4:cpu,cpuacct:/web\n";
	static const char near[] = "0::/system.slice/web.service2\n";
	static const struct {
		const char *path, *found;
	} cases[] = {
		{ "/system.slice/web.service", "10 " },
		{ "/sys/fs/cgroup/system.slice/web.service/", "10 " },
		{ "/system.slice/web.service/worker", "10 " },
		{ "/system.slice/web.service/worker/x", "" },
		{ "/sys/fs/cgroup/cpu,cpuacct/web", "11 " },
		{ "/web", "11 " },
		{ "/we", "" },
	};
	struct fixture *f = *state;

	PUT_PROCESS(f, 10, 1, "a");
	PUT_PROCESS(f, 11, 1, "b");
	PUT_PROCESS(f, 12, 1, "c");
	put(f, 10, "cgroup", v2, sizeof(v2) - 1);
	put(f, 11, "cgroup", v1, sizeof(v1) - 1);
	put(f, 12, "cgroup", near, sizeof(near) - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *paths[] = { cases[i].path };

		f->cgroups = (struct str_list){ paths, 1 };
		assert_string_equal(scan(f, 1), cases[i].found);
		process_watch__free(f->watch);
		f->watch = NULL;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_command_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_and_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_ones_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cgroups, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
