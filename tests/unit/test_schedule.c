// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "../../user/schedule.h"

static struct schedule_span parsed(const char *text)
{
	struct schedule_span span = {};

	assert_int_equal(schedule__parse(text, &span), 0);
	return span;
}

static void test_parse(void **state)
{
	struct schedule_span span;

	(void)state;
	span = parsed("09:00-18:00");
	assert_int_equal(span.from, 540);
	assert_int_equal(span.until, 1080);
	span = parsed("9:05-6:59");
	assert_int_equal(span.from, 545);
	assert_int_equal(span.until, 419);
	assert_int_equal(parsed("00:00-24:00").until, 1440);
}

static void test_parse_bad(void **state)
{
	static const char *const bad[] = { "",
					   "9-18",
					   "09:00",
					   "09:00-",
					   "09:00-09:00",
					   "24:00-06:00",
					   "09:60-10:00",
					   "25:00-26:00",
					   "09:0-10:00",
					   "-09:00-10:00",
					   "09:00-10:00 ",
					   "009:00-10:00",
					   "09:00-24:01",
					   "09:00 - 10:00" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct schedule_span span;

		assert_int_equal(schedule__parse(bad[i], &span), -EINVAL);
	}
}

/* A time of 2026-03-28 in the zone under test, which no clock change touches. */
static time_t at(int hour, int minute)
{
	struct tm tm = { .tm_year = 126, .tm_mon = 2, .tm_mday = 28, .tm_isdst = -1 };

	tm.tm_hour = hour;
	tm.tm_min = minute;
	return mktime(&tm);
}

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void test_day(void **state)
{
	struct schedule_span day = parsed("09:00-18:00");

	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	assert_false(schedule__is_active(&day, 1, at(8, 59)));
	assert_true(schedule__is_active(&day, 1, at(9, 0)));
	assert_true(schedule__is_active(&day, 1, at(17, 59)));
	assert_false(schedule__is_active(&day, 1, at(18, 0)));
	/* the same moment is an hour earlier in London */
	assert_true(schedule__is_active(&day, 1, 1774688400)); /* 09:00 UTC: 10:00 */
	assert_false(schedule__is_active(&day, 1, 1774688400 - 7200));
	set_zone("UTC0");
	assert_true(schedule__is_active(&day, 1, 1774688400));
	assert_false(schedule__is_active(&day, 1, 1774688400 - 60));
}

static void test_night_and_several(void **state)
{
	struct schedule_span spans[] = { parsed("22:00-06:00"), parsed("12:00-12:30") };

	(void)state;
	set_zone("EST5");
	assert_true(schedule__is_active(spans, 2, at(22, 0)));
	assert_true(schedule__is_active(spans, 2, at(0, 0)));
	assert_true(schedule__is_active(spans, 2, at(5, 59)));
	assert_false(schedule__is_active(spans, 2, at(6, 0)));
	assert_true(schedule__is_active(spans, 2, at(12, 29)));
	assert_false(schedule__is_active(spans, 2, at(12, 30)));
	assert_false(schedule__is_active(spans, 1, at(12, 29)));
}

/* 02:30 on the day on which the clocks go forward does not exist; 03:30 comes an hour after 01:30. */
static void test_clock_change(void **state)
{
	struct schedule_span span = parsed("03:00-04:00");
	time_t before = 1774745940; /* 2026-03-29 00:59:00 UTC, 01:59 in Berlin */

	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	assert_false(schedule__is_active(&span, 1, before));
	assert_true(schedule__is_active(&span, 1, before + 60));
}

static void test_none(void **state)
{
	(void)state;
	assert_true(schedule__is_active(NULL, 0, at(3, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	     cmocka_unit_test(test_parse_bad),
		cmocka_unit_test(test_day),	     cmocka_unit_test(test_night_and_several),
		cmocka_unit_test(test_clock_change), cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
