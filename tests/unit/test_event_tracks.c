// SPDX-License-Identifier: GPL-2.0-only
/* Events on tracks that are no threads', arrows and counters, from their records to every format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "format_fixture.h"
#include "proto_reader.h"

#define MS 1000000ULL

static void add(struct fixture *f, struct build_event e)
{
	builder__event(&f->b, &e);
}

static void lacks(const struct fixture *f, const char *what)
{
	assert_null(memmem(f->text, f->n, what, strlen(what)));
}

static void add_call_on(struct fixture *f, uint32_t track, uint64_t from, uint64_t to)
{
	const struct build_call c = {
		.tid = 100, .code = 2, .start = from, .end = to, .track = track
	};

	builder__call(&f->b, &c);
}

static void name_track(struct fixture *f, uint32_t track, const char *name)
{
	add(f,
	    (struct build_event){
		    .tid = 100, .what = VTBPF_EVENT_TRACK_NAME, .track = track, .text = { name } });
}

/* The last name holds for the whole trace, whatever stands in it; thread and greenlet keep theirs. */
static void test_named_tracks(void **state)
{
	struct fixture *f = *state;

	add_call_on(f, 7, 1 * MS, 2 * MS);
	name_track(f, 7, "Task-1");
	add_call_on(f, 8, 3 * MS, 4 * MS);
	name_track(f, 7, "a \"task\"\n\xff");
	add_call_on(f, 9, 5 * MS, 6 * MS);
	name_track(f, 9, "");
	name_track(f, 0, "no thread's");
	convert_capture(f, "json");
	has(f, "\"tid\":4194305,\"name\":\"thread_name\",\"args\":{\"name\":\"a \\\"task\\\"\\n"
	       "\xef\xbf\xbd\"}}");
	has(f, "Main;Thread greenlet 8\"}}");
	has(f, "\"tid\":4194307,\"name\":\"thread_name\",\"args\":{\"name\":\"\"}}");
	has(f, "\"tid\":100,\"name\":\"thread_name\",\"args\":{\"name\":\"Main;Thread\"}}");
	has(f, "\"tid\":4194305,\"ts\":1000.000,\"dur\":1000.000,\"name\":\"leaf (f.py:20)\","
	       "\"args\":{\"tid\":100}}");
	lacks(f, "Task-1");
	lacks(f, "no thread's");
}

static void add_arrow(struct fixture *f, int64_t number)
{
	struct build_event e = { .tid = 100, .track = 7, .what = VTBPF_EVENT_AWAIT };

	add_call_on(f, 7, 1 * MS, 3 * MS);
	add_call_on(f, 8, 3 * MS, 6 * MS);
	e.start = e.end = 2 * MS;
	e.value[0] = number;
	add(f, e);
	e.start = e.end = 4 * MS;
	e.track = 8;
	e.what = VTBPF_EVENT_AWAITED;
	add(f, e);
}

static void test_arrows(void **state)
{
	struct fixture *f = *state;

	add_arrow(f, 5);
	convert_capture(f, "json");
	has(f, "{\"ph\":\"s\",\"cat\":\"async\",\"pid\":100,\"tid\":4194305,\"ts\":2000.000,"
	       "\"id\":5,\"name\":\"await\"");
	has(f, "{\"ph\":\"f\",\"cat\":\"async\",\"pid\":100,\"tid\":4194306,\"ts\":4000.000,"
	       "\"bp\":\"e\",\"id\":5,\"name\":\"await\"");
	lacks(f, "dur\":0.000");
}

/* Numbers stay below what combine can tell apart. */
static void test_large_arrows(void **state)
{
	struct fixture *f = *state;

	add_arrow(f, -1);
	convert_capture(f, "json");
	has(f, "\"id\":134217727,");
}

static void test_counters(void **state)
{
	struct fixture *f = *state;

	add(f, (struct build_event){ .tid = 100,
				     .what = VTBPF_EVENT_LOOP_LAG,
				     .start = 2 * MS,
				     .end = 2 * MS,
				     .value = { 1234 } });
	convert_capture(f, "json");
	has(f, "{\"ph\":\"C\",\"cat\":\"async\",\"pid\":100,\"tid\":100,\"ts\":2000.000,"
	       "\"name\":\"loop lag\",\"args\":{\"us\":1234}}");
	assert_int_equal(f->sum.calls, 0);
}

static void add_holds(struct fixture *f)
{
	struct build_event e = { .what = VTBPF_EVENT_GIL_HELD };

	builder__thread(&f->b, &(struct build_thread){ .tid = 101, .pid = 100, .comm = "second" });
	for (int i = 0; i < 4; i++) {
		e.tid = 100 + i % 2;
		e.start = (unsigned int)(i + 1) * MS;
		e.end = e.start + MS;
		e.value[0] = i == 3;
		add(f, e);
	}
	e = (struct build_event){
		.tid = 101, .what = VTBPF_EVENT_GIL_WAIT, .start = 1 * MS, .end = 2 * MS
	};
	add(f, e);
}

/* One track for all threads, another for another lock. */
static void test_gil(void **state)
{
	struct fixture *f = *state;

	add_holds(f);
	convert_capture(f, "json");
	has(f, "\"tid\":4194305,\"name\":\"thread_name\",\"args\":{\"name\":\"GIL\"}}");
	has(f, "{\"ph\":\"X\",\"cat\":\"gil\",\"pid\":100,\"tid\":4194305,\"ts\":1000.000,"
	       "\"dur\":1000.000,\"name\":\"GIL held: Main;Thread\",\"args\":{\"tid\":100}}");
	has(f, "\"tid\":4194305,\"ts\":2000.000,\"dur\":1000.000,\"name\":\"GIL held: second\","
	       "\"args\":{\"tid\":101}}");
	has(f, "\"name\":\"GIL 1\"}}");
	has(f, "\"tid\":4194306,\"ts\":4000.000");
	has(f, "{\"ph\":\"X\",\"cat\":\"gil\",\"pid\":100,\"tid\":101,\"ts\":1000.000,"
	       "\"dur\":1000.000,\"name\":\"GIL wait\"}");
	has(f, "\"overlapping_moved\":0");
}

/* It went with its process: what is told at the end of the trace ends there. */
static void test_holder_that_ended(void **state)
{
	struct build_event e = { .tid = 101, .what = VTBPF_EVENT_GIL_HELD };
	struct fixture *f = *state;
	struct vtbpf_rec_thread_exit *r;

	builder__thread(&f->b, &(struct build_thread){ .tid = 101, .pid = 100, .comm = "x" });
	r = builder__record(&f->b, VTBPF_REC_THREAD_EXIT, 101, sizeof(*r) - sizeof(r->rec));
	r->ts = 3 * MS;
	e.start = 2 * MS;
	e.end = 9 * MS;
	add(f, e);
	convert_capture(f, "json");
	has(f, "\"ts\":2000.000,\"dur\":1000.000,\"name\":\"GIL held: x\"");
}

/* What others do on a track that threads share is not left out with one of them. */
static void check_ignored(struct fixture *f)
{
	lacks(f, "GIL held: Main;Thread");
	has(f, "\"ts\":2000.000,\"dur\":1000.000,\"name\":\"GIL held: second\"");
	has(f, "\"name\":\"GIL\"}}");
	has(f, "GIL wait");
}

static void test_gil_of_ignored(void **state)
{
	static const char *ignored[] = { "100" };
	struct fixture *f = *state;
	char *json;

	add_holds(f);
	convert_capture(f, "json");
	json = strndup(f->text, f->n);
	assert_non_null(json);
	f->opts.filter.ignore_threads = ignored;
	f->opts.filter.n_ignore_threads = 1;
	convert_capture(f, "json");
	check_ignored(f);
	convert_json(f, "json", json);
	check_ignored(f);
	free(json);
}

/* ---- Perfetto --------------------------------------------------------------------------- */

static bool find(const struct field *message, uint64_t number, struct field *f)
{
	const unsigned char *p = message->data, *end = p + message->value;

	while (proto__next(&p, end, f))
		if (f->number == number)
			return true;
	return false;
}

static uint64_t value_of(const struct field *message, uint64_t number)
{
	struct field f;

	return find(message, number, &f) ? f.value : 0;
}

/* What is said of arrows and counters. */
struct said {
	uint64_t begins, ends;	    /* arrows */
	uint64_t counter, value;    /* track and value of the last */
	uint64_t described, events; /* the same track; and how many there were */
};

static void listen(const struct fixture *f, struct said *s)
{
	const unsigned char *p = (const unsigned char *)f->text, *end = p + f->n;
	struct field packet, part, inner;

	memset(s, 0, sizeof(*s));
	while (proto__next(&p, end, &packet)) {
		if (find(&packet, 60, &part) && find(&part, 8, &inner))
			s->described = value_of(&part, 1);
		if (!find(&packet, 11, &part))
			continue;
		if (find(&part, 47, &inner))
			s->begins = inner.value;
		if (find(&part, 48, &inner))
			s->ends = inner.value;
		if (value_of(&part, 9) != 4)
			continue;
		s->counter = value_of(&part, 11);
		s->value = value_of(&part, 30);
		s->events++;
	}
}

static void test_pftrace(void **state)
{
	struct build_event lag = { .tid = 100, .what = VTBPF_EVENT_LOOP_LAG, .value = { 77 } };
	struct fixture *f = *state;
	struct said s;

	add_arrow(f, 5);
	name_track(f, 7, "Task-1");
	add_holds(f);
	lag.start = lag.end = 2 * MS;
	add(f, lag);
	lag.start = lag.end = 3 * MS;
	add(f, lag);
	convert_capture(f, "pftrace");
	listen(f, &s);
	assert_int_equal(s.begins, 6);
	assert_int_equal(s.ends, 6);
	assert_int_equal(s.value, 77);
	assert_int_equal(s.events, 2);
	assert_true(s.described);
	assert_int_equal(s.counter, s.described);
	has(f, "loop lag");
	has(f, "GIL held: second");
	has(f, "Task-1");
}

/* Formats of calls have none of it but the names. */
static void test_other_formats(void **state)
{
	static const char *const formats[] = { "folded", "speedscope", "pprof", "html" };
	struct fixture *f = *state;

	add_calls(f);
	add_arrow(f, 5);
	name_track(f, 7, "Task-1");
	add_holds(f);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		convert_capture(f, formats[i]);
	convert_capture(f, "folded");
	has(f, "Task-1;leaf (f.py:20) ");
	lacks(f, "GIL");
	convert_capture(f, "vtb");
	assert_true(f->n >= f->b.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FORMAT_TEST(test_named_tracks),
		FORMAT_TEST(test_arrows),
		FORMAT_TEST(test_large_arrows),
		FORMAT_TEST(test_counters),
		FORMAT_TEST(test_gil),
		FORMAT_TEST(test_gil_of_ignored),
		FORMAT_TEST(test_holder_that_ended),
		FORMAT_TEST(test_pftrace),
		FORMAT_TEST(test_other_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
