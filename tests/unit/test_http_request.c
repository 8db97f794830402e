// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../user/http_request.h"

static ssize_t parse(const char *text, struct http_request *r)
{
	return http_request__parse(text, strlen(text), r);
}

static void test_whole(void **state)
{
	static const char text[] = "GET /x%20y?z HTTP/1.1\r\nhOST:\t127.0.0.1:80 \r\n"
				   "X-Empty:\r\nOrigin: https://a.b\r\n\r\nbody";
	struct http_request r;

	(void)state;
	assert_int_equal(parse(text, &r), sizeof(text) - 1 - 4);
	assert_int_equal(r.method, HTTP_GET);
	assert_true(http_span__is(r.target, "/x%20y?z"));
	assert_true(http_span__is(r.host, "127.0.0.1:80"));
	assert_true(http_span__is(r.origin, "https://a.b"));
	assert_false(http_span__is(r.origin, "https://a.bc"));
	assert_false(http_span__is(r.origin, "https://a"));
}

static void test_methods(void **state)
{
	static const struct {
		const char *text;
		enum http_method method;
	} cases[] = {
		{ "HEAD / HTTP/1.0\r\n\r\n", HTTP_HEAD },
		{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OPTIONS },
		{ "POST / HTTP/1.0\r\n\r\n", HTTP_OTHER },
		{ "get / HTTP/1.0\r\n\r\n", HTTP_OTHER },
	};
	struct http_request r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, &r), strlen(cases[i].text));
		assert_int_equal(r.method, cases[i].method);
		assert_null(r.origin.p);
	}
}

static void test_in_parts(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct http_request r;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(http_request__parse(text, n, &r), 0);
	assert_int_equal(http_request__parse(text, sizeof(text) - 1, &r), sizeof(text) - 1);
}

static void test_refused(void **state)
{
	static const char *const cases[] = {
		"\r\n\r\n",
		"GET /\r\n\r\n",
		"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
		"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
		" GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n", /* no Host */
		"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nOrigin: b\r\nOrigin: c\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
	};
	static const char nul[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
	struct http_request r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (parse(cases[i], &r) != -EBADMSG)
			fail_msg("taken: %s", cases[i]);
	assert_int_equal(http_request__parse(nul, sizeof(nul) - 1, &r), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_in_parts),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
