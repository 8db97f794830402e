// SPDX-License-Identifier: GPL-2.0-only
/* What is no call, from its record to every format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../user/decode/trace_event.h"
#include "format_fixture.h"
#include "html_reader.h"

#define MS 1000000ULL
#define SYSCALLS "read\nwrite\n\n\"open\\\n"

static void add(struct fixture *f, uint16_t what, uint64_t from, uint64_t to, int64_t number)
{
	const struct build_event e = {
		.tid = 100, .what = what, .start = from, .end = to, .value = { number, 7 }
	};

	builder__event(&f->b, &e);
}

static void lacks(const struct fixture *f, const char *what)
{
	assert_null(memmem(f->text, f->n, what, strlen(what)));
}

static void test_json(void **state)
{
	struct fixture *f = *state;

	builder__text(&f->b, VTBPF_TEXT_SYSCALLS, SYSCALLS, strlen(SYSCALLS));
	add_call(f, 1, 1 * MS, 9 * MS, 0);
	add(f, VTBPF_EVENT_BLOCKED, 2 * MS, 3 * MS, 0);
	add(f, VTBPF_EVENT_RUNNABLE, 3 * MS, 4 * MS, 0);
	add(f, VTBPF_EVENT_BLOCKED, 4 * MS, 5 * MS, VTBPF_NO_SYSCALL);
	add(f, VTBPF_EVENT_BLOCKED, 5 * MS, 6 * MS, 3);
	add(f, VTBPF_EVENT_BLOCKED, 6 * MS, 7 * MS, 511);
	add(f, VTBPF_EVENT_BLOCKED, 7 * MS, 8 * MS, INT64_MIN);
	convert_capture(f, "json");
	has(f, "{\"ph\":\"X\",\"cat\":\"sched\",\"pid\":100,\"tid\":100,\"ts\":2000.000,"
	       "\"dur\":1000.000,\"name\":\"blocked: read\",\"args\":{\"waker\":7}}");
	has(f, "\"ts\":3000.000,\"dur\":1000.000,\"name\":\"runnable\"}");
	has(f, "\"name\":\"blocked: page fault\"");
	has(f, "\"name\":\"blocked: \\\"open\\\\\"");
	has(f, "\"name\":\"blocked: system call 511\"");
	has(f, "\"name\":\"blocked: system call -9223372036854775808\"");
	assert_int_equal(f->sum.calls, 1);
}

/* Nobody else says whose a thread is that runs no Python; what says so is believed first. */
static void test_whose_thread(void **state)
{
	struct build_event e = { .tid = 300,
				 .what = VTBPF_EVENT_RUNNABLE,
				 .start = 2 * MS,
				 .end = 3 * MS,
				 .value = { 0, 0, 200 } };
	struct fixture *f = *state;

	builder__event(&f->b, &e);
	e.tid = 301;
	e.value[2] = INT64_MAX;
	builder__event(&f->b, &e);
	e.tid = 100;
	e.value[2] = 200;
	builder__event(&f->b, &e);
	convert_capture(f, "json");
	has(f, "\"pid\":200,\"tid\":300,\"ts\":2000.000");
	has(f, "\"pid\":100,\"tid\":301,\"ts\":2000.000");
	has(f, "\"pid\":100,\"tid\":100,\"ts\":2000.000");
}

static void test_collections(void **state)
{
	const struct build_event e = { .tid = 100,
				       .what = VTBPF_EVENT_GC,
				       .start = 2 * MS,
				       .end = 5 * MS,
				       .value = { 2, 31 } };
	struct fixture *f = *state;

	add_call(f, 2, 3 * MS, 4 * MS, 1); /* of a callback */
	builder__event(&f->b, &e);
	add_call(f, 1, 1 * MS, 9 * MS, 0);
	convert_capture(f, "json");
	has(f, "{\"ph\":\"X\",\"cat\":\"gc\",\"pid\":100,\"tid\":100,\"ts\":2000.000,"
	       "\"dur\":3000.000,\"name\":\"garbage collection\","
	       "\"args\":{\"generation\":2,\"collected\":31}}");
	has(f, "\"overlapping_moved\":0");
}

/* In what width the name is stored does not matter; nothing in it harms the file. */
static void test_marks(void **state)
{
	struct build_event e = { .tid = 100,
				 .what = VTBPF_EVENT_MARK,
				 .start = 2 * MS,
				 .end = 2 * MS,
				 .text = { "a \"mark\"\n\xff" } };
	struct fixture *f = *state;
	struct vtbpf_rec_event *r;

	add_call(f, 1, 1 * MS, 9 * MS, 0);
	builder__event(&f->b, &e);
	e.text[0] = "abcdefgh";
	builder__event(&f->b, &e);
	r = (void *)(f->b.data + f->b.len - sizeof(*r) - 8);
	memcpy(r->data, (uint16_t[]){ 0x76d1, 0xd800, 0xfc, 'z' }, 8);
	r->text[0].width = 2;
	e.text[0] = NULL;
	builder__event(&f->b, &e);
	convert_capture(f, "json");
	has(f, "{\"ph\":\"i\",\"cat\":\"mark\",\"pid\":100,\"tid\":100,\"ts\":2000.000,\"s\":\"t\","
	       "\"name\":\"a \\\"mark\\\"\\n\xef\xbf\xbd\"}");
	has(f, "\"name\":\"\xe7\x9b\x91\xef\xbf\xbd\xc3\xbcz\"}");
	has(f, "\"name\":\"\"}");
}

static void add_exception(struct fixture *f, uint16_t what, int64_t value, const char *message)
{
	struct build_event e = { .tid = 100,
				 .what = what,
				 .start = 2 * MS,
				 .end = 2 * MS,
				 .code = 1,
				 .value = { value },
				 .text = { "My\"Error", message } };
	struct vtbpf_rec_event *r;

	builder__event(&f->b, &e);
	if (!message)
		return;
	r = (void *)(f->b.data + f->b.len - (sizeof(*r) + 16));
	r->text[1].width = 1;
}

/* Without a message there is none, and what is not known is left out. */
static void test_exceptions(void **state)
{
	struct fixture *f = *state;

	add_call(f, 1, 1 * MS, 9 * MS, 0);
	add_exception(f, VTBPF_EVENT_RAISED, 14, "abc\xe9");
	add_exception(f, VTBPF_EVENT_RAISED, 0, NULL);
	add_exception(f, VTBPF_EVENT_CAUGHT, 3, NULL);
	add_exception(f, VTBPF_EVENT_CAUGHT, VTBPF_NOT_COUNTED, NULL);
	convert_capture(f, "json");
	has(f, "{\"ph\":\"i\",\"cat\":\"exception\",\"pid\":100,\"tid\":100,\"ts\":2000.000,"
	       "\"s\":\"t\",\"name\":\"Exception - My\\\"Error\",\"args\":{"
	       "\"type\":\"My\\\"Error\",\"message\":\"abc\xc3\xa9\",\"in\":\"");
	has(f, ",\"line\":14}}");
	has(f, "\"name\":\"caught - My\\\"Error\"");
	has(f, ",\"unwound\":3}}");
	lacks(f, "\"line\":0");
	lacks(f, "\"unwound\":-1");
}

/* Written after the thread's later calls, or before earlier ones: they stay on the thread's track. */
static void test_order_of_what_is_alone(void **state)
{
	struct fixture *f = *state;

	add(f, VTBPF_EVENT_RUNNABLE, 6 * MS, 7 * MS, 0);
	add_call(f, 2, 2 * MS, 3 * MS, 1);
	add_call(f, 1, 1 * MS, 9 * MS, 0);
	add(f, VTBPF_EVENT_RUNNABLE, 4 * MS, 5 * MS, 0);
	convert_capture(f, "json");
	has(f, "\"overlapping_moved\":0");
	lacks(f, "overlapping>");
}

static void test_unknown_and_damaged(void **state)
{
	struct build_event e = { .tid = 100, .what = 999, .start = 2 * MS, .end = 3 * MS };
	struct fixture *f = *state;
	struct vtbpf_rec_event *r;
	struct event ev;

	builder__event(&f->b, &e);
	e.what = VTBPF_EVENT_BLOCKED;
	e.text[1] = "abcdefgh";
	builder__event(&f->b, &e);
	r = (void *)(f->b.data + f->b.len - sizeof(*r) - 8);
	assert_int_equal(decoder__decode(&r->rec, &ev), 0);
	assert_int_equal(ev.other.text[0].bytes.len, 0);
	assert_memory_equal(ev.other.text[1].bytes.data, "abcdefgh", 8);
	r->text[2].bytes = 1;
	assert_true(decoder__decode(&r->rec, &ev) < 0);
	r->text[2].bytes = 0;
	r->text[0].bytes = 0xffff;
	assert_true(decoder__decode(&r->rec, &ev) < 0);
	r->text[0].bytes = 0;
	r->dur = UINT64_MAX;
	assert_true(decoder__decode(&r->rec, &ev) < 0);
	r->dur = 0;
	add_calls(f);
	convert_capture(f, "json");
	lacks(f, "sched");
}

static void test_ignored_thread(void **state)
{
	static const char *ignored[] = { "100" };
	struct fixture *f = *state;

	add(f, VTBPF_EVENT_RUNNABLE, 3 * MS, 4 * MS, 0);
	f->opts.filter.ignore_threads = ignored;
	f->opts.filter.n_ignore_threads = 1;
	convert_capture(f, "json");
	lacks(f, "runnable");
	assert_int_equal(f->sum.ignored, 1);
}

/* Calls' own filters do not concern it. */
static void test_filters_of_calls(void **state)
{
	struct fixture *f = *state;

	add_call(f, 1, 1 * MS, 2 * MS, 0);
	add(f, VTBPF_EVENT_RUNNABLE, 3 * MS, 4 * MS, 0);
	f->opts.filter.min_duration_ns = 1000 * MS;
	f->opts.filter.max_stack_depth = 0;
	convert_capture(f, "json");
	has(f, "runnable");
	assert_int_equal(f->sum.calls, 0);
}

static void add_span(struct fixture *f, uint8_t kind, uint64_t from, uint64_t to)
{
	struct vtbpf_rec_pause *p = builder__record(&f->b, kind, 100, sizeof(*p) - 8);

	p->from = from;
	p->to = to;
}

/* It begins after the calls that run when a window begins, which are up to 65,536 ns apart. */
static void test_windows(void **state)
{
	struct fixture *f = *state;

	add_span(f, VTBPF_REC_WINDOW, 10 * MS, 20 * MS);
	add_span(f, VTBPF_REC_WINDOW, 30 * MS, 40 * MS);
	add(f, VTBPF_EVENT_RUNNABLE, 5 * MS, 6 * MS, 0);
	add(f, VTBPF_EVENT_RUNNABLE, 7 * MS, 12 * MS, 0);
	add(f, VTBPF_EVENT_RUNNABLE, 15 * MS, 25 * MS, 0);
	add(f, VTBPF_EVENT_RUNNABLE, 26 * MS, 27 * MS, 0);
	add(f, VTBPF_EVENT_RUNNABLE, 29 * MS, 31 * MS, 0);
	convert_capture(f, "json");
	lacks(f, "\"ts\":5000.000");
	has(f, "\"ts\":10065.536,\"dur\":1934.464,\"name\":\"runnable\"");
	has(f, "\"ts\":15000.000,\"dur\":5000.000,\"name\":\"runnable\"");
	lacks(f, "\"ts\":26000.000");
	has(f, "\"ts\":30065.536,\"dur\":934.464,\"name\":\"runnable\"");
}

static void test_pauses(void **state)
{
	struct fixture *f = *state;

	add_span(f, VTBPF_REC_PAUSE, 10 * MS, 20 * MS);
	add_span(f, VTBPF_REC_PAUSE, 30 * MS, 40 * MS);
	add(f, VTBPF_EVENT_RUNNABLE, 8 * MS, 11 * MS, 0);
	add(f, VTBPF_EVENT_RUNNABLE, 12 * MS, 13 * MS, 0);
	add(f, VTBPF_EVENT_RUNNABLE, 15 * MS, 35 * MS, 0);
	convert_capture(f, "json");
	has(f, "\"ts\":8000.000,\"dur\":2000.000,\"name\":\"runnable\"");
	lacks(f, "\"ts\":12000.000");
	has(f, "\"ts\":20065.536,\"dur\":9934.464,\"name\":\"runnable\"");
}

static void test_pftrace(void **state)
{
	struct fixture *f = *state;

	add(f, VTBPF_EVENT_RUNNABLE, 2 * MS, 3 * MS, 0);
	add(f, VTBPF_EVENT_BLOCKED, 3 * MS, 4 * MS, VTBPF_NO_SYSCALL);
	convert_capture(f, "pftrace");
	has(f, "runnable");
	has(f, "blocked: page fault");
	has(f, "waker");
	has(f, "Main;Thread"); /* the track has a name though it has no calls */
}

static void test_html(void **state)
{
	struct html_slice slices[4];
	struct fixture *f = *state;
	struct html_reader r;
	uint64_t i = 0, n = 0;

	add_call(f, 1, 1 * MS, 9 * MS, 0);
	add(f, VTBPF_EVENT_RUNNABLE, 2 * MS, 3 * MS, 0);
	add(f, VTBPF_EVENT_RUNNABLE, 4 * MS, 5 * MS, 0);
	convert_capture(f, "html");
	html_reader__open(&r, f->text);
	assert_int_equal(html_reader__next(&r, 'T'), 1);
	for (; r.p < r.end; i++) {
		assert_int_equal(html_reader__number(&r), 100);
		html_reader__number(&r);
		assert_int_equal(html_reader__number(&r), 100);
		html_reader__number(&r);
		html_reader__number(&r);
		if (!strcmp(html_reader__text(&r), "Main;Thread events"))
			n = i;
	}
	assert_int_equal(n, 1);
	html_reader__rewind(&r);
	assert_int_equal(html_reader__slices(&r, n, slices, 4), 2);
	html_reader__close(&r);
	assert_int_equal(f->sum.calls, 1);
}

/* Formats that show nothing but calls; and a copy, which keeps it. */
static void test_other_formats(void **state)
{
	static const char *const formats[] = { "folded", "speedscope", "pprof" };
	struct fixture *f = *state;

	add_calls(f);
	add(f, VTBPF_EVENT_RUNNABLE, 2 * MS, 3 * MS, 0);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		convert_capture(f, formats[i]);
		lacks(f, "runnable");
	}
	convert_capture(f, "vtb");
	assert_true(f->n >= f->b.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FORMAT_TEST(test_json),
		FORMAT_TEST(test_whose_thread),
		FORMAT_TEST(test_collections),
		FORMAT_TEST(test_marks),
		FORMAT_TEST(test_exceptions),
		FORMAT_TEST(test_order_of_what_is_alone),
		FORMAT_TEST(test_unknown_and_damaged),
		FORMAT_TEST(test_ignored_thread),
		FORMAT_TEST(test_filters_of_calls),
		FORMAT_TEST(test_windows),
		FORMAT_TEST(test_pauses),
		FORMAT_TEST(test_pftrace),
		FORMAT_TEST(test_html),
		FORMAT_TEST(test_other_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
