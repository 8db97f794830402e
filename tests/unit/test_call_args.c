// SPDX-License-Identifier: GPL-2.0-only
/* What calls were made with: joined to them, shown by the formats, and no more kept than is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../user/decode/call_args.h"
#include "format_fixture.h"
#include "html_reader.h"

#define US 1000ULL
#define THREAD 100

/* An argument as the kernel side writes it: name and value of eight bytes at most. */
struct packed {
	struct vtbpf_arg a;
	char name[8], value[8];
};

static struct packed text_arg(const char *name, const char *value)
{
	struct packed p = { .a = { .length = strlen(value),
				   .bytes = (uint16_t)strlen(value),
				   .kind = VTBPF_ARG_STR,
				   .width = 1,
				   .name_bytes = (uint8_t)strlen(name),
				   .name_width = 1 } };

	memcpy(p.name, name, strlen(name));
	memcpy(p.value, value, strlen(value));
	return p;
}

/* Calls begin at different times, which tells them apart. */
static void add_args(struct fixture *f, uint32_t code, uint64_t start, uint16_t depth, bool asked)
{
	const struct packed args[2] = { text_arg("x", "one"), text_arg("a\"b", "<\n>") };
	const struct build_event e = { .tid = THREAD,
				       .what = VTBPF_EVENT_ARGS,
				       .start = start,
				       .end = start,
				       .code = code,
				       .value = { depth },
				       .text = { (const char *)args },
				       .bytes = sizeof(args),
				       .flags = asked ? VTBPF_F_ARGS_ASKED : 0 };

	builder__event(&f->b, &e);
}

#define SHOWN "\"func_args\":{\"x\":\"'one'\",\"a\\\"b\":\"'<\\\\n>'\"}"

static size_t count(const struct fixture *f, const char *what)
{
	const char *at = f->text;
	size_t n = 0;

	while ((at = memmem(at, f->n - (size_t)(at - f->text), what, strlen(what)))) {
		at += strlen(what);
		n++;
	}
	return n;
}

static void test_json(void **state)
{
	struct fixture *f = *state;

	add_args(f, 1, 10 * US, 0, true);
	add_args(f, 2, 20 * US, 1, false); /* not judged, and not asked for */
	add_call(f, 2, 20 * US, 30 * US, 1);
	add_call(f, 2, 40 * US, 50 * US, 1);
	add_call(f, 1, 10 * US, 60 * US, 0);
	convert_capture(f, "json");
	has(f, "\"ts\":10.000,\"dur\":50.000,\"name\":\"main (f.py:10)\",\"args\":{" SHOWN "}}");
	assert_int_equal(count(f, "func_args"), 1);
}

/* A function that had no verdict when it was called: the capture says which were asked for. */
static void test_first_calls(void **state)
{
	struct fixture *f = *state;

	builder__text(&f->b, VTBPF_TEXT_ARGS, "lea?", 4);
	builder__text(&f->b, VTBPF_TEXT_ARGS, "nothing", 7);
	add_args(f, 1, 10 * US, 0, false);
	add_args(f, 2, 20 * US, 1, false);
	add_call(f, 2, 20 * US, 30 * US, 1);
	add_call(f, 1, 10 * US, 60 * US, 0);
	convert_capture(f, "json");
	has(f, "\"ts\":20.000,\"dur\":10.000,");
	assert_int_equal(count(f, SHOWN), 1);
}

/* Records of calls come some at a time: those of several that are over may come after the next began. */
static void test_late_calls(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 1; i <= 40; i++)
		add_args(f, 2, i * 10 * US, 1, true);
	for (uint64_t i = 1; i <= 40; i++)
		add_call(f, 2, i * 10 * US, (i * 10 + 5) * US, 1);
	convert_capture(f, "json");
	assert_int_equal(count(f, SHOWN), 40);
}

/* The same is on calls in a page, and in Perfetto's format. */
static void test_other_formats(void **state)
{
	struct fixture *f = *state;
	struct html_reader r;

	add_args(f, 2, 20 * US, 1, true);
	add_call(f, 2, 20 * US, 30 * US, 1);
	add_call(f, 1, 10 * US, 60 * US, 0);
	convert_capture(f, "html");
	html_reader__open(&r, f->text);
	assert_true(html_reader__next(&r, 'A'));
	html_reader__number(&r);			    /* track */
	assert_int_equal(html_reader__number(&r), 10 * US); /* since the first call */
	assert_int_equal(html_reader__number(&r), 2);
	assert_string_equal(html_reader__text(&r), "x");
	assert_string_equal(html_reader__text(&r), "'one'");
	assert_string_equal(html_reader__text(&r), "a\"b");
	assert_string_equal(html_reader__text(&r), "'<\\n>'");
	assert_true(r.p == r.end);
	html_reader__close(&r);
	convert_capture(f, "pftrace");
	has(f, "func_args");
	has(f, "'one'");
	has(f, "leaf (");
}

/* VizTracer's --log_func_args; and what is no such thing. */
static void test_page_of_json(void **state)
{
	struct fixture *f = *state;
	struct html_reader r;

	convert_json(
		f, "html",
		"{\"traceEvents\":["
		"{\"ph\":\"X\",\"cat\":\"FEE\",\"pid\":1,\"tid\":1,\"ts\":10,\"dur\":5,"
		"\"name\":\"f (a.py:1)\",\"args\":{\"func_args\":{\"a\\\"b\":\"'\\u00e9\\n'\",\"n\":7}}},"
		"{\"ph\":\"X\",\"cat\":\"FEE\",\"pid\":1,\"tid\":1,\"ts\":20,\"dur\":5,"
		"\"name\":\"f (a.py:1)\",\"args\":{\"func_args\":[1,2]}},"
		"{\"ph\":\"X\",\"cat\":\"FEE\",\"pid\":1,\"tid\":1,\"ts\":30,\"dur\":5,"
		"\"name\":\"f (a.py:1)\",\"args\":{\"func_args\":{}}}]}");
	html_reader__open(&r, f->text);
	assert_true(html_reader__next(&r, 'A'));
	html_reader__number(&r);
	assert_int_equal(html_reader__number(&r), 0);
	assert_int_equal(html_reader__number(&r), 2);
	assert_string_equal(html_reader__text(&r), "a\"b");
	assert_string_equal(html_reader__text(&r), "'\303\251\n'");
	assert_string_equal(html_reader__text(&r), "n");
	assert_string_equal(html_reader__text(&r), "7");
	assert_true(r.p == r.end);
	html_reader__close(&r);
}

/* Calls that never come: what they were made with goes, however many there are. */
static void test_bounded(void **state)
{
	struct event ev = { .flags = VTBPF_F_ARGS_ASKED };
	const struct event_call outer = { .start = 1, .dur = 10000000, .depth = 0 };
	struct packed p = text_arg("x", "one");
	const struct code code = {};
	struct call_args c = {};
	struct thread th = {};
	struct session s = {};

	(void)state;
	ev.other.text[0].bytes = (struct event_bytes){ (const char *)&p, sizeof(p) };
	ev.other.start = 1;
	assert_int_equal(call_args__add(&c, &th, &ev), 0);
	for (uint64_t i = 2; i < 100000; i++) {
		ev.other.start = i;
		ev.other.value[0] = 1 + (int64_t)(i % 3);
		assert_int_equal(call_args__add(&c, &th, &ev), 0);
		assert_in_range(c.kept, 1, 300);
	}
	assert_int_equal(call_args__take(&c, &s, &th, &outer, &code), 0);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.kept, 0);
	call_args__release(&c);
}

/* Deeper and deeper, without an end. */
static void test_bounded_in_depth(void **state)
{
	struct packed p = text_arg("x", "one");
	struct call_args c = {};
	struct thread th = {};
	struct event ev = {};

	(void)state;
	ev.other.text[0].bytes = (struct event_bytes){ (const char *)&p, sizeof(p) };
	for (uint64_t i = 1; i < 300000; i++) {
		ev.other.start = i;
		ev.other.track = (uint32_t)(i % 3);
		ev.other.value[0] = (int64_t)i;
		assert_int_equal(call_args__add(&c, &th, &ev), 0);
	}
	assert_in_range(c.kept, 1, 1 << 17);
	call_args__release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FORMAT_TEST(test_json),
		FORMAT_TEST(test_first_calls),
		FORMAT_TEST(test_late_calls),
		FORMAT_TEST(test_other_formats),
		FORMAT_TEST(test_page_of_json),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_bounded_in_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
