// SPDX-License-Identifier: GPL-2.0-only
/* `vtbpf report`: what it makes of captures and Chrome traces, as text and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/decode/report.h"
#include "../../user/report_options.h"
#include "../../user/write/writer.h"
#include "format_fixture.h"

static struct report_options options;

static void make(struct fixture *f, const struct writer_ops *ops)
{
	f->opts.ops = ops;
	f->opts.report = &options;
	convert_capture(f, NULL);
}

static int setup(void **state)
{
	memset(&options, 0, sizeof(options));
	return format_fixture__setup(state);
}

static void test_json(void **state)
{
	struct fixture *f = *state;

	add_calls(f);
	make(f, &report_json_writer);
	has(f, "{\"functions\":[{\"name\":\"main\",\"file\":\"f.py\",\"line\":10,\"calls\":2,"
	       "\"self_ns\":151,\"total_ns\":201,\"min_ns\":1,\"mean_ns\":101,\"p50_ns\":101,"
	       "\"p99_ns\":");
	has(f, "\"max_ns\":200}");
	has(f, "{\"name\":\"leaf\",\"file\":\"f.py\",\"line\":20,\"calls\":3,\"self_ns\":35,"
	       "\"total_ns\":35,\"min_ns\":5,\"mean_ns\":12,\"p50_ns\":10,\"p99_ns\":20,"
	       "\"max_ns\":20}");
	has(f, "\"threads\":[{\"name\":\"Main;Thread\",\"pid\":100,\"tid\":100,\"calls\":6,"
	       "\"busy_ns\":201,\"first_ns\":1900,\"last_ns\":3001,\"lost\":0}");
	has(f, "\"outliers\":[],\"drift\":[],");
	assert_null(strstr(f->text, "coverage"));
	assert_null(strstr(f->text, "calls_seen"));
}

static void test_table(void **state)
{
	struct fixture *f = *state;

	add_calls(f);
	options.sort = REPORT_BY_CALLS;
	options.limit = 2;
	make(f, &report_writer);
	has(f, "6 calls in 1 thread, 1.10 us; 0 calls lost\n");
	has(f, "CALLS    SELF   TOTAL   MIN    MEAN     P50     P99     MAX  FUNCTION\n"
	       "    3   35 ns   35 ns  5 ns   12 ns   10 ns   20 ns   20 ns  leaf (f.py:20)\n"
	       "    2  151 ns  201 ns  1 ns");
	has(f, "... and 1 more; --limit shows them\n");
	assert_null(strstr(f->text, "OUTLIERS"));
	assert_null(strstr(f->text, "DRIFT"));
}

/* What a terminal would obey is not printed. */
static void test_hostile_names(void **state)
{
	struct fixture *f = *state;

	add_calls(f);
	make(f, &report_writer);
	has(f, "  a;\"b\\x0a\\x85 (g h.py:30)\n");
}

static void test_by_file_and_thread(void **state)
{
	struct fixture *f = *state;

	add_calls(f);
	options.rows = REPORT_FILES;
	make(f, &report_writer);
	has(f, "CALLS    SELF   TOTAL  FILE\n"
	       "    5  186 ns  201 ns  f.py\n"
	       "    1   15 ns   20 ns  g h.py\n");
	make(f, &report_json_writer);
	has(f, "\"files\":[{\"file\":\"f.py\",\"calls\":5,\"self_ns\":186,\"total_ns\":201},");
	options.rows = REPORT_THREADS;
	make(f, &report_writer);
	has(f, "thread Main;Thread, tid 100\n"
	       "CALLS    SELF   TOTAL  FUNCTION\n"
	       "    2  151 ns  201 ns  main (f.py:10)\n");
	make(f, &report_json_writer);
	has(f, "\"lost\":0,\"functions\":[{\"name\":\"main\",\"file\":\"f.py\",\"line\":10,");
}

/* f(f(f)) : three calls, of which one is outermost. */
static void test_recursion(void **state)
{
	struct fixture *f = *state;

	add_call(f, 2, 2020, 2030, 2);
	add_call(f, 2, 2010, 2050, 1);
	add_call(f, 2, 2000, 2100, 0);
	make(f, &report_json_writer);
	has(f, "\"calls\":3,\"self_ns\":100,\"total_ns\":100,\"min_ns\":10,\"mean_ns\":50,"
	       "\"p50_ns\":40,");
}

/* Calls cut off by the edges of the trace say nothing of how long such calls take. */
static void test_open_calls(void **state)
{
	struct build_call c = { .tid = 100, .code = 2, .start = 2000, .end = 2001 };
	struct fixture *f = *state;

	c.flags = VTBPF_F_OPEN_START;
	builder__call(&f->b, &c);
	add_call(f, 2, 3000, 3100, 0);
	add_call(f, 2, 4000, 4100, 0);
	c = (struct build_call){ .tid = 100, .code = 2, .start = 5000, .end = 9000 };
	c.flags = VTBPF_F_OPEN_END;
	builder__call(&f->b, &c);
	make(f, &report_json_writer);
	has(f, "\"calls\":4,\"self_ns\":4201,\"total_ns\":4201,\"min_ns\":100,\"mean_ns\":100,");
	has(f, "\"max_ns\":4000}");
}

static void test_losses(void **state)
{
	struct fixture *f = *state;

	add_calls(f);
	builder__lost(&f->b, 100, &(struct vtbpf_rec_lost){ .lost = 7, .first = 2, .last = 9 });
	make(f, &report_writer);
	has(f, "; 7 calls lost\n");
	make(f, &report_json_writer);
	has(f, "\"lost\":7}\n]");
	has(f, "\"lost\":7,\"all_outliers\"");
}

/* A tenth of the time was traced: there were ten times as many calls. */
static void test_windows(void **state)
{
	struct fixture *f = *state;
	struct vtbpf_rec_window *w;

	add_call(f, 2, 1000, 1100, 0);
	add_call(f, 2, 1100, 1200, 0);
	w = builder__record(&f->b, VTBPF_REC_WINDOW, 100, sizeof(*w) - 8);
	w->from = 1000;
	w->to = 2000;
	builder__end(&f->b, 11000);
	make(f, &report_json_writer);
	has(f, "\"calls\":20,\"calls_seen\":2,\"self_ns\":200,");
	has(f, "\"coverage\":0.100000");
	make(f, &report_writer);
	has(f, "Traced in windows, 10 % of the time: CALLS are those seen divided by that;");
	has(f, "\n   20  200 ns  200 ns");
}

static void test_sampled(void **state)
{
	struct fixture *f = *state;

	add_samples(f);
	make(f, &report_json_writer);
	has(f, "{\"name\":\"leaf\",\"file\":\"f.py\",\"line\":20,\"samples\":3,\"self_samples\":3,"
	       "\"self_ns\":3000,\"total_ns\":3000}");
	has(f, "{\"name\":\"main\",\"file\":\"f.py\",\"line\":10,\"samples\":4,\"self_samples\":1,"
	       "\"self_ns\":1000,\"total_ns\":4000}");
	has(f, "\"sampled\":true,\"period_ns\":1000,");
	assert_null(strstr(f->text, "\"calls\""));
	make(f, &report_writer);
	has(f, "5 samples in 1 thread");
	has(f,
	    "there are samples, not calls, each of 1.00 us; times are what they stand for. 0 could "
	    "not be read.\n");
	has(f, "SELF SAMPLES  SAMPLES");
}

static void add_sleep(struct fixture *f, uint64_t from, uint64_t to, enum vtbpf_wait wait)
{
	struct vtbpf_rec_sleep *s = builder__record(&f->b, VTBPF_REC_SLEEP, 100, sizeof(*s) - 8);

	s->from = from;
	s->to = to;
	s->stack = 2;
	s->wait = wait;
}

/* Shares of a thread's time, whatever stacks it waited in. */
static void test_waiting(void **state)
{
	static const char shares[] = "TID  RUNNING    GIL   LOCK    IO  SLEEP  OTHER  THREAD\n"
				     "100    25.0%  15.0%  10.0%  0.0%  50.0%   0.0%  ";
	struct fixture *f = *state;

	add_samples(f);
	add_sleep(f, 10000, 13000, VTBPF_WAIT_GIL);
	add_sleep(f, 13000, 15000, VTBPF_WAIT_LOCK);
	add_sleep(f, 15000, 25000, VTBPF_WAIT_SLEEP);
	make(f, &report_writer);
	has(f, shares);
	make(f, &report_json_writer);
	has(f,
	    "\"busy_ns\":20000,\"running_ns\":5000,\"waiting\":{\"off_cpu_ns\":0,\"lock_ns\":2000,"
	    "\"io_ns\":0,\"gil_ns\":3000,\"sleep_ns\":10000},");
}

static void test_no_waiting(void **state)
{
	struct fixture *f = *state;

	add_samples(f);
	make(f, &report_writer);
	assert_null(strstr(f->text, "RUNNING"));
	make(f, &report_json_writer);
	assert_null(strstr(f->text, "waiting"));
}

/* Where calls were recorded as well, the report says what it is of, and what it leaves out. */
static void test_sampled_for_a_while(void **state)
{
	struct fixture *f = *state;
	struct vtbpf_rec_sampling *end;

	add_call(f, 2, 1200, 1300, 1);
	add_call(f, 1, 1100, 1900, 0);
	add_samples(f);
	make(f, &report_json_writer);
	has(f, "\"samples\":3");
	has(f, "\"calls_left_out\":2");
	make(f, &report_writer);
	has(f, "\n2 calls were recorded and not sampled:");
	end = builder__record(&f->b, VTBPF_REC_SAMPLING, 100, sizeof(*end) - 8);
	end->ts = 9000;
	builder__end(&f->b, 90000);
	make(f, &report_json_writer);
	has(f, "{\"name\":\"main\",\"file\":\"f.py\",\"line\":10,\"calls\":1,");
	has(f, "\"slices_left_out\":2");
	assert_null(strstr(f->text, "period_ns"));
}

/* One call of 200 takes a hundred times as long as the others. */
static void test_outliers(void **state)
{
	struct fixture *f = *state;
	uint64_t at = 1000000;
	uint32_t i;

	for (i = 0; i < 200; i++) {
		uint64_t dur = i == 120 ? 10000000 : 90000 + i * 100;

		add_call(f, 2, at, at + dur, 1);
		at += dur + 1000;
	}
	add_call(f, 1, 900000, at, 0);
	make(f, &report_json_writer);
	has(f, "\"outliers\":[{\"name\":\"leaf\",\"file\":\"f.py\",\"line\":20,\"tid\":100,"
	       "\"ts_ns\":12634000,\"dur_ns\":10000000,\"usual_ns\":");
	has(f, "\"drift\":[{\"name\":\"leaf\"");
	has(f, "\"all_outliers\":1");
	make(f, &report_writer);
	has(f, "0.012634 s  10.0 ms");
}

static void test_drift(void **state)
{
	struct fixture *f = *state;
	uint64_t at = 1000000;
	uint32_t i;

	for (i = 0; i < 1000; i++) { /* from 100 us to 200 us, in 150 ms */
		uint64_t dur = 100000 + i * 100 + (i * 7919 % 101) * 300;

		add_call(f, 2, at, at + dur, 0);
		add_call(f, 3, at + dur, at + dur + 10000 + (i * 7919 % 97) * 100, 0);
		at += dur + 40000;
	}
	make(f, &report_json_writer);
	has(f, "\"drift\":[{\"name\":\"leaf\",\"file\":\"f.py\",\"line\":20,\"percent_per_min\":");
	has(f, "\"confidence\":1.000000}]"); /* and nothing else */
	make(f, &report_writer);
	has(f, "leaf (f.py:20) grows ");
	/* 80 % in 205 ms: what is 223 us now and was 124 us gets 99 us longer in that time. */
	has(f, "; p99, now 2");
	has(f, " us, crosses 500 us in about 57");
	has(f, " ms at this rate\n");
}

/* Of one that gets faster nothing is foretold. */
static void test_faster(void **state)
{
	struct fixture *f = *state;
	uint64_t at = 1000000;

	for (uint32_t i = 0; i < 1000; i++) {
		uint64_t dur = 200000 - i * 100;

		add_call(f, 2, at, at + dur, 0);
		at += dur + 40000;
	}
	make(f, &report_writer);
	has(f, "leaf (f.py:20) shrinks ");
	assert_null(strstr(f->text, "crosses"));
}

/* The example: 3 % a minute, for 10 minutes. */
static void test_forecast(void **state)
{
	struct report_function functions[] = { { .p99 = 91e6 }, { .p99 = 1e6 }, { .p99 = 0 } };
	const struct report r = { .functions = functions };
	struct report_drift d = { .percent_per_min = 3, .change = 0.3 };
	double threshold, until;

	(void)state;
	assert_true(report_drift__forecast(&r, &d, &threshold, &until));
	assert_int_equal(threshold, 200000000);
	/* 109 ms more, of 2.1 ms a minute */
	assert_int_equal(until / 60e9 + 0.5, 52);
	d.function = 1;
	assert_true(report_drift__forecast(&r, &d, &threshold, &until));
	assert_int_equal(threshold, 2000000);
	d.function = 2;
	assert_false(report_drift__forecast(&r, &d, &threshold, &until));
	d = (struct report_drift){ .percent_per_min = -3, .change = -0.3 };
	assert_false(report_drift__forecast(&r, &d, &threshold, &until));
}

static void test_empty(void **state)
{
	struct fixture *f = *state;

	make(f, &report_writer);
	has(f, "0 calls in 0 threads");
	make(f, &report_json_writer);
	has(f, "{\"functions\":[],\"threads\":[],\"outliers\":[],\"drift\":[],");
}

#define REPORT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, format_fixture__teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REPORT_TEST(test_json),
		REPORT_TEST(test_table),
		REPORT_TEST(test_hostile_names),
		REPORT_TEST(test_by_file_and_thread),
		REPORT_TEST(test_recursion),
		REPORT_TEST(test_open_calls),
		REPORT_TEST(test_losses),
		REPORT_TEST(test_windows),
		REPORT_TEST(test_sampled),
		REPORT_TEST(test_waiting),
		REPORT_TEST(test_no_waiting),
		REPORT_TEST(test_outliers),
		REPORT_TEST(test_sampled_for_a_while),
		REPORT_TEST(test_drift),
		REPORT_TEST(test_faster),
		cmocka_unit_test(test_forecast),
		REPORT_TEST(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
