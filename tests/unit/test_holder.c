// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/trace/holder.h"

/* Stands for the links: a pipe end that only the holder keeps open. Its closing is their release. */
struct fake_links {
	int keep, other;
	int err;
};

static int attach(void *ctx, char *why, size_t why_size)
{
	struct fake_links *f = ctx;

	close(f->other);
	if (f->err)
		snprintf(why, why_size, "no such luck");
	return f->err;
}

static void make_links(struct fake_links *f, int err)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	f->other = fds[0];
	f->keep = fds[1];
	f->err = err;
}

/* The reading end sees the end of file when nobody holds the other one any more. */
static int released(const struct fake_links *f)
{
	char c;

	return read(f->other, &c, 1) == 0;
}

static void test_links_go_with_the_holder(void **state)
{
	struct fake_links f;
	struct holder h = {};
	char why[64];

	(void)state;
	make_links(&f, 0);
	assert_int_equal(holder__start(&h, attach, &f, why, sizeof(why)), 0);
	close(f.keep);
	assert_int_equal(kill(h.pid, 0), 0);
	assert_int_equal(holder__stop(&h), 0);
	assert_true(released(&f));
	assert_int_equal(holder__stop(&h), 0);
	close(f.other);
}

static void test_released_holder_goes_by_itself(void **state)
{
	struct fake_links f;
	struct holder h = {};
	char why[64];

	(void)state;
	make_links(&f, 0);
	assert_int_equal(holder__start(&h, attach, &f, why, sizeof(why)), 0);
	close(f.keep);
	holder__release(&h);
	assert_true(released(&f));
	assert_int_equal(kill(h.pid, 0), 0); /* a zombie */
	holder__release(&h);
	assert_int_equal(holder__stop(&h), 0);
	assert_int_equal(h.pid, 0);
	holder__release(&h);
	close(f.other);
}

static void test_failure_is_told(void **state)
{
	struct fake_links f;
	struct holder h = {};
	char why[64] = "";

	(void)state;
	make_links(&f, -EPERM);
	assert_int_equal(holder__start(&h, attach, &f, why, sizeof(why)), -EPERM);
	assert_string_equal(why, "no such luck");
	assert_int_equal(h.pid, 0);
	close(f.keep);
	close(f.other);
}

static int attach_and_die(void *ctx, char *why, size_t why_size)
{
	(void)ctx;
	(void)why;
	(void)why_size;
	raise(SIGKILL);
	return 0;
}

static void test_death_while_attaching(void **state)
{
	struct holder h = {};
	char why[64] = "";

	(void)state;
	assert_int_equal(holder__start(&h, attach_and_die, NULL, why, sizeof(why)), -ECHILD);
	assert_true(strlen(why) > 0);
	assert_int_equal(h.pid, 0);
}

/* vtbpf is killed: the holder must notice, and go by itself. */
static void test_parent_killed(void **state)
{
	struct fake_links f;
	int status;
	pid_t pid;

	(void)state;
	make_links(&f, 0);
	pid = fork();
	if (!pid) {
		struct holder h = {};
		char why[64];

		if (holder__start(&h, attach, &f, why, sizeof(why)))
			_exit(1);
		raise(SIGKILL);
	}
	close(f.keep);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	alarm(10); /* a holder that stays would hang the test */
	assert_true(released(&f));
	alarm(0);
	close(f.other);
}

/* Ctrl-C reaches the whole foreground group, the holder too. */
static void test_signals_do_not_end_it(void **state)
{
	struct fake_links f;
	struct holder h = {};
	char why[64];

	(void)state;
	make_links(&f, 0);
	assert_int_equal(holder__start(&h, attach, &f, why, sizeof(why)), 0);
	close(f.keep);
	kill(h.pid, SIGINT);
	kill(h.pid, SIGTERM);
	kill(h.pid, SIGHUP);
	usleep(50000);
	assert_int_equal(waitpid(h.pid, NULL, WNOHANG), 0);
	holder__stop(&h);
	close(f.other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links_go_with_the_holder),
		cmocka_unit_test(test_released_holder_goes_by_itself),
		cmocka_unit_test(test_failure_is_told),
		cmocka_unit_test(test_death_while_attaching),
		cmocka_unit_test(test_parent_killed),
		cmocka_unit_test(test_signals_do_not_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
