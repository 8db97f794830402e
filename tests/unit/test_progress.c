// SPDX-License-Identifier: GPL-2.0-only
/* The line that tells how far a long piece of work is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../user/progress.h"

#define NS 1000000000ULL

/* A second stage of two, which began after four seconds. */
static const struct progress second = {
	.on = true,
	.began = 100 * NS,
	.stage_began = 104 * NS,
	.from = 0.2,
	.stage = { "converting", 1, 1000000000, PROGRESS_BYTES },
	.done = 250000000,
};

static void expect(const struct progress *p, uint64_t now, const char *text)
{
	char line[128] = "";

	assert_int_equal(progress__line(p, now, line, sizeof(line)), text != NULL);
	assert_string_equal(line, text ? text : "");
}

static void test_line(void **state)
{
	struct progress p = second;

	(void)state;
	/* 0.2 and a quarter of 0.8 in six seconds: nine are left */
	expect(&p, 106 * NS, "converting [########............] 40%, 125 MB/s, 9 s left");
	p.stage.unit = PROGRESS_CALLS;
	expect(&p, 106 * NS, "converting [########............] 40%, 125.0 M calls/s, 9 s left");
	expect(&p, 300 * NS, "converting [########............] 40%, 1.3 M calls/s, 5:00 min left");
	p.done = 0;
	expect(&p, 104 * NS, "converting [####................] 20%, 0.0 M calls/s, 16 s left");
}

/* What was to come was known only about, or not at all. */
static void test_expected_wrongly(void **state)
{
	struct progress p = second;

	(void)state;
	p.done = 3000000000;
	expect(&p, 106 * NS, "converting [####################] 100%, 1500 MB/s, 0 s left");
	p.stage.expected = 0;
	expect(&p, 106 * NS, "converting [####................] 20%, 1500 MB/s, 24 s left");
	p.from = 0;
	expect(&p, 106 * NS, NULL);
}

/* What is done in two seconds needs no line. */
static void test_short(void **state)
{
	struct progress p = second;

	(void)state;
	p.stage_began = p.began;
	p.from = 0;
	expect(&p, p.began, NULL);
	expect(&p, p.began + NS / 4, NULL);	/* too early to tell */
	expect(&p, p.began + NS / 2 - 1, NULL); /* a quarter done */
	expect(&p, p.began + NS / 2 + 1,
	       "converting [#####...............] 25%, 500 MB/s, 2 s left");
	p.done = 300000000;
	expect(&p, p.began + NS / 2 + 1, NULL); /* all will be done in 1.7 s */
	p = second;
	p.on = false;
	expect(&p, 106 * NS, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_expected_wrongly),
		cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
