// SPDX-License-Identifier: GPL-2.0-only
/* What is gathered of real interpreters, against what they say of themselves. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../user/discover/live_threads.h"
#include "py_child.h"

#define SCRIPT "tests/data/py_threads.py"
#define CHURN_READS 100

struct fact {
	uint64_t ident;
	int tid, daemon;
	bool named;
};

struct facts {
	size_t n;
	struct fact fact[512];
};

static bool read_facts(struct py_child *c, struct facts *facts)
{
	struct fact *f;
	int at;

	facts->n = 0;
	while (py_child__line(c) && strcmp(c->line, "ready")) {
		f = &facts->fact[facts->n];
		if (sscanf(c->line, "T %lu %d %d %n", &f->ident, &f->tid, &f->daemon, &at) != 3)
			continue;
		f->named = c->line[at] != '-';
		facts->n++;
	}
	return c->line;
}

typedef void (*check_fn)(struct py_reader *r, pid_t pid, const struct facts *facts);

static bool check_one(const char *python, const char *mode, check_fn check)
{
	static struct facts facts;
	struct py_reader *r = NULL;
	struct py_child child;
	char why[256] = "it cannot run the script";
	bool ran;

	assert_true(py_child__start(&child, python, SCRIPT, mode));
	if (read_facts(&child, &facts))
		r = py_child__reader(child.pid, why, sizeof(why));
	ran = r;
	if (r)
		check(r, child.pid, &facts);
	else
		printf("# skip: %s %s: %s\n", python, mode, why);
	py_reader__free(r);
	py_child__stop(&child);
	return ran;
}

static void check_all(const char *mode, check_fn check)
{
	size_t i, ran = 0;

	for (i = 0; i < interpreters.n; i++)
		ran += check_one(interpreters.paths[i], mode, check);
	if (!ran)
		skip();
}

static const struct live_thread *thread_of(const struct live_threads *live, uint64_t ident)
{
	size_t i;

	for (i = 0; i < live->n; i++) {
		if (live->threads[i].ident == ident)
			return &live->threads[i];
	}
	fail_msg("thread %lu is missing", ident);
	return NULL;
}

static void check_fact(const struct live_threads *live, const struct fact *f)
{
	const struct live_thread *t = thread_of(live, f->ident);

	assert_true(t->python && t->function && t->file && t->line);
	assert_true(!!t->name == f->named);
	/* up to 3.10 the script does not know the tid of a thread that bypasses threading */
	if (f->tid)
		assert_int_equal(t->tid, f->tid);
	assert_true(t->tid > 0);
	if (f->named)
		assert_int_equal(t->daemon, f->daemon ? LIVE_YES : LIVE_NO);
	assert_true(t->state == LIVE_SLEEPING || t->state == LIVE_RUNNING ||
		    t->state == LIVE_GIL_WAIT);
}

static void check_threads(struct py_reader *r, pid_t pid, const struct facts *facts)
{
	struct live_threads live;
	size_t i;

	assert_int_equal(live_threads__read(r, pid, &live), 0);
	assert_int_equal(live.n, facts->n);
	for (i = 0; i < facts->n; i++)
		check_fact(&live, &facts->fact[i]);
	for (i = 1; i < live.n; i++)
		assert_true(live.threads[i].tid > live.threads[i - 1].tid);
	live_threads__free(&live);
	assert_int_equal(live.n, 0);
}

static void test_threads(void **state)
{
	(void)state;
	check_all("threads", check_threads);
}

static void check_bare(struct py_reader *r, pid_t pid, const struct facts *facts)
{
	struct live_threads live;
	siginfo_t info;

	(void)facts;
	assert_int_equal(live_threads__read(r, pid, &live), 0);
	assert_int_equal(live.n, 1);
	assert_int_equal(live.threads[0].tid, pid);
	assert_string_equal(live.threads[0].name, "MainThread");
	assert_int_equal(live.threads[0].daemon, LIVE_NO);
	assert_string_equal(live.threads[0].function, "wait_for_end");
	assert_non_null(strstr(live.threads[0].file, "py_threads.py"));
	live_threads__free(&live);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(live_threads__read(r, pid, &live), -ESRCH);
	assert_int_equal(live.n, 0);
}

static void test_bare(void **state)
{
	(void)state;
	check_all("bare", check_bare);
}

static void check_churn(struct py_reader *r, pid_t pid, const struct facts *facts)
{
	struct live_threads live;
	size_t i, frames = 0;
	int reads;

	(void)facts;
	for (reads = 0; reads < CHURN_READS; reads++) {
		assert_int_equal(live_threads__read(r, pid, &live), 0);
		assert_true(live.n >= 5 && live.n < 100);
		for (i = 0; i < live.n; i++)
			frames += live.threads[i].file != NULL;
		live_threads__free(&live);
	}
	/* the main thread and the four that start others have one at all times */
	assert_true(frames > CHURN_READS * 4);
}

static void test_churn(void **state)
{
	(void)state;
	check_all("churn", check_churn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_churn),
	};

	return cmocka_run_group_tests(tests, interpreters__setup, interpreters__teardown);
}
