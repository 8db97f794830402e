// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../user/discover/proc_task.h"

#define REST " 1 2 3 4 5 6 7 8 9 10 30 12 13 14 15 16 17 18 1234"

static void test_stat(void **state)
{
	struct proc_task t;

	(void)state;
	assert_int_equal(proc_task__parse_stat("17 (python3) S" REST, &t), 0);
	assert_string_equal(t.comm, "python3");
	assert_int_equal(t.state, 'S');
	assert_int_equal(t.ticks, 42);
	assert_int_equal(t.start, 1234);
	/* names may look like what follows them */
	assert_int_equal(proc_task__parse_stat("17 (a) R 1 (b\n) D" REST, &t), 0);
	assert_string_equal(t.comm, "a) R 1 (b\n");
	assert_int_equal(t.state, 'D');
	assert_int_equal(proc_task__parse_stat("17 () R" REST, &t), 0);
	assert_string_equal(t.comm, "");
	assert_int_equal(proc_task__parse_stat("", &t), -EINVAL);
	assert_int_equal(proc_task__parse_stat(")17 (", &t), -EINVAL);
	assert_int_equal(proc_task__parse_stat("17 (python3) S 1 2 3", &t), -EINVAL);
}

static void test_any_syscall(void **state)
{
	struct proc_syscall call;

	(void)state;
	assert_int_equal(
		proc_task__parse_syscall("23 0x0 0x1f 0x2 0x0 0x0 0x0 0x7ffe 0x7f11\n", &call), 0);
	assert_int_equal(call.number, 23);
	assert_int_equal(call.args[0], 0);
	assert_int_equal(call.args[1], 0x1f);
	assert_int_equal(proc_task__parse_syscall("running\n", &call), -EAGAIN);
	assert_int_equal(proc_task__parse_syscall("-1 0x7ffe 0x7f11\n", &call), 0);
	assert_int_equal(call.number, -1);
	assert_int_equal(proc_task__parse_syscall("", &call), -ENOENT);
}

static void test_long_name(void **state)
{
	char text[400];
	struct proc_task t;

	(void)state;
	snprintf(text, sizeof(text), "17 (%0200d) S" REST, 0);
	assert_int_equal(proc_task__parse_stat(text, &t), 0);
	assert_int_equal(strlen(t.comm), sizeof(t.comm) - 1);
}

static void test_syscall(void **state)
{
	uint64_t addr = 0;
	char text[128];

	(void)state;
	snprintf(text, sizeof(text), "%d 0x7f0012345678 0x80 0x0 0x0 0x0 0x0 0x7ffe 0x7f11\n",
		 SYS_futex);
	assert_int_equal(proc_task__parse_futex(text, &addr), 0);
	assert_int_equal(addr, 0x7f0012345678);
	snprintf(text, sizeof(text), "%d 0x10 0x80", SYS_restart_syscall);
	assert_int_equal(proc_task__parse_futex(text, &addr), 0);
	assert_int_equal(addr, 0x10);
	snprintf(text, sizeof(text), "%d 0x10 0x80", SYS_read);
	assert_int_equal(proc_task__parse_futex(text, &addr), -ENOENT);
	assert_int_equal(proc_task__parse_futex("running\n", &addr), -EAGAIN);
	assert_int_equal(proc_task__parse_futex("-1 0x7ffe 0x7f11\n", &addr), -ENOENT);
	assert_int_equal(proc_task__parse_futex("", &addr), -ENOENT);
	assert_int_equal(addr, 0x10);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pid_t waiter;

static void *wait_for_mutex(void *arg)
{
	prctl(PR_SET_NAME, "waits (here) ");
	__atomic_store_n(&waiter, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

/* A thread of this process that waits for a mutex of known address. */
static void test_waiting_thread(void **state)
{
	struct proc_task t = { 0 };
	uint64_t addr = 0, begin = (uintptr_t)&mutex;
	pthread_t thread;
	size_t n, i;
	pid_t *tids;
	int err;

	(void)state;
	pthread_mutex_lock(&mutex);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_mutex, NULL), 0);
	for (i = 0; i < 2000 && t.state != 'S'; i++) {
		usleep(1000);
		if (__atomic_load_n(&waiter, __ATOMIC_ACQUIRE))
			assert_int_equal(proc_task__read(getpid(), waiter, &t), 0);
	}
	assert_int_equal(t.state, 'S');
	assert_string_equal(t.comm, "waits (here) ");
	err = proc_task__futex(getpid(), waiter, &addr);
	if (err)
		printf("# skip: this process may not see what it does itself\n");
	else
		assert_true(addr >= begin && addr < begin + sizeof(mutex));
	assert_int_equal(proc_task__list(getpid(), &tids, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(tids[0], getpid());
	assert_int_equal(tids[1], waiter);
	free(tids);
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, NULL);
}

static void test_gone(void **state)
{
	struct proc_task t;
	uint64_t addr;
	pid_t pid = fork(), *tids;
	size_t n;

	(void)state;
	if (!pid)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(proc_task__list(pid, &tids, &n), -ESRCH);
	assert_null(tids);
	assert_int_equal(proc_task__read(pid, pid, &t), -ESRCH);
	assert_int_equal(proc_task__futex(pid, pid, &addr), -ENOENT);
	assert_int_equal(proc_task__on_cpu(pid, pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat),	       cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_any_syscall),    cmocka_unit_test(test_syscall),
		cmocka_unit_test(test_waiting_thread), cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
