// SPDX-License-Identifier: GPL-2.0-only
/* What py_threads reads of real interpreters, against what they say of themselves. */
#include <errno.h>
#include <sched.h>
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

#include "../../user/discover/py_threads.h"
#include "py_child.h"

#define SCRIPT "tests/data/py_threads.py"
#define CHURN_READS 2000
#define MAX_ROWS 512

/* One line of the script: a thread as Python sees it. */
struct row {
	uint64_t ident;
	pid_t native;
	bool daemon;
	char *name; /* NULL: it has none */
};

struct rows {
	size_t n;
	struct row row[MAX_ROWS];
	uint64_t handler; /* an object that has a _name but is no Thread */
	pid_t pid;	  /* of the process the rows are about */
};

static char *from_hex(const char *hex)
{
	size_t n = strlen(hex) / 2, i;
	char *text = malloc(n + 1);
	unsigned int byte;

	assert_non_null(text);
	for (i = 0; i < n; i++) {
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		text[i] = byte;
	}
	text[n] = '\0';
	return text;
}

static void parse_row(struct rows *rows, const char *line)
{
	struct row *row = &rows->row[rows->n];
	int daemon, at = 0;

	assert_true(rows->n < MAX_ROWS);
	assert_int_equal(sscanf(line, "T %lu %d %d %n", &row->ident, &row->native, &daemon, &at),
			 3);
	row->daemon = daemon;
	row->name = line[at] == '-' ? NULL : from_hex(line + at);
	rows->n++;
}

/* Reads the script's lines up to "ready". False when it ended before. */
static bool read_rows(struct py_child *c, struct rows *rows)
{
	memset(rows, 0, sizeof(*rows));
	rows->pid = c->pid;
	while (py_child__line(c)) {
		if (!strcmp(c->line, "ready"))
			return true;
		if (c->line[0] == 'T')
			parse_row(rows, c->line);
		else if (c->line[0] == 'H')
			rows->handler = strtoull(c->line + 2, NULL, 10);
		else if (c->line[0] == 'P')
			rows->pid = atoi(c->line + 2);
	}
	return false;
}

static void free_rows(struct rows *rows)
{
	while (rows->n)
		free(rows->row[--rows->n].name);
}

static bool same_name(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void check_row(const struct py_threads *t, const struct row *row)
{
	const struct py_thread *p = NULL;
	size_t i;

	for (i = 0; i < t->n && !p; i++) {
		if (t->threads[i].ident == row->ident)
			p = &t->threads[i];
	}
	if (!p)
		fail_msg("thread %lu (%.60s) was not read", row->ident, row->name);
	if (!same_name(p->name, row->name))
		fail_msg("thread %lu is called %.60s, not %.60s", row->ident, row->name, p->name);
	if (p->tid != row->native)
		fail_msg("%.60s: tid %d, not %d", row->name, row->native, p->tid);
	assert_int_equal(p->daemon, row->daemon);
	assert_true(p->tstate);
}

static void check_names_by_object(struct py_reader *r, const struct py_threads *t,
				  const struct rows *rows)
{
	char *name;
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (!t->threads[i].object)
			continue;
		name = py_thread_name(r, t->threads[i].object, 0);
		assert_true(same_name(name, t->threads[i].name));
		free(name);
	}
	if (rows->handler)
		assert_null(py_thread_name(r, rows->handler, 0));
	assert_null(py_thread_name(r, t->threads[0].tstate, 0));
	assert_null(py_thread_name(r, t->threads[0].frame, 0));
}

static void check_rows(struct py_reader *r, const struct rows *rows)
{
	struct py_threads t;
	size_t i;

	assert_int_equal(py_threads__read(r, &t), 0);
	for (i = 0; i < rows->n; i++)
		check_row(&t, &rows->row[i]);
	assert_int_equal(t.n, rows->n);
	check_names_by_object(r, &t, rows);
	assert_int_equal(py_threads__map_tids(&t, rows->pid), 0);
	for (i = 0; i < rows->n; i++)
		check_row(&t, &rows->row[i]);
	py_threads__free(&t);
}

typedef void (*check_fn)(struct py_reader *r, const struct rows *rows);

/* Runs the script in one mode under one interpreter. False when that had to be skipped. */
static bool check_one(const char *python, const char *mode, check_fn check)
{
	struct py_reader *r = NULL;
	struct py_child child;
	struct rows rows;
	char why[256];
	bool ran = false;

	assert_true(py_child__start(&child, python, SCRIPT, mode));
	if (!read_rows(&child, &rows)) {
		printf("# skip: %s cannot run %s %s\n", python, SCRIPT, mode);
		goto out;
	}
	r = py_child__reader(rows.pid, why, sizeof(why));
	if (!r) {
		printf("# skip: %s: %s\n", python, why);
		goto out;
	}
	printf("# %s %s\n", python, mode);
	check(r, &rows);
	ran = true;
out:
	if (rows.pid != child.pid)
		kill(rows.pid, SIGKILL);
	py_reader__free(r);
	free_rows(&rows);
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

static void test_threads(void **state)
{
	(void)state;
	check_all("threads", check_rows);
}

static void test_subinterpreter(void **state)
{
	(void)state;
	check_all("subinterpreter", check_rows);
}

static void test_forked(void **state)
{
	(void)state;
	check_all("forked", check_rows);
}

static void check_bare(struct py_reader *r, const struct rows *rows)
{
	struct py_threads t;

	assert_int_equal(py_threads__read(r, &t), 0);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.threads[0].tid, rows->pid);
	assert_string_equal(t.threads[0].name, "MainThread");
	assert_true(!t.threads[0].object && t.threads[0].frame && t.threads[0].ident);
	py_threads__free(&t);
}

static void test_bare(void **state)
{
	(void)state;
	check_all("bare", check_bare);
}

/* The last word of a name, which may be a qualified one. */
static bool is_called(struct py_reader *r, const struct py_frame *f, const char *expected)
{
	char *name = py_str(r, f->name, 4096), *last;
	bool same;

	assert_non_null(name);
	last = strrchr(name, '.');
	same = !strcmp(last ? last + 1 : name, expected);
	free(name);
	return same;
}

static void check_deep(struct py_reader *r, const struct py_thread *t)
{
	static const char *const names[] = { "wait",   "wait", "deep_c",	   "deep_b",
					     "deep_a", "run",  "_bootstrap_inner", "_bootstrap" };
	struct py_frame frames[64];
	char *file;
	int n, i;

	n = py_thread_frames(r, t, frames, 64);
	/* Condition.wait calls a lock, 3.13's goes on within C: its innermost frame is the same */
	assert_true(n >= 8);
	for (i = 0; i < 8; i++) {
		if (!is_called(r, &frames[n - 8 + i], names[i]))
			fail_msg("frame %d is not %s", i, names[i]);
	}
	file = py_str(r, frames[n - 6].filename, 4096);
	assert_non_null(strstr(file, "py_threads.py"));
	free(file);
	assert_int_equal(frames[n - 5].firstlineno, frames[n - 6].firstlineno + 4);
	assert_int_equal(frames[n - 6].co_flags & 0x3, 0x3); /* CO_OPTIMIZED | CO_NEWLOCALS */
	assert_int_equal(py_thread_frames(r, t, frames, 3), 3);
}

static void check_frames(struct py_reader *r, const struct rows *rows)
{
	struct py_threads t;
	bool seen = false;
	size_t i;

	(void)rows;
	usleep(300000); /* the script has printed "ready"; its threads have long been waiting */
	assert_int_equal(py_threads__read(r, &t), 0);
	for (i = 0; i < t.n; i++) {
		if (t.threads[i].name && !strcmp(t.threads[i].name, "deep")) {
			check_deep(r, &t.threads[i]);
			seen = true;
		}
	}
	assert_true(seen);
	py_threads__free(&t);
}

static void test_frames(void **state)
{
	(void)state;
	check_all("threads", check_frames);
}

/* Every name of the churning script carries a check number. */
static bool is_churn_name(const char *name)
{
	unsigned long i, sum;
	char expected[64];

	if (!strcmp(name, "MainThread"))
		return true;
	if (sscanf(name, "churn-%lu-%lu", &i, &sum) != 2)
		return false;
	snprintf(expected, sizeof(expected), "churn-%lu-%lu", i, i * 7919 % 9973);
	return !strcmp(name, expected);
}

static void check_churn(struct py_reader *r, const struct rows *rows)
{
	struct py_frame frames[64];
	size_t i, named = 0;
	struct py_threads t;
	char *name;
	int reads;

	(void)rows;
	for (reads = 0; reads < CHURN_READS; reads++) {
		assert_int_equal(py_threads__read(r, &t), 0);
		assert_true(t.n < 100);
		for (i = 0; i < t.n; i++) {
			if (t.threads[i].name && !is_churn_name(t.threads[i].name))
				fail_msg("no thread is called '%s'", t.threads[i].name);
			named += t.threads[i].name != NULL;
			name = t.threads[i].object ? py_thread_name(r, t.threads[i].object, 0) :
						     NULL;
			if (name && !is_churn_name(name))
				fail_msg("no thread was called '%s'", name);
			free(name);
			assert_true(py_thread_frames(r, &t.threads[i], frames, 64) >= 0);
		}
		py_threads__free(&t);
	}
	/* the main thread and the four that start others are always there */
	assert_true(named >= CHURN_READS * 4);
}

static void test_churn(void **state)
{
	(void)state;
	check_all("churn", check_churn);
}

static void check_exit(struct py_reader *r, const struct rows *rows)
{
	struct py_thread t = { .frame = 4096 };
	struct py_threads threads;
	struct py_frame frame;
	siginfo_t info;

	assert_int_equal(kill(rows->pid, SIGKILL), 0);
	/* a zombie still has its pid, but no memory */
	assert_int_equal(waitid(P_PID, rows->pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(py_threads__read(r, &threads), -ESRCH);
	assert_int_equal(threads.n, 0);
	assert_int_equal(py_thread_frames(r, &t, &frame, 1), -ESRCH);
	assert_null(py_thread_name(r, 1 << 20, 0));
}

static void test_exit(void **state)
{
	(void)state;
	check_all("bare", check_exit);
}

/* Runs the script as the first process of a new pid namespace; returns its pid here. */
static pid_t start_in_namespace(const char *python, int in, int out)
{
	if (unshare(CLONE_NEWPID) && (unshare(CLONE_NEWUSER | CLONE_NEWPID)))
		return -errno;
	switch (fork()) {
	case -1:
		return -errno;
	case 0:
		dup2(in, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		execl(python, python, "-W", "ignore", SCRIPT, "threads", (char *)NULL);
		_exit(127);
	}
	return 0;
}

/* The only child of process pid, 0 when it has none. */
static pid_t child_of(pid_t pid)
{
	char path[64];
	pid_t child = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%d", &child) != 1)
			child = 0;
		fclose(f);
	}
	return child;
}

static void check_mapped(struct py_reader *r, pid_t pid, const struct rows *rows)
{
	struct py_threads t;
	char path[64];
	size_t i;

	assert_int_equal(py_threads__read(r, &t), 0);
	assert_int_equal(t.n, rows->n);
	for (i = 0; i < rows->n; i++)
		check_row(&t, &rows->row[i]); /* as the namespace counts */
	assert_int_equal(py_threads__map_tids(&t, pid), 0);
	for (i = 0; i < t.n; i++) {
		if (!t.threads[i].tid) /* up to 3.10 a thread without a Thread */
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, t.threads[i].tid);
		assert_int_equal(access(path, F_OK), 0);
	}
	py_threads__free(&t);
}

static void test_namespace(void **state)
{
	struct py_child c = { .in = -1 };
	struct py_reader *r;
	struct rows rows;
	int in[2], out[2];
	char why[256];
	pid_t inside;

	(void)state;
	if (!interpreters.n)
		skip();
	assert_int_equal(pipe(in) | pipe(out), 0);
	c.buffer = malloc(PY_CHILD_LINE);
	c.pid = fork();
	if (c.pid == 0) {
		close(in[1]);
		if (start_in_namespace(interpreters.paths[0], in[0], out[1]))
			_exit(1);
		close(out[1]);
		wait(NULL);
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	c.in = in[1];
	c.out = out[0];
	if (!read_rows(&c, &rows)) {
		printf("# skip: this user cannot make a pid namespace\n");
		py_child__stop(&c);
		skip();
	}
	inside = child_of(c.pid);
	assert_true(inside > 0);
	r = py_child__reader(inside, why, sizeof(why));
	if (!r)
		fail_msg("%s", why);
	check_mapped(r, inside, &rows);
	py_reader__free(r);
	kill(inside, SIGKILL);
	free_rows(&rows);
	py_child__stop(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads), cmocka_unit_test(test_subinterpreter),
		cmocka_unit_test(test_forked),	cmocka_unit_test(test_bare),
		cmocka_unit_test(test_frames),	cmocka_unit_test(test_churn),
		cmocka_unit_test(test_exit),	cmocka_unit_test(test_namespace),
	};

	return cmocka_run_group_tests(tests, interpreters__setup, interpreters__teardown);
}
