// SPDX-License-Identifier: GPL-2.0-only
/* What marks when and of whom was recorded, read again: pauses, windows, threads left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/convert.h"
#include "capture_builder.h"

#define MAIN 100
#define NOISE 101

static void add_span(struct capture_builder *b, enum vtbpf_rec_kind kind, uint32_t tid,
		     const uint64_t *span)
{
	struct vtbpf_rec_pause *p = builder__record(b, kind, tid, sizeof(*p) - 8);

	p->from = span[0];
	p->to = span[1];
}

static void begin(struct capture_builder *b)
{
	const struct build_thread threads[] = { { MAIN, MAIN, 1, "python3" },
						{ NOISE, MAIN, 2, "python3" } };

	builder__init(b);
	builder__session(b, MAIN, 1000000);
	builder__thread(b, &threads[0]);
	builder__thread(b, &threads[1]);
	builder__thread_name(b, NOISE, "noise-1", 0x7f0002);
	builder__code(b, 1, "f", "/f.py");
	for (uint64_t at = 1000000; at < 6000000; at += 1000000) {
		builder__call(b, &(struct build_call){
					 .tid = MAIN, .code = 1, .start = at, .end = at + 10000 });
		builder__call(b, &(struct build_call){
					 .tid = NOISE, .code = 1, .start = at, .end = at + 20000 });
	}
}

/* The capture as JSON, malloc'ed. Its last record is written here. */
static char *convert(struct capture_builder *b, struct convert_summary *sum)
{
	char dir[] = "/tmp/vtbpf-ctl-XXXXXX", in[64], out[64];
	struct convert_options opts = {
		.input = in, .output = out, .output_named = true, .filter.max_stack_depth = -1
	};
	char *text = calloc(1, 1 << 16);
	FILE *f;

	builder__end(b, 7000000);
	assert_non_null(mkdtemp(dir));
	snprintf(in, sizeof(in), "%s/in.vtb", dir);
	snprintf(out, sizeof(out), "%s/out.json", dir);
	builder__save(b, in);
	assert_int_equal(convert__run(&opts, sum), 0);
	f = fopen(out, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 16) - 1, f) > 0);
	fclose(f);
	unlink(in);
	unlink(out);
	assert_int_equal(rmdir(dir), 0);
	builder__release(b);
	return text;
}

static void test_pauses(void **state)
{
	static const uint64_t pauses[][2] = { { 1500000, 1700000 }, { 2500000, 2500001 } };
	struct convert_summary sum;
	struct capture_builder b;
	char *text;

	(void)state;
	begin(&b);
	add_span(&b, VTBPF_REC_PAUSE, MAIN, pauses[0]);
	add_span(&b, VTBPF_REC_PAUSE, MAIN, pauses[1]);
	text = convert(&b, &sum);
	assert_int_equal(sum.calls, 10);
	assert_non_null(strstr(text, "\"pauses\":[[1500.000,1700.000],[2500.000,2500.001]]"));
	/* One row of its own for both, under an id that no thread can have. */
	assert_non_null(strstr(text,
			       "{\"ph\":\"M\",\"pid\":100,\"tid\":4194305,\"name\":\"thread_name\","
			       "\"args\":{\"name\":\"vtbpf\"}}"));
	assert_non_null(strstr(text, "{\"ph\":\"X\",\"cat\":\"vtbpf\",\"pid\":100,\"tid\":4194305,"
				     "\"ts\":1500.000,\"dur\":200.000,\"name\":\"paused\"}"));
	assert_non_null(strstr(text, "\"tid\":4194305,\"ts\":2500.000,\"dur\":0.001"));
	free(text);
}

static void test_no_pauses(void **state)
{
	struct convert_summary sum;
	struct capture_builder b;
	char *text;

	(void)state;
	begin(&b);
	text = convert(&b, &sum);
	assert_null(strstr(text, "pause"));
	assert_null(strstr(text, "4194305"));
	free(text);
}

static void test_pause_backwards(void **state)
{
	static const uint64_t pause[2] = { 1500000, 1400000 };
	struct convert_summary sum;
	struct capture_builder b;
	char *text;

	(void)state;
	begin(&b);
	add_span(&b, VTBPF_REC_PAUSE, MAIN, pause);
	text = convert(&b, &sum);
	assert_true(sum.torn);
	assert_int_equal(sum.calls, 10);
	free(text);
}

static void add_overhead(struct capture_builder *b, uint64_t lost, uint32_t flags)
{
	struct vtbpf_rec_overhead *o = builder__record(b, VTBPF_REC_OVERHEAD, MAIN, sizeof(*o) - 8);

	o->from = 1000000;
	o->to = 7000000;
	o->lost = lost;
	o->worst = 18000000;
	o->stated = 20000000;
	o->windows = 2;
	o->flags = flags;
}

static void test_windows(void **state)
{
	static const uint64_t windows[][2] = { { 1000000, 1500000 }, { 2500000, 3000000 } };
	static const uint64_t pause[2] = { 5000000, 6000000 };
	struct convert_summary sum;
	struct capture_builder b;
	char *text;

	(void)state;
	begin(&b);
	add_span(&b, VTBPF_REC_WINDOW, MAIN, windows[0]);
	add_span(&b, VTBPF_REC_WINDOW, MAIN, windows[1]);
	add_span(&b, VTBPF_REC_PAUSE, MAIN, pause);
	text = convert(&b, &sum);
	assert_int_equal(sum.calls, 10);
	assert_non_null(strstr(text, "\"windows\":[[1000.000,1500.000],[2500.000,3000.000]]"));
	/* 1 of 6 ms, one of which was paused */
	assert_non_null(strstr(text, "\"coverage\":0.200000"));
	assert_null(strstr(text, "\"overhead\""));
	/* A row for pauses, one for windows. */
	assert_non_null(strstr(text,
			       "{\"ph\":\"M\",\"pid\":100,\"tid\":4194306,\"name\":\"thread_name\","
			       "\"args\":{\"name\":\"vtbpf windows\"}}"));
	assert_non_null(strstr(text, "{\"ph\":\"X\",\"cat\":\"vtbpf\",\"pid\":100,\"tid\":4194306,"
				     "\"ts\":2500.000,\"dur\":500.000,\"name\":\"window\"}"));
	free(text);
}

static void test_overhead(void **state)
{
	struct convert_summary sum;
	struct capture_builder b;
	char *text;

	(void)state;
	begin(&b);
	add_overhead(&b, 30000, 0);
	add_overhead(&b, 102000, VTBPF_OVERHEAD_SAMPLED); /* the last one holds */
	text = convert(&b, &sum);
	assert_non_null(strstr(text, "\"windows\":[],\"coverage\":0.000000"));
	assert_non_null(strstr(text, "\"overhead\":{\"stated_percent\":2.000000,"
				     "\"achieved_percent\":1.700000,"
				     "\"worst_10s_percent\":1.800000,\"windows\":2,"
				     "\"sampled\":true}"));
	free(text);
}

static void test_overhead_beyond_all(void **state)
{
	struct convert_summary sum;
	struct capture_builder b;
	struct vtbpf_rec_overhead *o;
	char *text;

	(void)state;
	begin(&b);
	o = builder__record(&b, VTBPF_REC_OVERHEAD, MAIN, sizeof(*o) - 8);
	o->stated = 1000000001;
	text = convert(&b, &sum);
	assert_true(sum.torn);
	assert_null(strstr(text, "overhead"));
	free(text);
}

/* Of an ignored thread what it recorded between the command and the verdict on it goes, what was
 * before stays, and so does what came when it was traced again. */
static void test_left_out(void **state)
{
	static const uint64_t span[2] = { 2000000, 4000000 };
	struct convert_summary sum;
	struct capture_builder b;
	char *text;

	(void)state;
	begin(&b);
	add_span(&b, VTBPF_REC_LEFT_OUT, NOISE, span);
	text = convert(&b, &sum);
	assert_int_equal(sum.calls, 8);
	assert_int_equal(sum.filtered, 2);
	assert_non_null(strstr(text, "\"ts\":1000.000,\"dur\":20.000"));
	assert_null(strstr(text, "\"ts\":2000.000,\"dur\":20.000"));
	assert_null(strstr(text, "\"ts\":3000.000,\"dur\":20.000"));
	assert_non_null(strstr(text, "\"ts\":4000.000,\"dur\":20.000"));
	assert_non_null(strstr(text, "\"ts\":2000.000,\"dur\":10.000"));
	free(text);
}

static uint64_t calls_with(const char *const *filters, size_t n)
{
	struct convert_summary sum;
	struct capture_builder b;

	begin(&b);
	for (size_t i = 0; i < n; i++)
		builder__text(&b, VTBPF_TEXT_FILTER, filters[i], strlen(filters[i]));
	free(convert(&b, &sum));
	return sum.calls;
}

static void test_taken_back(void **state)
{
	static const char *const filters[] = { "--ignore-thread noise*",
					       "ctl: unignore-thread noise* at +1.500 s" };
	static const char *const other[] = { "--ignore-thread noise*",
					     "ctl: unignore-thread noise at +1.500 s" };
	static const char *const odd[] = { "--ignore-thread noise* at +1",
					   "--ignore-thread noise-1",
					   "ctl: unignore-thread noise* at +1 at +1.500 s",
					   "ctl: unignore-thread noise-1" };
	static const char *const added[] = { "ctl: ignore-thread noise* at +1.500 s" };

	(void)state;
	assert_int_equal(calls_with(filters, 1), 5);
	assert_int_equal(calls_with(filters, 2), 10);
	assert_int_equal(calls_with(other, 2), 5);
	assert_int_equal(calls_with(odd, 4), 5);    /* the last is no mark of ours */
	assert_int_equal(calls_with(added, 1), 10); /* what was before it stays */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pauses),		cmocka_unit_test(test_no_pauses),
		cmocka_unit_test(test_pause_backwards), cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_taken_back),	cmocka_unit_test(test_windows),
		cmocka_unit_test(test_overhead),	cmocka_unit_test(test_overhead_beyond_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
