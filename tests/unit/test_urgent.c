// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/urgent.h"

/* Each test in a child: what it does to itself must not stay. Its status says what went wrong. */
static void in_child(int (*test)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(test());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static int comes_and_goes(void)
{
	if (setpriority(PRIO_PROCESS, 0, 7) || sched_getscheduler(0) != SCHED_OTHER)
		return 1;
	if (urgent__begin())
		return 77; /* not allowed to this user */
	if (sched_getscheduler(0) != SCHED_FIFO || urgent__begin())
		return 2;
	for (int i = 0; i < 1000; i++)
		urgent__breathe();
	if (sched_getscheduler(0) != SCHED_FIFO)
		return 3;
	urgent__end();
	if (sched_getscheduler(0) != SCHED_OTHER || getpriority(PRIO_PROCESS, 0) != 7)
		return 4;
	urgent__end();
	for (int i = 0; i < 1000; i++)
		urgent__breathe();
	return sched_getscheduler(0) == SCHED_OTHER ? 0 : 5;
}

static void test_comes_and_goes(void **state)
{
	(void)state;
	in_child(comes_and_goes);
}

static int keeps_policy(void)
{
	const struct sched_param none = {};
	const int before = SCHED_BATCH | SCHED_RESET_ON_FORK;

	if (sched_setscheduler(0, before, &none))
		return 1;
	if (urgent__begin())
		return 77;
	if (sched_getscheduler(0) != (SCHED_FIFO | SCHED_RESET_ON_FORK))
		return 2;
	urgent__end();
	return sched_getscheduler(0) == before ? 0 : 3;
}

static void test_keeps_policy(void **state)
{
	(void)state;
	in_child(keeps_policy);
}

/* Who has a real-time priority already keeps it. */
static int leaves_real_time(void)
{
	const struct sched_param high = { .sched_priority = 5 };
	struct sched_param got;

	if (sched_setscheduler(0, SCHED_RR, &high))
		return 77;
	if (urgent__begin())
		return 2;
	urgent__breathe();
	urgent__end();
	sched_getparam(0, &got);
	return sched_getscheduler(0) == SCHED_RR && got.sched_priority == 5 ? 0 : 3;
}

static void test_leaves_real_time(void **state)
{
	(void)state;
	in_child(leaves_real_time);
}

/* Without the privilege nothing changes. */
static int refused(void)
{
	const struct rlimit none = {};

	if (setrlimit(RLIMIT_RTPRIO, &none) || (!geteuid() && setuid(65534)))
		return 77;
	if (!urgent__begin() || !urgent__begin())
		return 1;
	urgent__breathe();
	urgent__end();
	return sched_getscheduler(0) == SCHED_OTHER ? 0 : 2;
}

static void test_refused(void **state)
{
	(void)state;
	in_child(refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_and_goes),
		cmocka_unit_test(test_keeps_policy),
		cmocka_unit_test(test_leaves_real_time),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
