// SPDX-License-Identifier: GPL-2.0-only
/* The whole of a trace, byte for byte, against tests/data/chrome.json; VTBPF_REGENERATE=1 writes it
 * anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "../../user/convert.h"
#include "capture_builder.h"

#define GOLDEN "tests/data/chrome.json"
#define MAIN 100
#define WORKER 101
#define MONITOR 102

#define APP "/srv/app/\xe5\xba\x94\xe7\x94\xa8.py"

static void add_session(struct capture_builder *b)
{
	builder__session(b, MAIN, 5000000);
	builder__text(b, VTBPF_TEXT_VERSION, "0.0.9", 5);
	builder__text(b, VTBPF_TEXT_KERNEL, "6.18.0", 6);
	builder__text(b, VTBPF_TEXT_HOST, "box", 3);
	builder__text(b, VTBPF_TEXT_BOOT_ID, "b-o-o-t", 7);
	builder__text(b, VTBPF_TEXT_COMMAND, "python3\0app.py\0--x=\"1\"", 23);
	builder__text(b, VTBPF_TEXT_EXE, "/usr/bin/python3.11", 19);
	builder__text(b, VTBPF_TEXT_CWD, "/srv/app", 8);
	builder__text(b, VTBPF_TEXT_PLAN, "line 1\nline 2\n", 14);
	builder__text(b, VTBPF_TEXT_FILTER, "--min-duration 1ns", 18);
	builder__text(b, VTBPF_TEXT_CLOCK, "5000000 1795303070979461651 1500", 32);
	builder__text(b, VTBPF_TEXT_CLOCK, "no clock", 8);
	builder__text(b, VTBPF_TEXT_WARNING, "mind the gap", 12);
}

static void add_threads(struct capture_builder *b)
{
	const struct build_thread threads[] = {
		{ MAIN, MAIN, 1, "python3" },
		{ WORKER, MAIN, 2, "python3" },
		{ MONITOR, MAIN, 3, "monitor" },
	};
	size_t i;

	for (i = 0; i < 3; i++)
		builder__thread(b, &threads[i]);
	builder__thread_name(b, MAIN, "MainThread", 0x7f0001);
	builder__thread_name(b, WORKER, "w\xc3\xb6rker \"1\"", 0x7f0002);
}

static void add_codes(struct capture_builder *b)
{
	builder__code(b, 1, "main", APP);
	builder__code(b, 2, "Class.m\xc3\xa9thode", APP);
	builder__code(b, 3, "back\\slash", "<string>");
	builder__code(b, 4, "main", APP); /* like 1 but for its line */
}

static void add_calls(struct capture_builder *b)
{
	const struct build_call calls[] = {
		{ .tid = MAIN, .code = 2, .start = 6000500, .end = 6000900, .depth = 1 },
		{ .tid = WORKER, .code = 3, .start = 6001000, .end = 6001999, .depth = 0 },
		{ .tid = MAIN,
		  .code = 2,
		  .start = 6001000,
		  .end = 6002000,
		  .depth = 1,
		  .flags = VTBPF_F_EXIT_MISSED | VTBPF_F_SUSPENDED },
		{ .tid = MONITOR, .code = 3, .start = 6000000, .end = 6002100, .depth = 0 },
		{ .tid = WORKER,
		  .code = 2,
		  .start = 6002000,
		  .end = 6003000,
		  .depth = 0,
		  .track = 1 },
		{ .tid = WORKER,
		  .code = 2,
		  .start = 6001500,
		  .end = 6003500,
		  .depth = 0,
		  .track = 2 },
		/* does not nest: moved to a track of its own */
		{ .tid = WORKER, .code = 2, .start = 6001500, .end = 6004000, .depth = 0 },
		{ .tid = WORKER,
		  .code = 77,
		  .start = 6005000,
		  .end = 6005001,
		  .depth = 0,
		  .flags = VTBPF_F_SUSPENDED },
		{ .tid = MAIN,
		  .code = 4,
		  .start = 5000001,
		  .end = 8999998,
		  .depth = 1,
		  .flags = VTBPF_F_OPEN_START },
		{ .tid = MAIN,
		  .code = 1,
		  .start = 5000000,
		  .end = 9000000,
		  .depth = 0,
		  .flags = VTBPF_F_OPEN_START | VTBPF_F_OPEN_END },
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		builder__call(b, &calls[i]);
}

static void add_losses(struct capture_builder *b)
{
	const struct vtbpf_rec_lost losses[] = {
		{ .lost = 3, .first = 6100000, .last = 6200000 },
		{ .lost = 4, .first = 6150000, .last = 6250000 }, /* overlaps: joined */
		{ .lost = 5, .first = 6300000, .last = 6400000 },
		{ .lost = 6, .first = 6200000, .last = 6500000 }, /* began before the gap written */
	};
	size_t i;

	for (i = 0; i < 4; i++)
		builder__lost(b, WORKER, &losses[i]);
	builder__lost(b, MONITOR, &losses[0]);
}

static void build(struct capture_builder *b)
{
	struct vtbpf_rec_counters *counters;

	builder__init(b);
	add_session(b);
	add_threads(b);
	add_codes(b);
	add_calls(b);
	add_losses(b);
	builder__thread_exit(b, WORKER, 8000000);
	builder__source(b, APP, VTBPF_F_SOURCE_NAME | VTBPF_F_MORE);
	builder__source(b, "# \xe5\xba", VTBPF_F_MORE); /* a character cut in two */
	builder__source(b, "\x94\nprint(\"x\")\n", 0);
	builder__source(b, "/srv/unused.py", VTBPF_F_SOURCE_NAME);
	builder__source(b, "secret\n", 0);
	counters = builder__record(b, VTBPF_REC_COUNTERS, 0, sizeof(*counters) - 8);
	counters->count.calls = 9;
	counters->count.lost = 21;
	builder__end(b, 9000000);
}

struct paths {
	char dir[64], in[96], out[96];
};

static void make_paths(struct paths *p, const char *out)
{
	strcpy(p->dir, "/tmp/vtbpf-chrome-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->in, sizeof(p->in), "%s/in.vtb", p->dir);
	snprintf(p->out, sizeof(p->out), "%s/%s", p->dir, out);
}

static void remove_paths(struct paths *p)
{
	unlink(p->in);
	unlink(p->out);
	assert_int_equal(rmdir(p->dir), 0); /* nothing else is left behind */
}

/* Plain or gzip, to its end. */
static char *read_all(const char *path, size_t *n)
{
	gzFile gz = gzopen(path, "rb");
	char *text = malloc(1 << 20);
	int got;

	assert_non_null(gz);
	got = gzread(gz, text, (1 << 20) - 1);
	assert_true(got >= 0);
	text[got] = '\0';
	*n = (size_t)got;
	gzclose(gz);
	return text;
}

static void convert(struct paths *p, struct convert_summary *sum)
{
	const char *ignored[] = { "mon*" };
	struct convert_options opts = {
		.input = p->in,
		.output = p->out,
		.output_named = true,
		.filter = {
			.ignore_threads = ignored,
			.n_ignore_threads = 1,
			.min_duration_ns = 1,
			.max_stack_depth = -1,
		},
	};
	struct capture_builder b;

	build(&b);
	builder__save(&b, p->in);
	assert_int_equal(convert__run(&opts, sum), 0);
	builder__release(&b);
}

static void regenerate(const char *text, size_t n)
{
	FILE *f = fopen(GOLDEN, "w");

	assert_non_null(f);
	fwrite(text, 1, n, f);
	fclose(f);
}

static void compare(const char *out_name)
{
	struct convert_summary sum;
	struct paths p;
	char *got, *want;
	size_t n, m;

	make_paths(&p, out_name);
	convert(&p, &sum);
	got = read_all(p.out, &n);
	remove_paths(&p);
	if (getenv("VTBPF_REGENERATE"))
		regenerate(got, n);
	want = read_all(GOLDEN, &m);
	assert_string_equal(got, want);
	assert_int_equal(n, m);
	assert_int_equal(sum.calls, 9);
	assert_int_equal(sum.filtered, 1);
	assert_int_equal(sum.lost, 18);
	assert_int_equal(sum.threads, 2);
	assert_int_equal(sum.processes, 1);
	assert_false(sum.torn);
	free(got);
	free(want);
}

static void test_golden(void **state)
{
	(void)state;
	compare("out.json");
}

static void test_golden_gzip(void **state)
{
	(void)state;
	compare("out.json.gz");
}

/* A capture without a single record is a trace too. */
static void test_empty_capture(void **state)
{
	struct convert_options opts = { .output_named = true, .filter.max_stack_depth = -1 };
	struct convert_summary sum;
	struct capture_builder b;
	struct paths p;
	char *text;
	size_t n;

	(void)state;
	make_paths(&p, "out.json");
	builder__init(&b);
	builder__save(&b, p.in);
	opts.input = p.in;
	opts.output = p.out;
	assert_int_equal(convert__run(&opts, &sum), 0);
	text = read_all(p.out, &n);
	assert_non_null(strstr(text, "{\"traceEvents\":[],\"viztracer_metadata\":{"));
	assert_non_null(strstr(text, "the capture has no end"));
	remove_paths(&p);
	builder__release(&b);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_golden_gzip),
		cmocka_unit_test(test_empty_capture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
