// SPDX-License-Identifier: GPL-2.0-only
/* Several captures in one output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convert_fixture.h"
#include "text_file.h"

static void expect_in_output(const struct fixture *f, const char *what, size_t n)
{
	text_file__expect(f->out, what, n);
}

#define BOOT "0a1b"

struct recording {
	uint32_t pid, tid;
	uint64_t proc_start, start;
	const char *function, *filter;
	bool relative; /* of another one's family */
};

/* A recording of one call of one function, which has code 1 in each. */
static void build_recording(struct capture_builder *b, const struct recording *r)
{
	struct build_thread th = {
		.tid = r->tid, .pid = r->pid, .start_time = r->proc_start, .comm = "python"
	};
	struct build_call call = {
		.tid = r->tid, .code = 1, .start = r->start + 100, .end = r->start + 200
	};
	struct vtbpf_rec_session *s;
	size_t at = b->len;

	builder__session(b, r->pid, r->start);
	s = (void *)(b->data + at);
	s->proc_start = r->proc_start;
	s->rec.flags = r->relative ? VTBPF_F_RELATIVE : 0;
	builder__text(b, VTBPF_TEXT_BOOT_ID, BOOT, strlen(BOOT));
	builder__text(b, VTBPF_TEXT_COMMAND, r->function, strlen(r->function));
	if (r->filter)
		builder__text(b, VTBPF_TEXT_FILTER, r->filter, strlen(r->filter));
	builder__thread(b, &th);
	builder__code(b, 1, r->function, "f.py");
	builder__call(b, &call);
	builder__end(b, r->start + 1000);
}

#define MAX_RECORDINGS 4

/* Converts captures of one recording each; `torn` takes some bytes off the first. */
static int run_several(struct fixture *f, const struct recording *r, size_t n, size_t torn)
{
	char names[MAX_RECORDINGS][160];
	const char *more[MAX_RECORDINGS];
	int err;

	for (size_t i = 0; i < n; i++) {
		builder__release(&f->b);
		builder__init(&f->b);
		build_recording(&f->b, &r[i]);
		f->b.len -= i ? 0 : torn;
		snprintf(names[i], sizeof(names[i]), "%s/in%zu.vtb", f->dir, i);
		builder__save(&f->b, names[i]);
		more[i] = names[i];
	}
	f->opts.input = names[0];
	f->opts.more_inputs = more + 1;
	f->opts.n_more_inputs = n - 1;
	err = convert__run(&f->opts, &f->sum);
	for (size_t i = 0; i < n; i++)
		unlink(names[i]);
	f->opts.input = f->in;
	f->opts.more_inputs = NULL;
	f->opts.n_more_inputs = 0;
	return err;
}

static void test_two_processes(void **state)
{
	const struct recording r[] = {
		{ 200, 200, 50, 3000, "late", NULL, false },
		{ 100, 101, 40, 1000, "early", NULL, false },
	};
	struct fixture *f = *state;
	char *text;

	assert_int_equal(run_several(f, r, 2, 0), 0);
	assert_int_equal(f->sum.calls, 2);
	assert_int_equal(f->sum.processes, 2);
	expect_in_output(f, "\"pid\":100,\"tid\":101,\"ts\":1.100,\"dur\":0.100,\"name\":\"early (",
			 1);
	expect_in_output(f, "\"pid\":200,\"tid\":200,\"ts\":3.100,\"dur\":0.100,\"name\":\"late (",
			 1);
	expect_in_output(f, "\"start_us\":1.000,\"end_us\":4.000", 1); /* of the whole */
	expect_in_output(f, "\"name\":\"process_name\",\"args\":{\"name\":\"early\"}", 1);
	expect_in_output(f, "\"name\":\"process_name\",\"args\":{\"name\":\"late\"}", 1);
	expect_in_output(f, "\"targets\":[{\"pid\":100", 1);
	text = text_file__read(f->out);
	assert_true(strstr(text, "early (f.py") < strstr(text, "late (f.py"));
	free(text);
}

/* The same pid and tid, later, of another process: rows of their own. The same process: one row. */
static void test_pid_used_again(void **state)
{
	const struct recording r[] = {
		{ 100, 100, 40, 1000, "first", NULL, false },
		{ 100, 100, 40, 3000, "again", NULL, false },
		{ 100, 100, 77, 5000, "other", NULL, false },
	};
	struct fixture *f = *state;

	assert_int_equal(run_several(f, r, 3, 0), 0);
	assert_int_equal(f->sum.calls, 3);
	assert_int_equal(f->sum.processes, 2);
	expect_in_output(f, "\"pid\":100,\"tid\":100,\"ts\":1.100,\"dur\":0.100,\"name\":\"first (",
			 1);
	expect_in_output(f, "\"pid\":100,\"tid\":100,\"ts\":3.100,\"dur\":0.100,\"name\":\"again (",
			 1);
	expect_in_output(f, "\"pid\":4194305,\"tid\":100,\"ts\":5.100,", 1);
	expect_in_output(f, "\"kernel_pid\":100", 1);
	expect_in_output(f, "\"name\":\"thread_name\"", 2);
}

/* In a family, a part may know a process by its pid only, and another by its start: it is one. */
static void test_pid_in_a_family(void **state)
{
	const struct recording r[] = {
		{ 100, 100, 40, 1000, "head", NULL, false },
		{ 100, 100, 77, 3000, "kin", NULL, true },
		{ 200, 200, 78, 5000, "other", NULL, true },
		{ 200, 200, 79, 7000, "again", NULL, true },
	};
	struct fixture *f = *state;

	assert_int_equal(run_several(f, r, 4, 0), 0);
	assert_int_equal(f->sum.processes, 2);
	expect_in_output(f, "\"pid\":100,\"tid\":100,\"ts\":3.100,\"dur\":0.100,\"name\":\"kin (",
			 1);
	expect_in_output(f, "\"pid\":200,\"tid\":200,\"ts\":7.100,", 1);
	expect_in_output(f, "kernel_pid", 0);
}

/* Each part's filters are its own. */
static void test_filters_of_parts(void **state)
{
	const struct recording r[] = {
		{ 100, 100, 40, 1000, "f", "--ignore-function f", false },
		{ 200, 200, 50, 2000, "f", NULL, false },
		{ 300, 300, 60, 3000, "f", "--ignore-thread 200", false },
	};
	struct fixture *f = *state;

	assert_int_equal(run_several(f, r, 3, 0), 0);
	assert_int_equal(f->sum.calls, 2);
	expect_in_output(f, "\"pid\":100,\"tid\":100,\"ts\"", 0);
	expect_in_output(f, "\"pid\":200,\"tid\":200,\"ts\"", 1);
	expect_in_output(f, "\"pid\":300,\"tid\":300,\"ts\"", 1);
}

static void test_newest_of_parts(void **state)
{
	const struct recording r[] = {
		{ 100, 100, 40, 1000, "f", NULL, false },
		{ 200, 200, 50, 2000, "f", NULL, false },
	};
	struct fixture *f = *state;

	f->opts.filter.tracer_entries = 1;
	assert_int_equal(run_several(f, r, 2, 0), 0);
	assert_int_equal(f->sum.calls, 2);
}

/* As a capture they can be converted later, to the same. */
static void test_merged_capture(void **state)
{
	const struct recording r[] = {
		{ 100, 100, 40, 1000, "first", NULL, false },
		{ 100, 100, 77, 5000, "other", "--ignore-function none", false },
	};
	struct fixture *f = *state;

	f->opts.format = "vtb";
	f->opts.output = f->in;
	assert_int_equal(run_several(f, r, 2, 0), 0);
	assert_int_equal(f->sum.calls, 2);
	f->opts.format = NULL;
	f->opts.output = f->out;
	assert_int_equal(convert__run(&f->opts, &f->sum), 0);
	assert_int_equal(f->sum.calls, 2);
	expect_in_output(f, "\"name\":\"first (", 1);
	expect_in_output(
		f, "\"pid\":4194305,\"tid\":100,\"ts\":5.100,\"dur\":0.100,\"name\":\"other (", 1);
	expect_in_output(f, "--ignore-function none", 1);
}

static void test_torn_part(void **state)
{
	const struct recording r[] = {
		{ 100, 100, 40, 1000, "torn", NULL, false },
		{ 200, 200, 50, 2000, "whole", NULL, false },
	};
	struct fixture *f = *state;

	assert_int_equal(run_several(f, r, 2, sizeof(struct vtbpf_rec_end) + 3), 0);
	assert_true(f->sum.torn);
	assert_int_equal(f->sum.calls, 1);
	expect_in_output(f, "\"name\":\"whole (", 1);
	expect_in_output(f, "the capture has no end", 1);
}

static void test_other_boot(void **state)
{
	struct fixture *f = *state;
	const char *more = f->more;

	builder__text(&f->b, VTBPF_TEXT_BOOT_ID, "one", 3);
	builder__save(&f->b, f->in);
	builder__text(&f->b, VTBPF_TEXT_BOOT_ID, "two", 3);
	builder__save(&f->b, f->more);
	f->opts.more_inputs = &more;
	f->opts.n_more_inputs = 1;
	assert_int_equal(convert__run(&f->opts, &f->sum), -EXDEV);
	assert_int_equal(access(f->out, F_OK), -1);
	more = "/nonexistent/more.vtb";
	assert_int_equal(convert__run(&f->opts, &f->sum), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONVERT_TEST(test_two_processes),   CONVERT_TEST(test_pid_used_again),
		CONVERT_TEST(test_pid_in_a_family), CONVERT_TEST(test_filters_of_parts),
		CONVERT_TEST(test_newest_of_parts), CONVERT_TEST(test_merged_capture),
		CONVERT_TEST(test_torn_part),	    CONVERT_TEST(test_other_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
