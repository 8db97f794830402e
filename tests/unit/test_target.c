// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../user/discover/elf_image.h"
#include "../../user/discover/target.h"
#include "pythons.h"

static struct target t;
static char why[512];

static void test_no_such_process(void **state)
{
	(void)state;
	assert_int_equal(target__open(0, &t, why, sizeof(why)), -ESRCH);
	assert_int_equal(target__open(-5, &t, why, sizeof(why)), -ESRCH);
	assert_int_equal(target__open(INT_MAX, &t, why, sizeof(why)), -ESRCH);
	assert_string_equal(why, "no such process");
	target__close(&t);
}

static void test_zombie(void **state)
{
	pid_t pid = fork();
	siginfo_t info;

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(target__open(pid, &t, why, sizeof(why)), -ESRCH);
	assert_non_null(strstr(why, "zombie"));
	waitpid(pid, NULL, 0);
}

static void *open_own_thread(void *arg)
{
	*(int *)arg = target__open((pid_t)syscall(SYS_gettid), &t, why, sizeof(why));
	return NULL;
}

static void test_thread_id(void **state)
{
	char expected[64];
	pthread_t thread;
	int err;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, open_own_thread, &err), 0);
	pthread_join(thread, NULL);
	assert_int_equal(err, -EINVAL);
	snprintf(expected, sizeof(expected), "thread of process %d", (int)getpid());
	assert_non_null(strstr(why, expected));
}

static void test_no_python(void **state)
{
	int err = target__open(getpid(), &t, why, sizeof(why));

	(void)state;
	if (err == -EACCES) {
		print_message("skipped: %s\n", why);
		skip();
	}
	assert_int_equal(err, -ENOENT);
	assert_true(why[0]);
	assert_null(t.cmdline);
	assert_int_equal(t.interp_fd, -1);
}

/* Starts argv; waits for the line it writes when it runs. */
static pid_t start(const char *const argv[], int *out)
{
	int fds[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	if (read(fds[0], &byte, 1) != 1) {
		close(fds[0]);
		waitpid(pid, NULL, 0);
		return -1;
	}
	return pid;
}

static void stop(pid_t pid, int out)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(out);
}

#define SCRIPT "import sys, time; sys.stdout.write('x'); sys.stdout.flush(); time.sleep(60)"

/* The code at load_bias + vaddr is that of the file. */
static void check_load_bias(pid_t pid)
{
	struct elf_image *img = elf_image__new(t.interp_fd);
	struct elf_symbol sym;
	uint8_t bytes[32];
	char path[64];
	int fd;

	assert_non_null(img);
	assert_true(elf_image__symbol(img, "_PyEval_EvalFrameDefault", &sym));
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, bytes, 32, (off_t)(t.load_bias + sym.vaddr)), 32);
	assert_memory_equal(bytes, elf_image__bytes(img, sym.vaddr, 32), 32);
	close(fd);
	elf_image__free(img);
}

static void check_target(pid_t pid)
{
	char cwd[PATH_MAX];

	assert_int_equal(t.pid, pid);
	assert_int_equal(t.ns_pid, pid);
	assert_int_equal(t.uid, geteuid());
	assert_true(t.proc_start > 0 && t.pidfd >= 0 && t.root_fd >= 0);
	assert_string_equal(t.cwd, getcwd(cwd, sizeof(cwd)));
	assert_true(t.cmdline_len > strlen(SCRIPT));
	assert_true(t.comm[0] && t.interp[0] == '/');
	check_load_bias(pid);
}

/* Opens a started Python and looks at what is known of it; false without the permission to. */
static bool try_program(const char *const argv[])
{
	int out, err;
	pid_t pid = start(argv, &out);

	if (pid < 0)
		return true;
	err = target__open(pid, &t, why, sizeof(why));
	if (!err) {
		check_target(pid);
		target__close(&t);
	} else if (err != -EACCES) {
		print_message("%s: %s\n", argv[0], why);
		assert_int_equal(err, 0);
	}
	stop(pid, out);
	return !err;
}

static void test_pythons(void **state)
{
	glob_t found;
	size_t i;

	(void)state;
	pythons__programs(&found);
	for (i = 0; i < found.gl_pathc; i++) {
		const char *argv[] = { found.gl_pathv[i], "-S", "-E", "-c", SCRIPT, NULL };

		if (!try_program(argv))
			break;
	}
	globfree(&found);
	if (!found.gl_pathc || i < found.gl_pathc) {
		print_message("skipped: %s\n", found.gl_pathc ? why : "no python3.X found");
		skip();
	}
}

/* The program that /proc/PID/exe names is the dynamic linker. */
static void test_started_by_linker(void **state)
{
	static const char linker[] = "/lib64/ld-linux-x86-64.so.2";
	bool allowed = true;
	glob_t found;
	size_t i;

	(void)state;
	pythons__programs(&found);
	for (i = 0; i < found.gl_pathc && allowed && access(linker, X_OK) == 0; i++) {
		const char *argv[] = { linker, found.gl_pathv[i], "-S", "-E", "-c", SCRIPT, NULL };

		allowed = try_program(argv);
	}
	globfree(&found);
	if (!i || !allowed) {
		print_message("skipped: %s\n", i ? why : "no python3.X, or no such linker");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_such_process), cmocka_unit_test(test_zombie),
		cmocka_unit_test(test_thread_id),	cmocka_unit_test(test_no_python),
		cmocka_unit_test(test_pythons),		cmocka_unit_test(test_started_by_linker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
