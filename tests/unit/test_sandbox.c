// SPDX-License-Identifier: GPL-2.0-only
/* What is refused in a sandbox, what ends the process, and that the rest goes on. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/sandbox.h"

/* The wait status of a child that does it in the sandbox. */
static int in_sandbox(enum sandbox which, int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		sandbox__enter(which);
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int is_filtered(void)
{
	int fd = open("/proc/self/status", O_RDONLY);
	char text[8192] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 1;
	return strstr(text, "Seccomp:\t2") ? 0 : 2;
}

/* Nothing is, in a build with sanitizers. */
static void need_filter(void)
{
	if (in_sandbox(SANDBOX_CONVERT, is_filtered))
		skip();
}

static void *in_thread(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static int ordinary_work(void)
{
	char path[] = "/tmp/vtbpf-sandbox-XXXXXX", byte = 'x', *memory = malloc(1 << 20);
	int fd = mkstemp(path), ran = 0, fds[2];
	pthread_t thread;

	if (fd < 0 || write(fd, &byte, 1) != 1 || unlink(path) || close(fd) || !memory)
		return 1;
	free(memory);
	if (pthread_create(&thread, NULL, in_thread, &ran) || pthread_join(thread, NULL) || !ran)
		return 2;
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) ? 3 : 0;
}

static int refused(long result)
{
	return result == -1 && errno == ENOSYS;
}

static int dangerous_work(void)
{
	if (!refused(socket(AF_INET, SOCK_STREAM, 0)))
		return 1;
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0) != MAP_FAILED)
		return 2;
	if (!refused(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)))
		return 3;
	if (!refused(syscall(SYS_symlinkat, "/etc/passwd", AT_FDCWD, "/tmp/link")))
		return 4;
	return 0;
}

static int convert_only(void)
{
	if (!refused(syscall(SYS_bpf, 0, NULL, 0)))
		return 1;
	if (!refused(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0)))
		return 2;
	if (fork() != -1)
		return 3;
	return dangerous_work();
}

static int forks(void)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		_exit(dangerous_work()); /* which holds for children, too */

	return pid > 0 && waitpid(pid, &status, 0) == pid ? status >> 8 : 1;
}

static int executes(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return 0;
}

static int writes_to_others(void)
{
	syscall(SYS_process_vm_writev, getppid(), NULL, 0, NULL, 0, 0);
	return 0;
}

static int opens_by_name(void)
{
	return open("/etc/passwd", O_RDONLY) == -1 && errno == ENOSYS ? 0 : 1;
}

static void test_what_goes_on(void **state)
{
	(void)state;
	need_filter();
	assert_int_equal(in_sandbox(SANDBOX_CONVERT, ordinary_work), 0);
	assert_int_equal(in_sandbox(SANDBOX_RECORD, ordinary_work), 0);
}

static void test_what_is_refused(void **state)
{
	(void)state;
	need_filter();
	assert_int_equal(in_sandbox(SANDBOX_CONVERT, convert_only), 0);
	assert_int_equal(in_sandbox(SANDBOX_RECORD, forks), 0);
	assert_int_equal(in_sandbox(SANDBOX_DEPUTY, opens_by_name), 0);
}

static void assert_killed(int status)
{
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void test_what_ends_it(void **state)
{
	static const enum sandbox all[] = { SANDBOX_RECORD, SANDBOX_CONVERT, SANDBOX_DEPUTY };

	(void)state;
	need_filter();
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_killed(in_sandbox(all[i], executes));
		assert_killed(in_sandbox(all[i], writes_to_others));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_goes_on),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_what_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
