// SPDX-License-Identifier: GPL-2.0-only
/* `convert` of Chrome traces: what stays of them, to the byte. */
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
#include <zlib.h>

#include "convert_fixture.h"

static int convert(struct fixture *f, const char *text)
{
	FILE *file = fopen(f->in, "w");
	gzFile gz;
	int err, n;

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	err = convert__run(&f->opts, &f->sum);
	if (err)
		return err;
	gz = gzopen(f->out, "rb");
	n = gzread(gz, f->text, sizeof(f->text) - 1);
	gzclose(gz);
	assert_true(n > 0);
	f->text[n] = '\0';
	return 0;
}

static void has(const struct fixture *f, const char *what, bool wanted)
{
	if (!strstr(f->text, what) == wanted)
		fail_msg("%s\"%s\" in: %s", wanted ? "no " : "", what, f->text);
}

/* Two threads and a greenlet of one of them, in VizTracer's order and with its names. */
#define NAME(tid, name)                         \
	"{\"ph\":\"M\",\"pid\":7,\"tid\":" #tid \
	",\"name\":\"thread_name\",\"args\":{\"name\":\"" name "\"}}"
#define CALL(tid, ts, dur, name)                                                                \
	"{\"pid\":7,\"tid\":" #tid ",\"ts\":" #ts ",\"ph\":\"X\",\"cat\":\"FEE\",\"dur\":" #dur \
	",\"name\":\"" name "\"}"
#define GREENLET                                                                                   \
	"{\"ph\":\"X\",\"cat\":\"FEE\",\"pid\":7,\"tid\":4194305,\"ts\":6.0,\"dur\":1.0,\"name\":" \
	"\"green (/a.py:9)\",\"args\":{\"tid\":8}}"
#define INSTANT "{\"ph\":\"i\",\"pid\":7,\"tid\":8,\"ts\":5,\"name\":\"hello\",\"s\":\"t\"}"
#define PROCESS                                                                  \
	"{\"ph\":\"M\",\"pid\":7,\"tid\":7,\"name\":\"process_name\",\"args\":{" \
	"\"name\":\"MainP\"}}"
#define NAMES NAME(7, "MainThread") "," NAME(8, "Mon\\u00eftor") "," NAME(4194305, "green one")
#define LEN CALL(7, 2.500, 0.25, "builtins.len")
#define G CALL(7, 2.000, 1.000, "g (/lib/b.py:3)")
#define F CALL(7, 1.000, 3.000, "f (/srv/a.py:1)")
#define H CALL(8, 5, 4, "h (/srv/a.py:7)")
#define EVENTS PROCESS "," NAMES ",\n" LEN "," G ", " F "," GREENLET "," H "," INSTANT
#define REST \
	"\"viztracer_metadata\": {\"version\":\"1.1.1\", \"overflow\": false}, \"other\":[1, {\"x\":2}]"
#define REPORT "{\"traceEvents\": [" EVENTS "], " REST "}"

static void test_unfiltered(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(convert(f, REPORT), 0);
	has(f, LEN "\n," G "\n," F, true);
	has(f,
	    "\n],\"viztracer_metadata\":{\"version\":\"1.1.1\", \"overflow\": false},"
	    "\"other\":[1, {\"x\":2}],"
	    "\"vtbpf\":{\"version\":",
	    true);
	has(f, "\"filters\":[],\"removed\":{\"threads\":0,", true);
	assert_int_equal(f->sum.calls, 5);
	assert_int_equal(f->sum.threads, 2);
	assert_int_equal(f->sum.filtered, 0);
	assert_true(f->sum.bytes > sizeof(REPORT));
}

static void test_ignored_thread(void **state)
{
	static const char *ignored[] = { "Mon\xc3\xaftor" };
	struct fixture *f = *state;

	f->opts.filter.ignore_threads = ignored;
	f->opts.filter.n_ignore_threads = 1;
	assert_int_equal(convert(f, REPORT), 0);
	has(f, "\"tid\":8", false);	  /* its instants and its name neither */
	has(f, "\"tid\":4194305", false); /* its greenlet is of it */
	has(f, "process_name", true);
	assert_int_equal(f->sum.calls, 3);
	assert_int_equal(f->sum.ignored, 3);
	assert_int_equal(f->sum.ignored_threads, 1);
	has(f, "\"filters\":[\"--ignore-thread Mon\xc3\xaftor\"]", true);
	has(f, "\"of_threads\":3", true);
	ignored[0] = "7";
	assert_int_equal(convert(f, REPORT), 0);
	has(f, "process_name", true); /* of the process, not of its main thread */
	has(f, "MainThread", false);
	f->opts.filter.only_threads = ignored;
	f->opts.filter.n_only_threads = 1;
	f->opts.filter.n_ignore_threads = 0;
	assert_int_equal(convert(f, REPORT), 0);
	assert_int_equal(f->sum.calls, 3);
}

static void test_functions(void **state)
{
	static const char *items[1];
	struct str_list list = { items, 1 };
	struct fixture *f = *state;

	items[0] = "g";
	f->opts.filter.functions.ignore = list;
	assert_int_equal(convert(f, REPORT), 0);
	has(f, "builtins.len", false);
	has(f, "\"g (", false);
	has(f, "\"f (", true);
	assert_int_equal(f->sum.hidden, 2);
	items[0] = "/srv/*:h";
	assert_int_equal(convert(f, REPORT), 0);
	has(f, "\"pid\":7,\"tid\":8,", false); /* nothing is left of it */
	has(f, "\"args\":{\"tid\":8}", true);  /* the greenlet was not called by it */
	f->opts.filter.functions = (struct function_filter){ .include_files = list };
	items[0] = "/srv";
	assert_int_equal(convert(f, REPORT), 0);
	has(f, "\"g (", false);
	has(f, "builtins.len", false); /* without a file: as its caller */
	items[0] = "/lib/";
	assert_int_equal(convert(f, REPORT), 0);
	has(f, "builtins.len", true);
	has(f, "\"f (", false);
	f->opts.filter.functions = (struct function_filter){ .exclude_files = list };
	assert_int_equal(convert(f, REPORT), 0);
	has(f, "builtins.len", true);
	has(f, "\"g (", false);
	f->opts.filter.functions.cut = true;
	assert_int_equal(convert(f, REPORT), 0);
	has(f, "builtins.len", false);
}

static void test_depth_duration_newest(void **state)
{
	struct fixture *f = *state;

	f->opts.filter.max_stack_depth = 2;
	assert_int_equal(convert(f, REPORT), 0);
	assert_int_equal(f->sum.too_deep, 1);
	has(f, "builtins.len", false);
	f->opts.filter.max_stack_depth = -1;
	f->opts.filter.min_duration_ns = 1000; /* equal is kept */
	assert_int_equal(convert(f, REPORT), 0);
	assert_int_equal(f->sum.too_short, 1);
	assert_int_equal(f->sum.calls, 4);
	has(f, INSTANT, true);
	f->opts.filter.min_duration_ns = 0;
	f->opts.filter.tracer_entries = 2;
	assert_int_equal(convert(f, REPORT), 0);
	assert_int_equal(f->sum.too_old, 3);
	has(f, "\"green (", true);
	has(f, "\"h (", true);
	has(f, "\"f (", false);
	has(f, "\"viztracer_metadata\":{\"overflow\":true,\"version\":\"1.1.1\"}", true);
	has(f, INSTANT, true);
	f->opts.filter.tracer_entries = 5;
	assert_int_equal(convert(f, REPORT), 0);
	has(f, "\"overflow\": false", true);
}

static void test_bare_array(void **state)
{
	struct fixture *f = *state;

	f->opts.filter.tracer_entries = 1;
	assert_int_equal(convert(f, "[" EVENTS), 0);
	assert_int_equal(f->sum.calls, 1);
	has(f, "{\"traceEvents\":[{\"ph\":\"M\"", true);
	has(f, "\"viztracer_metadata\":{\"overflow\":true},\"vtbpf\":{", true);
}

/* What vtbpf wrote before is kept, and added to. */
static void test_filtered_again(void **state)
{
	static const char *ignored[] = { "ident:0x7f08" };
	struct fixture *f = *state;

	f->opts.filter.ignore_threads = ignored;
	f->opts.filter.n_ignore_threads = 1;
	assert_int_equal(
		convert(f,
			"{\"vtbpf\":{\"host\":\"box\",\"filters\":[\"--min-duration 1us\"],"
			"\"losses\":{\"total\":3},\"removed\":{\"of_threads\":10,\"too_short\":4},"
			"\"threads\":[{\"tid\":7,\"pid\":7,\"comm\":\"py\"},{\"tid\":8,\"pid\":7,"
			"\"ident\":\"0x7f08\"}],\"written_by\":\"vtbpf 0\"},\"traceEvents\":[" EVENTS
			"]}"),
		0);
	has(f, "\"tid\":8", false);
	has(f,
	    "],\"vtbpf\":{\"host\":\"box\",\"losses\":{\"total\":3},\"filters\":[\"--min-duration 1us\","
	    "\"--ignore-thread ident:0x7f08\"],\"removed\":{\"threads\":1,\"of_threads\":13,"
	    "\"of_functions\":0,\"too_short\":4,",
	    true);
	has(f, "\"threads\":[{\"tid\":7,\"pid\":7,\"comm\":\"py\"}],\"written_by\":", true);
	assert_int_equal(f->sum.lost, 3);
	f->opts.filter.n_ignore_threads = 0;
	f->opts.filter.tracer_entries = 1;
	assert_int_equal(convert(f, f->text), 0);
	has(f, "\"--tracer-entries 1\"]", true);
}

static void test_callers_first(void **state)
{
	static const char *items[] = { "g" };
	struct fixture *f = *state;

	f->opts.filter.functions.ignore = (struct str_list){ items, 1 };
	f->opts.filter.max_stack_depth = 2;
	assert_int_equal(
		convert(f, "[" CALL(7, 1, 8, "f (/a:1)") "," CALL(7, 2, 2, "g (/a:2)") "," CALL(
				   7, 2, 1, "len") "," CALL(7, 5, 1,
							    "f (/a:1)") "," CALL(7, 5.5, 0.1,
										 "f (/a:1)") "]"),
		0);
	assert_int_equal(f->sum.calls, 2);
	assert_int_equal(f->sum.hidden, 2);
	assert_int_equal(f->sum.too_deep, 1);
	assert_int_equal(convert(f,
				 "[" CALL(7, 5, 1, "f (/a:1)") "," CALL(
					 7, 1, 2, "f (/a:1)") "," CALL(7, 1.5, 1, "f (/a:1)") "]"),
			 -EILSEQ);
	assert_int_equal(access(f->out, F_OK), 0); /* the one before */
	f->opts.filter.functions.ignore.n = 0;
	f->opts.filter.max_stack_depth = -1;
	f->opts.filter.min_duration_ns = 1500; /* needs no order */
	assert_int_equal(convert(f,
				 "[" CALL(7, 5, 1, "f (/a:1)") "," CALL(
					 7, 1, 2, "f (/a:1)") "," CALL(7, 1.5, 1, "f (/a:1)") "]"),
			 0);
	assert_int_equal(f->sum.calls, 1);
}

/* Times of today in microseconds have more digits than a double holds. */
static void test_long_times(void **state)
{
	struct fixture *f = *state;

	f->opts.filter.max_stack_depth = 1;
	assert_int_equal(convert(f, "[" CALL(7, 1795303070979461.651, 0.002, "in (/a:1)") "," CALL(
					    7, 1795303070979461.650, 0.003,
					    "out (/a:1)") "," CALL(7, 1795303070979461.654, 0.001,
								   "next (/a:1)") "]"),
			 0);
	assert_int_equal(f->sum.calls, 2);
	has(f, "\"in (", false);
}

static void test_odd_events(void **state)
{
	static const char *ignored[] = { "main" };
	struct fixture *f = *state;

	f->opts.filter.ignore_threads = ignored;
	f->opts.filter.n_ignore_threads = 1;
	f->opts.filter.min_duration_ns = 1000000;
	assert_int_equal(
		convert(f,
			"[{\"ph\":\"C\",\"pid\":1,\"name\":\"c\",\"args\":{\"a\":1}},"
			"{\"ph\":\"X\",\"pid\":\"p\",\"tid\":\"render\",\"ts\":1,\"dur\":-1},"
			"{\"ph\":\"X\",\"pid\":1,\"tid\":2,\"ts\":\"1\",\"dur\":1,\"name\":\"q\"},"
			"{\"ph\":\"X\",\"cat\":\"gc\",\"pid\":1,\"tid\":2,\"ts\":1,"
			"\"dur\":1,\"name\":\"gc\"},"
			"{},{\"ph\":7},{\"ph\":\"B\",\"pid\":1,\"tid\":2,\"ts\":1,\"name\":\"b\"}]"),
		0);
	assert_int_equal(f->sum.filtered, 0);
	assert_int_equal(convert(f, "[{\"ph\":\"X\" \"pid\":1}]"), -EBADMSG);
	assert_int_equal(convert(f, "[{\"ph\":\"X\",}]"), -EBADMSG);
}

static void test_formats(void **state)
{
	struct fixture *f = *state;

	f->opts.format = "json.gz";
	assert_int_equal(convert(f, REPORT), 0);
	has(f, "builtins.len", true);
	f->opts.format = "vtb";
	assert_int_equal(convert(f, REPORT), -EINVAL);
}

static void test_damage(void **state)
{
	volatile bool cancel = false;
	struct fixture *f = *state;

	f->opts.cancel = &cancel;
	assert_int_equal(convert(f, "{\"traceEvents\":[" EVENTS), -EBADMSG);
	assert_int_equal(access(f->out, F_OK), -1);
	f->opts.output = "/dev/full";
	assert_int_equal(convert(f, REPORT), -ENOSPC);
	f->opts.output = f->out;
	cancel = true;
	assert_int_equal(convert(f, REPORT), -ECANCELED);
	assert_int_equal(access(f->out, F_OK), -1);
}

#define CASE(name) CONVERT_TEST(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_unfiltered),	  CASE(test_ignored_thread),
		CASE(test_functions),	  CASE(test_depth_duration_newest),
		CASE(test_bare_array),	  CASE(test_filtered_again),
		CASE(test_callers_first), CASE(test_long_times),
		CASE(test_odd_events),	  CASE(test_formats),
		CASE(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
