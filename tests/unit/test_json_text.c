// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../user/decode/json_text.h"

static struct json_span span(const char *text)
{
	return (struct json_span){ text, strlen(text) };
}

/* A value ends where it ends, in whatever pieces it comes. */
static void test_ends(void **state)
{
	static const struct {
		const char *text;
		size_t n; /* of the value; 0: never done */
	} values[] = {
		{ "{} ,", 2 },	      { "[1,[2,{\"a]\":3}]],", 16 },
		{ "\"a\\\"b\",", 6 }, { "12.5,", 4 },
		{ "true}", 4 },	      { "-1e3 ", 4 },
		{ "\"\\\\\"\"", 4 },  { "{\"a\":[", 0 },
		{ "\"open", 0 },      { "12", 0 },
		{ "[}", 0 },	      { "{\"a\":1]", 0 },
		{ "]", 0 },	      { ",", 0 },
	};
	size_t i, cut, len;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		len = strlen(values[i].text);
		for (cut = 0; cut <= len; cut++) {
			struct json_scan s = {};
			size_t n = json_scan__run(&s, values[i].text, cut);

			if (n == cut && !s.done && !s.bad)
				n += json_scan__run(&s, values[i].text + n, len - n);
			assert_int_equal(s.done, values[i].n > 0);
			if (s.done)
				assert_int_equal(n, values[i].n);
		}
	}
}

/* What is looked for eight bytes at a time: at each place, behind bytes that are next to it in value. */
static void test_strings_end(void **state)
{
	static const char fill[] = "!#[]\xa2\xdc\x80\xff\x01";
	char text[64];
	size_t n, escape, i;

	(void)state;
	for (n = 0; n < 40; n++) {
		for (escape = 0; escape <= n; escape++) { /* n: none */
			struct json_scan whole = {}, pieces = {};
			struct json_span rest, value;

			text[0] = '[';
			text[1] = '"';
			for (i = 0; i < n; i++)
				text[2 + i] = fill[(i + escape) % (sizeof(fill) - 1)];
			if (escape + 1 < n)
				memcpy(text + 2 + escape, "\\\"", 2);
			memcpy(text + 2 + n, "\"]\"", 3);
			assert_int_equal(json_scan__run(&whole, text, n + 5), n + 4);
			assert_true(whole.done);
			for (i = 0; i < n + 4; i++)
				assert_int_equal(json_scan__run(&pieces, text + i, 1), 1);
			assert_true(pieces.done);
			assert_true(
				json_text__enter((struct json_span){ text, n + 4 }, '[', &rest));
			assert_int_equal(json_text__next_element(&rest, &value), 1);
			assert_int_equal(value.n, n + 2);
		}
	}
}

static void test_depth_is_bounded(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 2];
	struct json_scan s = {};

	(void)state;
	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_int_equal(json_scan__run(&s, text, 2 * JSON_DEPTH_MAX), 2 * JSON_DEPTH_MAX);
	assert_true(s.done);
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(&s, 0, sizeof(s));
	json_scan__run(&s, text, JSON_DEPTH_MAX + 1);
	assert_true(s.bad);
}

static void test_members(void **state)
{
	struct json_span object = span("{ \"a\" : 1 , \"b}\":{\"c\":[2]},\"d\":\"x\"}"), rest, key,
			 value;

	(void)state;
	assert_true(json_text__enter(object, '{', &rest));
	assert_int_equal(json_text__next_member(&rest, &key, &value), 1);
	assert_true(json_text__is(key, "a") && json_text__is(value, "1"));
	assert_int_equal(json_text__next_member(&rest, &key, &value), 1);
	assert_true(json_text__is(key, "b}") && json_text__is(value, "{\"c\":[2]}"));
	assert_int_equal(json_text__next_member(&rest, &key, &value), 1);
	assert_int_equal(json_text__next_member(&rest, &key, &value), 0);
	assert_true(json_text__find(object, "d", &value));
	assert_true(json_text__is(value, "\"x\""));
	assert_false(json_text__find(object, "c", &value));
	assert_false(json_text__enter(object, '[', &rest));
}

static void test_elements(void **state)
{
	struct json_span rest, value;

	(void)state;
	assert_true(json_text__enter(span("[ 1, [2] ]"), '[', &rest));
	assert_int_equal(json_text__next_element(&rest, &value), 1);
	assert_int_equal(json_text__next_element(&rest, &value), 1);
	assert_true(json_text__is(value, "[2]"));
	assert_int_equal(json_text__next_element(&rest, &value), 0);
	assert_true(json_text__enter(span("[]"), '[', &rest));
	assert_int_equal(json_text__next_element(&rest, &value), 0);
}

static void test_bad_members(void **state)
{
	static const char *const bad[] = {
		"{\"a\"}",	     "{\"a\":}", "{a:1}", "{\"a\":1,}",
		"{\"a\":1 \"b\":2}", "{,}",	 "{1:2}", "{\"a\"",
	};
	struct json_span rest, key, value;
	size_t i;
	int more;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(json_text__enter(span(bad[i]), '{', &rest));
		while ((more = json_text__next_member(&rest, &key, &value)) > 0)
			;
		if (more != -EBADMSG)
			fail_msg("%s is taken", bad[i]);
	}
}

/* Nanoseconds to the last digit, where a double has no room for them. */
static void test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} times[] = {
		{ "0", 0 },
		{ "1", 1000 },
		{ "931943718.373", 931943718373 },
		{ "1795303070979461.651", 1795303070979461651 },
		{ "0.5909999", 591 },
		{ "17.962999999523163", 17963 },
		{ "0.0004999", 0 },
		{ "0.0005", 1 },
		{ "-3.5", -3500 },
		{ "9.31943718373e8", 931943718373 },
		{ "12345E-1", 1234500 },
		{ "1e-9", 0 },
		{ "00.001", 1 },
		{ "999999999999999.999", 999999999999999999 },
		{ "1000000000000000.001", 1000000000000000001 },
		{ "123456789012345.6", 123456789012345600 },
		{ "1.2345", 1235 },
		{ "48650850440.51", 48650850440510 },
	};
	static const char *const bad[] = { "",	    "-",   ".5",    "1.",
					   "1e",    "1e+", "x",	    "1x",
					   "1.2.3", "nan", "1e400", "99999999999999999999" };
	int64_t ns;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		assert_true(json_text__us_to_ns(span(times[i].text), &ns));
		if (ns != times[i].ns)
			fail_msg("%s is %lld", times[i].text, (long long)ns);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (json_text__us_to_ns(span(bad[i]), &ns))
			fail_msg("%s is %lld", bad[i], (long long)ns);
	}
	assert_true(json_text__to_int(span("4711"), &ns));
	assert_int_equal(ns, 4711);
}

static void test_strings(void **state)
{
	char out[128];

	(void)state;
	assert_int_equal(json_text__unquote(span("\"a\\n\\\"\\\\\\/\\u00e9\""), out), 7);
	assert_string_equal(out, "a\n\"\\/\xc3\xa9");
	assert_int_equal(json_text__unquote(span("\"\\u76d1\\ud83d\\ude00\\ud83d!\""), out), 11);
	assert_string_equal(out, "\xe7\x9b\x91\xf0\x9f\x98\x80\xef\xbf\xbd!");
	assert_int_equal(json_text__unquote(span("\"\""), out), 0);
	assert_int_equal(json_text__unquote(span("\"\\u12\""), out), -EBADMSG);
	assert_int_equal(json_text__unquote(span("\"\\x\""), out), -EBADMSG);
	assert_int_equal(json_text__unquote(span("12"), out), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),	    cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_members),	    cmocka_unit_test(test_elements),
		cmocka_unit_test(test_bad_members), cmocka_unit_test(test_times),
		cmocka_unit_test(test_strings),	    cmocka_unit_test(test_strings_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
