// SPDX-License-Identifier: GPL-2.0-only
/* Folded stacks and speedscope, of captures and of Chrome traces. */
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

#include "format_fixture.h"

/* ---- folded ----------------------------------------------------------------------------- */

static const char folded[] = "Main:Thread;main (f.py:10) 151\n"
			     "Main:Thread;main (f.py:10);a:\"b?? (g h.py:30) 15\n"
			     "Main:Thread;main (f.py:10);a:\"b?? (g h.py:30);leaf (f.py:20) 5\n"
			     "Main:Thread;main (f.py:10);leaf (f.py:20) 30\n";

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void expect_lines(struct fixture *f, const char *wanted)
{
	char *lines[64], *save = NULL, *line, all[4096] = "";
	size_t n = 0, i;

	for (line = strtok_r(f->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		lines[n++] = line;
	qsort(lines, n, sizeof(lines[0]), by_text);
	for (i = 0; i < n; i++) {
		strcat(all, lines[i]);
		strcat(all, "\n");
	}
	assert_string_equal(all, wanted);
}

static void test_folded(void **state)
{
	struct fixture *f = *state;

	add_calls(f);
	convert_capture(f, "folded");
	assert_int_equal(f->sum.calls, 6);
	expect_lines(f, folded);
}

/* By way of JSON it comes out the same. */
static void test_folded_of_json(void **state)
{
	struct fixture *f = *state;

	add_calls(f);
	convert_capture(f, "json");
	assert_int_equal(rename(f->out, f->in), 0);
	convert(f, "folded");
	assert_int_equal(f->sum.calls, 6);
	expect_lines(f, folded);
}

/* Two threads of one name are one line each stack. */
static void test_folded_same_names(void **state)
{
	const struct build_thread other = { 101, 100, 20, "py" };
	const struct build_call c = { .tid = 101, .code = 1, .start = 5000, .end = 5100 };
	struct fixture *f = *state;

	add_calls(f);
	builder__thread(&f->b, &other);
	builder__thread_name(&f->b, 101, "Main;Thread", 2);
	builder__call(&f->b, &c);
	convert_capture(f, "folded");
	has(f, "Main:Thread;main (f.py:10) 251\n");
}

static void test_folded_losses(void **state)
{
	struct fixture *f = *state;

	builder__lost(&f->b, 100, &(struct vtbpf_rec_lost){ .lost = 7, .first = 2, .last = 9 });
	convert_capture(f, "folded");
	expect_lines(f, "Main:Thread <lost>;lost 7 calls 0\n");
	assert_int_equal(f->sum.lost, 7);
}

static void test_folded_filters(void **state)
{
	static const char *leaf[] = { "leaf" };
	struct fixture *f = *state;

	add_calls(f);
	f->opts.filter.functions.ignore.items = leaf;
	f->opts.filter.functions.ignore.n = 1;
	convert_capture(f, "folded");
	expect_lines(f, "Main:Thread;main (f.py:10) 181\n"
			"Main:Thread;main (f.py:10);a:\"b?? (g h.py:30) 20\n");
}

/* ---- Chrome traces of others ------------------------------------------------------------ */

#define X2 "{\"ph\":\"X\",\"cat\":\"FEE\",\"pid\":1,\"tid\":2,\"ts\":"

/* Callers first; a C function; names as they may be. */
static const char callers_first[] =
	"{\"traceEvents\":["
	"{\"ph\":\"M\",\"pid\":1,\"tid\":2,\"name\":\"thread_name\",\"args\":{\"name\":\"T\"}}," X2
	"1,\"dur\":10,\"name\":\"f (/a (b)/c.py:3)\"}," X2
	"2,\"dur\":1.5,\"name\":\"time.sleep\"}," X2 "4,\"dur\":1,\"name\":\"\\u0000\\ud800;\"},"
	"{\"ph\":\"X\",\"cat\":\"gc\",\"pid\":1,\"tid\":2,\"ts\":4,"
	"\"dur\":1,\"name\":\"collection\"},"
	"{\"ph\":\"X\",\"cat\":\"FEE\",\"pid\":1,\"tid\":3,\"ts\":4,\"dur\":1,\"name\":\"g\"}]}";

static void test_callers_first(void **state)
{
	struct fixture *f = *state;

	convert_json(f, "folded", callers_first);
	expect_lines(f, "T;f (/a (b)/c.py:3) 7500\n"
			"T;f (/a (b)/c.py:3);?\xef\xbf\xbd: 1000\n"
			"T;f (/a (b)/c.py:3);time.sleep 1500\n"
			"thread 3;g 1000\n");
}

static void test_processes(void **state)
{
	struct fixture *f = *state;

	convert_json(
		f, "folded",
		"[{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":1,\"dur\":1,\"name\":\"f\"},"
		"{\"ph\":\"X\",\"pid\":2,\"tid\":1,\"ts\":1,\"dur\":1,\"name\":\"f\"},"
		"{\"ph\":\"M\",\"pid\":2,\"tid\":1,\"name\":\"thread_name\",\"args\":{\"name\":\"W\"}}]");
	expect_lines(f, "W (2);f 1000\nthread 1 (1);f 1000\n");
}

static void test_no_order(void **state)
{
	static const char json[] =
		"[{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":10,\"dur\":5,\"name\":\"f\"},"
		"{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":1,\"dur\":1,\"name\":\"f\"},"
		"{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":30,\"dur\":5,\"name\":\"f\"}]";
	struct fixture *f = *state;
	FILE *file = fopen(f->in, "w");

	fputs(json, file);
	fclose(file);
	f->opts.format = "folded";
	assert_int_equal(convert__run(&f->opts, &f->sum), -EILSEQ);
	assert_int_equal(access(f->out, F_OK), -1);
}

/* ---- speedscope ------------------------------------------------------------------------- */

static void test_speedscope(void **state)
{
	struct fixture *f = *state;

	add_calls(f);
	convert_capture(f, "speedscope");
	has(f, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",");
	has(f, "{\"name\":\"a;\\\"b\\n\xc2\x85\",\"file\":\"g h.py\",\"line\":30}");
	has(f, "{\"type\":\"evented\",\"name\":\"Main;Thread\",\"unit\":\"nanoseconds\","
	       "\"startValue\":0,\"endValue\":1101,\"events\":["
	       "{\"type\":\"O\",\"frame\":2,\"at\":0}\n"
	       ",{\"type\":\"O\",\"frame\":0,\"at\":100}\n"
	       ",{\"type\":\"C\",\"frame\":0,\"at\":110}\n"
	       ",{\"type\":\"O\",\"frame\":0,\"at\":110}\n"
	       ",{\"type\":\"C\",\"frame\":0,\"at\":130}\n"
	       ",{\"type\":\"O\",\"frame\":1,\"at\":140}\n"
	       ",{\"type\":\"O\",\"frame\":0,\"at\":150}\n"
	       ",{\"type\":\"C\",\"frame\":0,\"at\":155}\n"
	       ",{\"type\":\"C\",\"frame\":1,\"at\":160}\n"
	       ",{\"type\":\"C\",\"frame\":2,\"at\":200}\n"
	       ",{\"type\":\"O\",\"frame\":2,\"at\":1100}\n"
	       ",{\"type\":\"C\",\"frame\":2,\"at\":1101}\n]}");
	has(f, "\"vtbpf\":{");
	/* whoever writes there next knows it for vtbpf's own */
	assert_int_equal(convert__check_output(f->out, "speedscope", false), 0);
}

static void test_speedscope_callers_first(void **state)
{
	struct fixture *f = *state;

	convert_json(f, "speedscope", callers_first);
	has(f, "\"endValue\":10000,\"events\":["
	       "{\"type\":\"O\",\"frame\":0,\"at\":0}\n"
	       ",{\"type\":\"O\",\"frame\":1,\"at\":1000}\n"
	       ",{\"type\":\"C\",\"frame\":1,\"at\":2500}\n"
	       ",{\"type\":\"O\",\"frame\":2,\"at\":3000}\n"
	       ",{\"type\":\"C\",\"frame\":2,\"at\":4000}\n"
	       ",{\"type\":\"C\",\"frame\":0,\"at\":10000}\n]}");
	has(f, "{\"name\":\"time.sleep\"}");
	has(f, "\"name\":\"thread 3\"");
}

static void test_speedscope_greenlets(void **state)
{
	struct fixture *f = *state;
	struct build_call c = { .tid = 100, .code = 1, .start = 2000, .end = 3000 };

	builder__call(&f->b, &c);
	c = (struct build_call){ .tid = 100, .code = 2, .start = 2500, .end = 3500, .track = 1 };
	builder__call(&f->b, &c);
	convert_capture(f, "speedscope");
	has(f, "\"name\":\"Main;Thread\"");
	has(f, "\"name\":\"Main;Thread greenlet 1\"");
	has(f, "{\"type\":\"C\",\"frame\":1,\"at\":1500}");
}

static void test_speedscope_losses(void **state)
{
	struct fixture *f = *state;

	add_calls(f);
	builder__lost(&f->b, 100,
		      &(struct vtbpf_rec_lost){ .lost = 7, .first = 1800, .last = 3100 });
	convert_capture(f, "speedscope");
	has(f,
	    "\"name\":\"Main;Thread <lost> (7 calls)\",\"unit\":\"nanoseconds\",\"startValue\":0,"
	    "\"endValue\":1300,\"events\":[{\"type\":\"O\",\"frame\":3,\"at\":0}\n"
	    ",{\"type\":\"C\",\"frame\":3,\"at\":1300}\n]");
	has(f, "{\"name\":\"lost calls\"}");
	has(f, "\"lost\":7");
}

/* Windows are shown where there is a timeline, and are no calls. */
static void test_windows(void **state)
{
	struct fixture *f = *state;
	struct vtbpf_rec_window *w;

	add_calls(f);
	w = builder__record(&f->b, VTBPF_REC_WINDOW, 100, sizeof(*w) - 8);
	w->from = 1500;
	w->to = 3500;
	convert_capture(f, "folded");
	expect_lines(f, folded);
	convert(f, "speedscope");
	has(f, "\"name\":\"vtbpf windows\",\"unit\":\"nanoseconds\",\"startValue\":0,"
	       "\"endValue\":2000,\"events\":[{\"type\":\"O\",\"frame\":3,\"at\":0}\n"
	       ",{\"type\":\"C\",\"frame\":3,\"at\":2000}\n]");
	has(f, "\"name\":\"Main;Thread\"");
}

static void test_empty(void **state)
{
	struct fixture *f = *state;

	convert_capture(f, "speedscope");
	has(f, "\"name\":\"no calls\"");
	convert(f, "folded");
	assert_int_equal(f->n, 0);
	convert(f, "pprof");
	assert_true(f->n > 0);
}

/* ---- samples ---------------------------------------------------------------------------- */

/* Two stacks sampled, main>leaf thrice and main once, and one sample outside of Python code. */
static void test_samples(void **state)
{
	struct fixture *f = *state;

	add_samples(f);
	convert_capture(f, "folded");
	expect_lines(f, "Main:Thread 1\n"
			"Main:Thread;main (f.py:10) 1\n"
			"Main:Thread;main (f.py:10);leaf (f.py:20) 3\n");
	convert(f, "speedscope");
	has(f, "\"events\":[{\"type\":\"O\",\"frame\":0,\"at\":0}\n"
	       ",{\"type\":\"O\",\"frame\":1,\"at\":0}\n"
	       ",{\"type\":\"C\",\"frame\":1,\"at\":3000}\n"
	       ",{\"type\":\"C\",\"frame\":0,\"at\":4000}\n]");
	has(f, "\"sample_period_ns\":1000");
}

/* In JSON there are slices only; their time tells how many samples they were made of. */
static void test_samples_in_json(void **state)
{
	struct fixture *f = *state;

	add_samples(f);
	convert_capture(f, "json");
	assert_int_equal(rename(f->out, f->in), 0);
	convert(f, "folded");
	expect_lines(f, "Main:Thread;main (f.py:10) 1\n"
			"Main:Thread;main (f.py:10);leaf (f.py:20) 3\n");
}

static void in_both(struct fixture *f, const char *lines)
{
	convert_capture(f, "folded");
	expect_lines(f, lines);
	convert(f, "json");
	assert_int_equal(rename(f->out, f->in), 0);
	convert(f, "folded");
	expect_lines(f, lines);
}

/* Calls first, then samples for most of the time: these are summed up. */
/* Lost samples are a gap, of which no format makes calls. */
static void test_lost_samples(void **state)
{
	struct fixture *f = *state;
	struct vtbpf_rec_lost *l = builder__record(&f->b, VTBPF_REC_LOST, 100, sizeof(*l) - 8);

	l->rec.flags = VTBPF_F_LOST_SAMPLES;
	l->lost = 7;
	l->first = 5000;
	l->last = 6000;
	add_samples(f);
	convert_capture(f, "json");
	has(f, "\"ts\":5.000,\"dur\":1.000,\"name\":\"lost 7 samples\",\"args\":{\"samples\":7,"
	       "\"tid\":100}}");
	has(f, "\"losses\":{\"total\":0,");
	assert_int_equal(f->sum.lost, 0);
	convert(f, "folded");
	assert_null(strstr(f->text, "lost"));
	convert(f, "speedscope");
	has(f, "{\"name\":\"lost samples\"}");
	has(f, "\"lost\":0");
}

static void test_samples_after_calls(void **state)
{
	struct fixture *f = *state;

	add_call(f, 2, 1200, 1300, 1);
	add_call(f, 1, 1100, 1900, 0);
	add_samples(f);
	convert_capture(f, "folded");
	expect_lines(f, "Main:Thread 1\n"
			"Main:Thread;main (f.py:10) 1\n"
			"Main:Thread;main (f.py:10);leaf (f.py:20) 3\n");
	convert(f, "json");
	has(f, "\"share\":0.8");
	has(f, "\"stretches\":[[2.000,9.000,1000000.000]]");
	assert_int_equal(rename(f->out, f->in), 0);
	convert(f, "folded");
	expect_lines(f, "Main:Thread;main (f.py:10) 1\n"
			"Main:Thread;main (f.py:10);leaf (f.py:20) 3\n");
}

/* The other way round. */
static void test_calls_after_samples(void **state)
{
	struct fixture *f = *state;
	struct vtbpf_rec_sampling *s;

	add_samples(f);
	s = builder__record(&f->b, VTBPF_REC_SAMPLING, 100, sizeof(*s) - 8);
	s->ts = 9000;
	add_call(f, 2, 20200, 20300, 1);
	add_call(f, 1, 20100, 20900, 0);
	builder__end(&f->b, 90000);
	in_both(f,
		"Main:Thread;main (f.py:10) 700\nMain:Thread;main (f.py:10);leaf (f.py:20) 100\n");
}

/* What a thread is called may stand behind its calls, or at the end of vtbpf's own part. */
static void test_names_come_late(void **state)
{
	struct fixture *f = *state;

	convert_json(f, "folded",
		     "{\"traceEvents\":["
		     "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":1,\"dur\":1,\"name\":\"one\"},"
		     "{\"ph\":\"X\",\"pid\":1,\"tid\":2,\"ts\":3,\"dur\":1,\"name\":\"two\"},"
		     "{\"ph\":\"X\",\"pid\":1,\"tid\":3,\"ts\":5,\"dur\":1,\"name\":\"three\"},"
		     "{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"thread_name\","
		     "\"args\":{\"name\":\"late\"}}],"
		     "\"vtbpf\":{\"threads\":[{\"pid\":1,\"tid\":2,\"comm\":\"kernel's\"}]}}");
	has(f, "late;one 1000\n");
	has(f, "kernel's;two 1000\n");
	has(f, "thread 3;three 1000\n");
}

/* A thread whose id an event says twice, so that it is met late, is judged all the same. */
static void test_thread_met_late(void **state)
{
	const char *only[] = { "1" };
	struct fixture *f = *state;

	f->opts.filter.only_threads = only;
	f->opts.filter.n_only_threads = 1;
	convert_json(f, "folded",
		     "{\"traceEvents\":["
		     "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":1,\"dur\":1,\"name\":\"one\"},"
		     "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":3,\"dur\":1,\"name\":\"two\","
		     "\"tid\":2}]}");
	has(f, "thread 1;one 1000");
	assert_null(strstr(f->text, "two"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FORMAT_TEST(test_folded),
		FORMAT_TEST(test_folded_of_json),
		FORMAT_TEST(test_folded_same_names),
		FORMAT_TEST(test_folded_losses),
		FORMAT_TEST(test_folded_filters),
		FORMAT_TEST(test_thread_met_late),
		FORMAT_TEST(test_names_come_late),
		FORMAT_TEST(test_callers_first),
		FORMAT_TEST(test_processes),
		FORMAT_TEST(test_no_order),
		FORMAT_TEST(test_speedscope),
		FORMAT_TEST(test_speedscope_callers_first),
		FORMAT_TEST(test_speedscope_greenlets),
		FORMAT_TEST(test_speedscope_losses),
		FORMAT_TEST(test_windows),
		FORMAT_TEST(test_empty),
		FORMAT_TEST(test_samples),
		FORMAT_TEST(test_samples_in_json),
		FORMAT_TEST(test_lost_samples),
		FORMAT_TEST(test_samples_after_calls),
		FORMAT_TEST(test_calls_after_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
