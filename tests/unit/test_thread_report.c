// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../user/write/thread_report.h"

#define TEXT(s) ((char *)(s))

static struct live_thread threads[] = {
	{ .tid = 4242,
	  .ident = 0x7f21a8,
	  .python = true,
	  .daemon = LIVE_NO,
	  .state = LIVE_SLEEPING,
	  .cpu_ms = 61789,
	  .comm = "python3",
	  .name = TEXT("MainThread"),
	  .function = TEXT("serve"),
	  .file = TEXT("/srv/app.py"),
	  .line = 42 },
	{ .tid = 4250,
	  .ident = 0x7f21a9,
	  .python = true,
	  .daemon = LIVE_YES,
	  .holds_gil = true,
	  .state = LIVE_RUNNING,
	  .comm = "监控",
	  .name = TEXT("监控\x1b[0m\""),
	  .function = TEXT("f"),
	  .file = TEXT("<string>") },
	{ .tid = 4251,
	  .ident = 0x7f21aa,
	  .python = true,
	  .daemon = LIVE_UNKNOWN,
	  .state = LIVE_GIL_WAIT,
	  .cpu_ms = 5,
	  .comm = "x",
	  .function = TEXT("<unreadable>") },
	{ .tid = 4252, .daemon = LIVE_UNKNOWN, .state = LIVE_UNINTERRUPTIBLE, .comm = "nat\xe7" },
	{ .ident = 0x7f21ab, .python = true, .daemon = LIVE_UNKNOWN },
};

static struct live_threads live = { sizeof(threads) / sizeof(threads[0]), threads };
static const struct thread_report report = { 4242, "3.13.5", true, &live, 0 };

static char *as_json(const struct thread_report *r)
{
	char path[] = "/tmp/vtbpf-test-XXXXXX", *text = calloc(1, 4096);
	int fd = mkstemp(path);
	struct outbuf out;

	assert_non_null(text);
	unlink(path);
	assert_int_equal(outbuf__init(&out, fd, false), 0);
	thread_report__json(r, &out);
	assert_int_equal(outbuf__finish(&out), 0);
	assert_true(pread(fd, text, 4095, 0) > 0);
	close(fd);
	return text;
}

static void test_table(void **state)
{
	static const char expected[] =
		" TID  IDENT     NAME          COMM     DAEMON  STATE                     CPU  "
		"FRAME\n"
		"4242  0x7f21a8  MainThread    python3  no      sleeping              61.78 s  "
		"serve (/srv/app.py:42)\n"
		"4250  0x7f21a9  监控\\x1b[0m\"  监控     yes     running with the GIL   0.00 s  "
		"f (<string>)\n"
		"4251  0x7f21aa  -             x        -       waiting for the GIL    0.00 s  "
		"<unreadable>\n"
		"4252  -         -             nat\ufffd     -       uninterruptible       "
		" 0.00 s  native\n"
		"   -  0x7f21ab  -             -        -       -                           -  -\n";
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	assert_int_equal(thread_report__table(&report, out), 0);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

/* Of a pid namespace of its own: what it and its threads call themselves is there, too. */
static void test_inner(void **state)
{
	static struct live_thread inner[] = {
		{ .tid = 4242, .ns_tid = 1, .daemon = LIVE_UNKNOWN, .comm = "a" },
		{ .daemon = LIVE_UNKNOWN },
	};
	static struct live_threads in = { 2, inner };
	static const struct thread_report contained = { 4242, "3.9.2", false, &in, 1 };
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	assert_int_equal(thread_report__table(&contained, out), 0);
	fclose(out);
	assert_memory_equal(text, " TID  NS-TID  IDENT", 19);
	assert_non_null(strstr(text, "\n4242       1  -"));
	assert_non_null(strstr(text, "\n   -       -  -"));
	free(text);
	text = as_json(&contained);
	assert_non_null(strstr(text, "\"pid\":4242,\"ns_pid\":1,"));
	assert_non_null(strstr(text, "\"tid\":4242,\"ns_tid\":1,"));
	assert_non_null(strstr(text, "\"tid\":null,\"ident\""));
	free(text);
}

static void test_json(void **state)
{
	static const char expected[] =
		"{\"pid\":4242,\"python\":\"3.13.5\",\"free_threaded\":true,\"threads\":["
		"{\"tid\":4242,\"ident\":8331688,\"name\":\"MainThread\",\"comm\":\"python3\","
		"\"daemon\":false,\"native\":false,\"state\":\"sleeping\",\"holds_gil\":false,"
		"\"cpu_ms\":61789,\"frame\":{\"function\":\"serve\",\"file\":\"/srv/app.py\","
		"\"line\":42}},"
		"{\"tid\":4250,\"ident\":8331689,\"name\":\"监控\\u001b[0m\\\"\",\"comm\":\"监控\","
		"\"daemon\":true,\"native\":false,\"state\":\"running\",\"holds_gil\":true,"
		"\"cpu_ms\":0,\"frame\":{\"function\":\"f\",\"file\":\"<string>\",\"line\":null}},"
		"{\"tid\":4251,\"ident\":8331690,\"name\":null,\"comm\":\"x\",\"daemon\":null,"
		"\"native\":false,\"state\":\"waiting for the GIL\",\"holds_gil\":false,"
		"\"cpu_ms\":5,\"frame\":{\"function\":\"<unreadable>\",\"file\":null,"
		"\"line\":null}},"
		"{\"tid\":4252,\"ident\":null,\"name\":null,\"comm\":\"nat\ufffd\",\"daemon\":null,"
		"\"native\":true,\"state\":\"uninterruptible\",\"holds_gil\":false,\"cpu_ms\":0,"
		"\"frame\":null},"
		"{\"tid\":null,\"ident\":8331691,\"name\":null,\"comm\":null,\"daemon\":null,"
		"\"native\":false,\"state\":null,\"holds_gil\":false,\"cpu_ms\":null,"
		"\"frame\":null}]}\n";
	char *text = as_json(&report);

	(void)state;
	assert_string_equal(text, expected);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_inner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
