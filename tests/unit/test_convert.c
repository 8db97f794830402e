// SPDX-License-Identifier: GPL-2.0-only
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
#include <sys/stat.h>
#include <unistd.h>

#include "convert_fixture.h"
#include "text_file.h"

/* With the begin of a capture. */
static int setup(void **state)
{
	int err = convert_fixture__setup(state);
	struct fixture *f = *state;

	builder__session(&f->b, 100, 1000);
	builder__code(&f->b, 1, "f", "f.py");
	return err;
}

static void add_call(struct fixture *f, uint32_t tid, uint64_t start, uint64_t end)
{
	struct build_call call = { .tid = tid, .code = 1, .start = start, .end = end };

	builder__call(&f->b, &call);
}

static int run(struct fixture *f)
{
	builder__save(&f->b, f->in);
	return convert__run(&f->opts, &f->sum);
}

static void expect_in_output(const struct fixture *f, const char *what, size_t n)
{
	text_file__expect(f->out, what, n);
}

static void test_torn_capture(void **state)
{
	struct fixture *f = *state;

	add_call(f, 100, 2000, 3000);
	add_call(f, 100, 4000, 5000);
	f->b.len -= 5;
	assert_int_equal(run(f), 0);
	assert_true(f->sum.torn);
	assert_int_equal(f->sum.calls, 1);
	expect_in_output(f, "the capture ends in the middle of a record", 1);
	expect_in_output(f, "the capture has no end", 1);
}

static void test_damaged_capture(void **state)
{
	struct fixture *f = *state;
	struct vtbpf_rec_call *c;

	add_call(f, 100, 2000, 3000);
	add_call(f, 100, 4000, 5000);
	c = (void *)(f->b.data + f->b.len - sizeof(*c));
	c->rec.tid = 0xffffffff;
	add_call(f, 100, 6000, 7000);
	builder__end(&f->b, 9000);
	assert_int_equal(run(f), 0);
	assert_true(f->sum.torn);
	assert_int_equal(f->sum.calls, 1);
	expect_in_output(f, "the capture is damaged", 1);
}

/* A record of a later version's kind is passed over. */
static void test_unknown_records(void **state)
{
	struct fixture *f = *state;

	builder__record(&f->b, 99, 0, 40);
	builder__record(&f->b, 200, 0xffff, 8);
	add_call(f, 100, 2000, 3000);
	builder__end(&f->b, 9000);
	assert_int_equal(run(f), 0);
	assert_false(f->sum.torn);
	assert_int_equal(f->sum.calls, 1);
}

static void test_reused_tid(void **state)
{
	static const char *ignored[] = { "uno" };
	const struct build_thread one = { 101, 100, 10, "py" }, two = { 101, 100, 20, "py" };
	struct fixture *f = *state;

	builder__thread(&f->b, &one);
	builder__thread_name(&f->b, 101, "uno", 1);
	add_call(f, 101, 2000, 3000);
	builder__thread_exit(&f->b, 101, 3500);
	builder__thread(&f->b, &two);
	builder__thread_name(&f->b, 101, "dos", 2);
	add_call(f, 101, 4000, 5000);
	builder__end(&f->b, 9000);
	assert_int_equal(run(f), 0);
	assert_int_equal(f->sum.threads, 2);
	expect_in_output(f, "\"name\":\"uno, dos\"", 1);
	f->opts.filter.ignore_threads = ignored;
	f->opts.filter.n_ignore_threads = 1;
	assert_int_equal(run(f), 0);
	assert_int_equal(f->sum.calls, 1);
	assert_int_equal(f->sum.filtered, 1);
	expect_in_output(f, "\"ts\":4.000", 1);
	expect_in_output(f, "\"args\":{\"name\":\"dos\"}", 1);
	/* the filter names it, nothing else does */
	expect_in_output(f, "uno", 1);
}

/* A capture that lies: two threads of one tid at the same time. They still nest on its row. */
static void test_reused_tid_that_overlaps(void **state)
{
	const struct build_thread one = { 101, 100, 10, "py" }, two = { 101, 100, 20, "py" };
	struct fixture *f = *state;

	builder__thread(&f->b, &one);
	add_call(f, 101, 2000, 4000);
	builder__thread(&f->b, &two);
	add_call(f, 101, 3000, 5000);
	builder__end(&f->b, 9000);
	assert_int_equal(run(f), 0);
	expect_in_output(f, "\"overlapping_moved\":1", 1);
	expect_in_output(f, "\"tid\":101,\"ts\"", 1);
}

static void test_filters(void **state)
{
	static const char *only[] = { "10[13]", "102" };
	struct fixture *f = *state;

	add_call(f, 101, 2000, 2999);
	add_call(f, 102, 2000, 3000);
	add_call(f, 102, 4000, 4999);
	builder__lost(&f->b, 101, &(struct vtbpf_rec_lost){ .lost = 2, .first = 10, .last = 11 });
	builder__end(&f->b, 9000);
	f->opts.filter.only_threads = only;
	f->opts.filter.n_only_threads = 2;
	f->opts.filter.min_duration_ns = 1000;
	assert_int_equal(run(f), 0);
	assert_int_equal(f->sum.calls, 1);
	assert_int_equal(f->sum.filtered, 2);
	assert_int_equal(f->sum.lost, 0);
	expect_in_output(f, "--min-duration 1us", 1);
	expect_in_output(f, "\"tid\":101", 0);
}

/* Losses that were never told by thread: the counters know of them. */
static void test_losses_known_by_count_only(void **state)
{
	struct fixture *f = *state;
	struct vtbpf_rec_counters *c;

	add_call(f, 100, 2000, 2999);
	c = builder__record(&f->b, VTBPF_REC_COUNTERS, 0, sizeof(*c) - 8);
	c->count.lost = 12;
	assert_int_equal(run(f), 0);
	assert_int_equal(f->sum.lost, 12);
	expect_in_output(f, "\"losses\":{\"total\":12,\"by_thread\":{}}", 1);
}

static void test_capture_to_capture(void **state)
{
	static const char *ignored[] = { "101" };
	struct fixture *f = *state;

	add_call(f, 101, 2000, 3000);
	add_call(f, 102, 2000, 3000);
	builder__end(&f->b, 9000);
	f->opts.format = "vtb";
	f->opts.filter.ignore_threads = ignored;
	f->opts.filter.n_ignore_threads = 1;
	assert_int_equal(run(f), 0);
	assert_int_equal(rename(f->out, f->in), 0);
	f->opts.format = NULL;
	f->opts.filter.n_ignore_threads = 0;
	assert_int_equal(convert__run(&f->opts, &f->sum), 0);
	assert_int_equal(f->sum.calls, 1);
	assert_false(f->sum.torn);
	expect_in_output(f, "\"tid\":102,\"ts\":2.000", 1);
	expect_in_output(f, "\"filters\":[\"--ignore-thread 101\"]", 1);
}

static void test_cancelled(void **state)
{
	volatile bool cancel = true;
	struct fixture *f = *state;

	add_call(f, 100, 2000, 3000);
	f->opts.cancel = &cancel;
	assert_int_equal(run(f), -ECANCELED);
	assert_int_equal(access(f->out, F_OK), -1);
}

static void test_no_space(void **state)
{
	struct fixture *f = *state;

	add_call(f, 100, 2000, 3000);
	f->opts.output = "/dev/full";
	assert_int_equal(run(f), -ENOSPC);
}

static void test_foreign_input(void **state)
{
	struct fixture *f = *state;

	f->b.len = 0;
	assert_int_equal(run(f), -EMEDIUMTYPE);
	memcpy(f->b.data, "not a capture, no JSON", 22);
	f->b.len = 22;
	assert_int_equal(run(f), -EMEDIUMTYPE);
	f->opts.input = "/nonexistent/in.vtb";
	assert_int_equal(convert__run(&f->opts, &f->sum), -ENOENT);
	assert_int_equal(access(f->out, F_OK), -1);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_whose_file_it_is(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(convert__check_output(f->out, NULL, false), 0);
	assert_int_equal(access(f->out, F_OK), -1); /* the check leaves nothing behind */
	write_text(f->out, "{\"traceEvents\":[]}");
	assert_int_equal(convert__check_output(f->out, NULL, false), -EEXIST);
	assert_int_equal(convert__check_output(f->out, NULL, true), 0);
	assert_int_equal(run(f), 0);
	assert_int_equal(convert__check_output(f->out, NULL, false), 0);
	assert_int_equal(unlink(f->out), 0);
	assert_int_equal(symlink("/etc/passwd", f->out), 0);
	assert_int_equal(convert__check_output(f->out, NULL, false), -EEXIST);
}

static void test_output_that_cannot_be(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(convert__check_output(f->dir, "json", true), -EISDIR);
	assert_int_equal(convert__check_output("/nonexistent/x.json", NULL, true), -ENOENT);
	assert_int_equal(convert__check_output("x.txt", NULL, true), -EINVAL);
	assert_int_equal(convert__check_output("x.json", "nonsense", true), -EINVAL);
	assert_int_equal(convert__check_output("x.speedscope.json", NULL, true), 0);
	assert_int_equal(convert__check_output("/dev/null", NULL, true), 0);
	assert_int_equal(convert__check_output("/dev/null", NULL, false), -EEXIST);
	assert_int_equal(convert__check_output(".json/", "json", true), -EISDIR);
}

#define CAPTURE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, convert_fixture__teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CAPTURE_TEST(test_torn_capture),
		CAPTURE_TEST(test_damaged_capture),
		CAPTURE_TEST(test_unknown_records),
		CAPTURE_TEST(test_reused_tid),
		CAPTURE_TEST(test_reused_tid_that_overlaps),
		CAPTURE_TEST(test_filters),
		CAPTURE_TEST(test_losses_known_by_count_only),
		CAPTURE_TEST(test_capture_to_capture),
		CAPTURE_TEST(test_cancelled),
		CAPTURE_TEST(test_no_space),
		CAPTURE_TEST(test_foreign_input),
		CAPTURE_TEST(test_whose_file_it_is),
		CAPTURE_TEST(test_output_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
