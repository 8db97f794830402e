// SPDX-License-Identifier: GPL-2.0-only
/* The report for browsers: what the page is told, whatever it is made of. */
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

#include "../../user/write/html_page.h"
#include "../../user/write/html_slices.h"
#include "format_fixture.h"
#include "html_reader.h"

#define SLICES_MAX 300000
#define N_STATS 8

static struct html_reader open_page(struct fixture *f)
{
	struct html_reader r;

	assert_memory_equal(f->text, HTML_PAGE_MARK, strlen(HTML_PAGE_MARK));
	assert_non_null(strstr(f->text, "default-src 'none'"));
	assert_null(strstr(f->text, "@DATA@"));
	assert_string_equal(f->text + f->n - 8, "</html>\n");
	html_reader__open(&r, f->text);
	return r;
}

static void expect_fact(struct html_reader *r, const char *key, const char *value)
{
	const char *found = html_reader__fact(r, key);

	assert_non_null(found);
	assert_string_equal(found, value);
}

/* Reads on to what is told of a function: calls, self, total, min, mean, p50, p99, max. */
static void read_function(struct html_reader *r, const char *name, uint64_t *stats)
{
	static char found[65536];

	html_reader__rewind(r);
	while (html_reader__next(r, 'F')) {
		while (r->p < r->end) {
			snprintf(found, sizeof(found), "%s", html_reader__text(r));
			html_reader__text(r);
			html_reader__number(r);
			for (int i = 0; i < N_STATS; i++)
				stats[i] = html_reader__number(r);
			if (!strcmp(found, name))
				return;
		}
	}
	fail_msg("no function %s", name);
}

/* The slices of the capture of add_calls, callers first. */
static void expect_slices(struct html_reader *r)
{
	static const uint64_t forwards[][3] = {
		{ 0, 0, 200 },	 { 1, 100, 110 }, { 1, 110, 130 },
		{ 1, 140, 160 }, { 2, 150, 155 }, { 0, 1100, 1101 }
	};
	struct html_slice slices[8];
	size_t n = html_reader__slices(r, 0, slices, 8), found = 0;

	assert_int_equal(n, 6);
	for (size_t i = 0; i < 6; i++) {
		for (size_t k = 0; k < n; k++)
			found += slices[k].depth == forwards[i][0] &&
				 slices[k].start == forwards[i][1] &&
				 slices[k].end == forwards[i][2];
		assert_int_equal(found, i + 1);
	}
}

static void expect_page(struct fixture *f)
{
	struct html_reader r = open_page(f);
	uint64_t s[N_STATS];

	expect_fact(&r, "kind", "trace");
	expect_fact(&r, "calls", "6");
	expect_fact(&r, "span_ns", "1101");
	assert_null(html_reader__fact(&r, "period_ns"));
	assert_null(html_reader__fact(&r, "shortest_ns"));
	read_function(&r, "main", s);
	assert_int_equal(s[0], 2);
	assert_int_equal(s[1], 151);
	assert_int_equal(s[2], 201);
	assert_int_equal(s[3], 1);
	assert_int_equal(s[7], 200);
	read_function(&r, "leaf", s);
	assert_int_equal(s[0], 3);
	assert_int_equal(s[1], 35);
	read_function(&r, "a;\"b\n\xc2\x85", s);
	assert_int_equal(s[0], 1);
	expect_slices(&r);
	html_reader__close(&r);
}

static void test_capture(void **state)
{
	struct fixture *f = *state;

	add_calls(f);
	convert_capture(f, "html");
	assert_int_equal(f->sum.calls, 6);
	expect_page(f);
}

/* By way of JSON it comes out the same. */
static void test_json(void **state)
{
	struct fixture *f = *state;

	add_calls(f);
	convert_capture(f, "json");
	assert_int_equal(rename(f->out, f->in), 0);
	convert(f, "html");
	expect_page(f);
}

/* In order of starts the gaps lie before the calls. */
static void test_callers_first(void **state)
{
	static const char json[] =
		"{\"traceEvents\":["
		"{\"ph\":\"X\",\"name\":\"a (x.py:1)\",\"pid\":1,\"tid\":1,\"ts\":10,\"dur\":9},"
		"{\"ph\":\"X\",\"name\":\"b (x.py:2)\",\"pid\":1,\"tid\":1,\"ts\":12,\"dur\":1},"
		"{\"ph\":\"X\",\"name\":\"b (x.py:2)\",\"pid\":1,\"tid\":1,\"ts\":15,\"dur\":2}]}";
	struct html_slice s[4];
	struct html_reader r;

	convert_json(*state, "html", json);
	r = open_page(*state);
	assert_int_equal(html_reader__slices(&r, 0, s, 4), 3);
	assert_int_equal(s[0].end, 9000);
	assert_int_equal(s[1].start, 2000);
	assert_int_equal(s[1].depth, 1);
	assert_int_equal(s[2].start, 5000);
	assert_int_equal(s[2].end, 7000);
	html_reader__close(&r);
}

/* No byte of a name can be taken for a part of the page, and all of it comes out again. */
static void test_hostile_names(void **state)
{
	static const char call[] =
		"{\"ph\":\"X\",\"cat\":\"FEE\",\"name\":\"%s (g.py:1)\",\"pid\":1,"
		"\"tid\":1,\"ts\":%d,\"dur\":%d}%s";
	static const char bad[] = "</script><!-- \xff\\\" \\\\ <script>alert(1)</script>";
	static char name[60000], json[70000];
	struct fixture *f = *state;
	struct html_reader r;
	uint64_t s[N_STATS];
	int n;

	memset(name, 'n', sizeof(name) - 1);
	n = sprintf(json, "{\"traceEvents\":[");
	n += sprintf(json + n, call, bad, 10, 5, ",");
	n += sprintf(json + n, call, name, 20, 6, "]}");
	assert_true((size_t)n < sizeof(json));
	convert_json(f, "html", json);
	assert_null(strstr(f->text, "alert(1)"));
	r = open_page(f);
	read_function(&r, "</script><!-- \xef\xbf\xbd\" \\ <script>alert(1)</script>", s);
	assert_int_equal(s[1], 5000);
	read_function(&r, name, s);
	assert_int_equal(s[1], 6000);
	html_reader__close(&r);
}

/* Sampled traces: the graph counts samples, the slices are marked. */
static void test_samples(void **state)
{
	struct fixture *f = *state;
	struct html_slice slices[8];
	struct html_reader r;
	uint64_t count = 0, self = 0;
	size_t n;

	add_samples(f);
	convert_capture(f, "html");
	r = open_page(f);
	expect_fact(&r, "period_ns", "1000");
	expect_fact(&r, "samples", "5");
	html_reader__rewind(&r);
	assert_true(html_reader__next(&r, 'G'));
	assert_int_equal(html_reader__number(&r), 0); /* track */
	assert_int_equal(html_reader__number(&r), 1); /* first node */
	assert_int_equal(html_reader__number(&r), 0); /* of no difference */
	while (r.p < r.end) {
		assert_in_range(html_reader__number(&r), 1, 2);
		html_reader__number(&r);
		count += html_reader__number(&r);
		self += html_reader__number(&r);
	}
	assert_int_equal(count, 4);
	assert_int_equal(self, 4000);
	n = html_reader__slices(&r, 0, slices, 8);
	assert_true(n > 0);
	while (n--)
		assert_int_equal(slices[n].flags & PROFILE_SAMPLED, PROFILE_SAMPLED);
	html_reader__close(&r);
}

static void test_nothing(void **state)
{
	struct fixture *f = *state;
	struct html_reader r;

	builder__end(&f->b, 9000);
	convert_capture(f, "html");
	r = open_page(f);
	expect_fact(&r, "calls", "0");
	assert_false(html_reader__next(&r, 'S'));
	html_reader__close(&r);
}

/* More than a section holds, and more than a chunk. */
static void test_many(void **state)
{
	struct html_slice *slices = malloc(SLICES_MAX * sizeof(*slices));
	struct fixture *f = *state;
	struct html_reader r;
	uint64_t at = 2000, dur, sum = 0, seen = 0;
	size_t n = 100000, i;

	for (i = 0; i < n; i++) {
		dur = 1 + i * 7919 % 100003;
		add_call(f, 1 + (uint32_t)(i % 2), at, at + dur, 0);
		sum += dur;
		at += dur + i % 3;
	}
	builder__end(&f->b, at);
	convert_capture(f, "html");
	r = open_page(f);
	assert_int_equal(html_reader__slices(&r, 0, slices, SLICES_MAX), n);
	for (i = 0; i < n; i++)
		seen += slices[i].end - slices[i].start;
	assert_int_equal(seen, sum);
	assert_int_equal(slices[n - 1].start, 0); /* the file goes backwards */
	html_reader__close(&r);
	free(slices);
}

/* ---- what is left out ------------------------------------------------------------------- */

static void test_shortest(void **state)
{
	const struct profile_function fn = { .name = { "f", 1 } };
	struct profile_call call = {};
	struct profile_track *t;
	struct profile *p = profile__new(NULL);
	uint64_t shortest = 1, kept = 0;

	(void)state;
	assert_non_null(p);
	t = profile__track(p, "t", 1);
	call.function = (uint32_t)profile__function(p, &fn);
	for (uint64_t i = 0; i < 1000; i++) {
		call.start = i * 2000;
		call.dur = i;
		assert_int_equal(profile__add(p, t, &call), 0);
	}
	assert_int_equal(profile__settle(p), 0);
	assert_int_equal(html_slices__shortest(p, 1000, &shortest), 0);
	assert_int_equal(shortest, 0);
	assert_int_equal(html_slices__shortest(p, 300, &shortest), 0);
	kept = 1000 - shortest;
	assert_in_range(kept, 150, 300); /* as many as fit, but for those of one bucket */
	assert_int_equal(html_slices__shortest(p, 1, &shortest), 0);
	assert_true(shortest > 999);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FORMAT_TEST(test_capture),	 FORMAT_TEST(test_json),
		FORMAT_TEST(test_callers_first), FORMAT_TEST(test_hostile_names),
		FORMAT_TEST(test_samples),	 FORMAT_TEST(test_nothing),
		FORMAT_TEST(test_many),		 cmocka_unit_test(test_shortest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
