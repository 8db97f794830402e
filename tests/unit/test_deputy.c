// SPDX-License-Identifier: GPL-2.0-only
/* A deputy opens what its ids may open, signals whom they may signal, and needs vtbpf's rights once. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/caps.h"
#include "../../user/trace/deputy.h"

#define SOMEBODY 64321 /* whom no test is run as */

static char dir[] = "/tmp/vtbpf-deputy-XXXXXX";
static int root_fd;

static void put_file(const char *name, const char *text, mode_t mode)
{
	int fd = openat(root_fd, name, O_CREAT | O_WRONLY, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int setup(void **state)
{
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	chmod(dir, 0755);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	root_fd = fd;
	put_file("public.py", "public", 0644);
	put_file("private.py", "private", 0600);
	assert_int_equal(symlinkat("public.py", root_fd, "link.py"), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlinkat(root_fd, "public.py", 0);
	unlinkat(root_fd, "private.py", 0);
	unlinkat(root_fd, "link.py", 0);
	return rmdir(dir);
}

static void assert_reads(uid_t uid, const char *path, const char *text)
{
	char got[64] = "";
	int fd = deputy__open(uid, uid, root_fd, path);

	assert_true(fd >= 0);
	assert_true(read(fd, got, sizeof(got) - 1) >= 0);
	assert_string_equal(got, text);
	close(fd);
}

static void test_own_rights(void **state)
{
	(void)state;
	assert_reads(getuid(), "/public.py", "public");
	assert_reads(getuid(), "/../../private.py", "private");
	assert_int_equal(deputy__open(getuid(), getuid(), root_fd, "/missing.py"), -ENOENT);
	assert_int_equal(deputy__open(getuid(), getuid(), root_fd, "/link.py"), -ELOOP);
}

static void test_others_rights(void **state)
{
	(void)state;
	if (geteuid()) {
		assert_int_equal(deputy__ensure(SOMEBODY, SOMEBODY), -EPERM);
		skip();
	}
	assert_reads(SOMEBODY, "/public.py", "public");
	assert_int_equal(deputy__open(SOMEBODY, SOMEBODY, root_fd, "/private.py"), -EACCES);
}

static pid_t sleeper(uid_t uid)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (setresuid(uid, uid, uid))
		_exit(1);
	for (;;)
		pause();
}

/* In a child, which may give its capabilities up: 0 when all was as it should be. */
static int without_capabilities(pid_t other, pid_t roots)
{
	if (caps__keep(CAP_MASK(CAP_SYS_PTRACE)) || caps__effective() & CAP_MASK(CAP_KILL))
		return 1;
	if (kill(other, SIGTERM) != -1 || errno != EPERM)
		return 2;
	if (deputy__kill(other, SIGTERM))
		return 3;
	if (deputy__ensure(SOMEBODY - 1, SOMEBODY - 1) != -EPERM)
		return 4;
	if (deputy__open(SOMEBODY, SOMEBODY, root_fd, "/private.py") != -EACCES)
		return 5;
	return deputy__kill(roots, SIGKILL) ? 6 : 0;
}

static void test_after_giving_up(void **state)
{
	pid_t other, roots, child;
	int status;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(deputy__ensure(SOMEBODY, SOMEBODY), 0);
	other = sleeper(SOMEBODY);
	roots = sleeper(0);
	usleep(100000); /* the first of them becomes somebody */
	child = fork();
	if (!child)
		_exit(without_capabilities(other, roots));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(waitpid(roots, &status, 0), roots);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_rights),
		cmocka_unit_test(test_others_rights),
		cmocka_unit_test(test_after_giving_up),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
