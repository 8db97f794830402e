// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "../../user/decode/chrome_reader.h"

static const char path[] = "/tmp/vtbpf-test-chrome-reader.json";

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void save(const char *text, size_t n, bool gzip)
{
	gzFile gz = gzopen(path, gzip ? "wb" : "wbT");

	assert_non_null(gz);
	assert_int_equal(gzwrite(gz, text, (unsigned int)n), n);
	assert_int_equal(gzclose(gz), Z_OK);
}

static struct chrome_reader *open_reader(void)
{
	struct chrome_reader *r;
	char why[128];

	assert_int_equal(chrome_reader__open(path, &r, why, sizeof(why)), 0);
	return r;
}

/* All items as text: events in <>, keys as they are, values in (). The last kind is returned. */
static int read_all(struct chrome_reader *r, char *out, size_t size)
{
	static const char *const before[] = { "", "<", "", "(" }, *const behind[] = { "", ">", "",
										      ")" };
	struct chrome_item item;
	size_t n = 0;
	int kind;

	out[0] = '\0';
	while ((kind = chrome_reader__next(r, &item)) > 0)
		n += (size_t)snprintf(out + n, size - n, "%s%.*s%s", before[kind], (int)item.text.n,
				      item.text.p, behind[kind]);
	return kind;
}

static void expect(const char *text, const char *want)
{
	char out[1024];
	int gzip, again;

	for (gzip = 0; gzip < 2; gzip++) {
		struct chrome_reader *r;

		save(text, strlen(text), gzip);
		r = open_reader();
		for (again = 0; again < 2; again++) {
			assert_int_equal(read_all(r, out, sizeof(out)), CHROME_END);
			assert_string_equal(out, want);
			assert_int_equal(chrome_reader__rewind(r), 0);
		}
		chrome_reader__free(r);
	}
}

static void test_objects(void **state)
{
	(void)state;
	expect("{\"traceEvents\":[]}", "");
	expect("{}", "");
	expect("{\"traceEvents\" : [ {\"a\":1} ,\n{\"b\":\"]}\"}\r\n], \"x\": {\"y\":[1]} , \"z\" :7}\n",
	       "<{\"a\":1}><{\"b\":\"]}\"}>\"x\"({\"y\":[1]})\"z\"(7)");
	expect("{\"x\":null,\"traceEvents\":[{}],\"s\":\"\\\"}\"}",
	       "\"x\"(null)<{}>\"s\"(\"\\\"}\")");
}

static void test_bare_arrays(void **state)
{
	(void)state;
	expect("[]", "");
	expect(" [{\"a\":1},{}]", "<{\"a\":1}><{}>");
	/* Chrome's own traces may lack the end */
	expect("[{\"a\":1},{}", "<{\"a\":1}><{}>");
	expect("[{\"a\":1},\n", "<{\"a\":1}>");
}

static void test_what_is_no_trace(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *why;
	} bad[] = {
		{ "", -EMEDIUMTYPE, NULL },
		{ "hello", -EMEDIUMTYPE, "neither a capture nor" },
		{ "{\"traceEvents\":[{\"a\":1}", -EBADMSG, "cut off, at byte 23" },
		{ "{\"traceEvents\":[{\"a\":1},", -EBADMSG, "cut off" },
		{ "{\"traceEvents\":[{\"a\"", -EBADMSG, "middle of a value" },
		{ "{\"traceEvents\":[1]}", -EBADMSG, "no object" },
		{ "{\"traceEvents\":[{} {}]}", -EBADMSG, "no comma" },
		{ "{\"traceEvents\":{}}", -EBADMSG, "no array" },
		{ "{\"traceEvents\" []}", -EBADMSG, "no colon" },
		{ "{traceEvents:[]}", -EBADMSG, "no key" },
		{ "{\"x\":[1}}", -EBADMSG, "not JSON" },
		{ "{\"x\":\"abc", -EBADMSG, "middle of a value" },
		{ "{} {}", -EBADMSG, "more text" },
		{ "[{}]]", -EBADMSG, "more text" },
		{ "[[]]", -EBADMSG, "no object" },
	};
	char out[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct chrome_reader *r;
		int got;

		save(bad[i].text, strlen(bad[i].text), false);
		r = open_reader();
		got = read_all(r, out, sizeof(out));
		if (got != bad[i].err && *bad[i].text)
			fail_msg("%s gives %d", bad[i].text, got);
		if (bad[i].why && !strstr(chrome_reader__why(r), bad[i].why))
			fail_msg("%s: %s", bad[i].text, chrome_reader__why(r));
		chrome_reader__free(r);
	}
}

static void test_fits(void **state)
{
	(void)state;
	save("\n {", 3, false);
	assert_true(chrome_reader__fits(path));
	save("[", 1, false);
	assert_true(chrome_reader__fits(path));
	save("x", 1, true);
	assert_true(chrome_reader__fits(path));
	save("VTBPFcap", 8, false);
	assert_false(chrome_reader__fits(path));
	save("", 0, false);
	assert_false(chrome_reader__fits(path));
	assert_false(chrome_reader__fits("/nonexistent"));
}

/* Events larger than the buffer come whole; above the limit they are refused. */
static void test_large_events(void **state)
{
	static const size_t sizes[] = { 300 << 10, 5 << 20, CHROME_EVENT_MAX + 100 };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		char *text = malloc(sizes[i] + 64);
		struct chrome_item item;
		struct chrome_reader *r;
		size_t n = (size_t)sprintf(text, "{\"traceEvents\":[{},{\"a\":\"");

		memset(text + n, 'x', sizes[i]);
		strcpy(text + n + sizes[i], "\"},{}]}");
		save(text, strlen(text), true);
		free(text);
		r = open_reader();
		assert_int_equal(chrome_reader__next(r, &item), CHROME_EVENT);
		if (sizes[i] > CHROME_EVENT_MAX) {
			assert_int_equal(chrome_reader__next(r, &item), -EMSGSIZE);
			assert_non_null(strstr(chrome_reader__why(r), "larger than 16 MB"));
		} else {
			assert_int_equal(chrome_reader__next(r, &item), CHROME_EVENT);
			assert_int_equal(item.text.n, sizes[i] + 8);
			assert_int_equal(chrome_reader__next(r, &item), CHROME_EVENT);
			assert_int_equal(chrome_reader__next(r, &item), CHROME_END);
		}
		chrome_reader__free(r);
	}
}

static void test_cut_off_gzip(void **state)
{
	char text[4096], out[8192];
	struct chrome_reader *r;
	struct stat st;
	size_t i, n = 1;

	(void)state;
	text[0] = '[';
	for (i = 0; i < 100; i++)
		n += (size_t)sprintf(text + n, "%s{\"a\":%d}", i ? "," : "", rand());
	text[n++] = ']';
	save(text, n, true);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
	r = open_reader();
	assert_int_equal(read_all(r, out, sizeof(out)), -EBADMSG);
	assert_non_null(strstr(chrome_reader__why(r), "damaged or cut off"));
	chrome_reader__free(r);
}

static void test_no_regular_file(void **state)
{
	struct chrome_reader *r;
	char why[128];

	(void)state;
	assert_int_equal(chrome_reader__open("/dev/null", &r, why, sizeof(why)), -ESPIPE);
	assert_non_null(strstr(why, "read twice"));
	assert_int_equal(chrome_reader__open("/nonexistent", &r, why, sizeof(why)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_objects, teardown),
		cmocka_unit_test_teardown(test_bare_arrays, teardown),
		cmocka_unit_test_teardown(test_what_is_no_trace, teardown),
		cmocka_unit_test_teardown(test_fits, teardown),
		cmocka_unit_test_teardown(test_large_events, teardown),
		cmocka_unit_test_teardown(test_cut_off_gzip, teardown),
		cmocka_unit_test(test_no_regular_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
