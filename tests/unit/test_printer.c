// SPDX-License-Identifier: GPL-2.0-only
/* Text for people: numbers that hold for a while, rows that are left out, names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../user/write/printer.h"

struct fixture {
	struct outbuf out;
	struct printer to;
	FILE *file;
	char text[4096];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->file = tmpfile();
	assert_non_null(f->file);
	assert_int_equal(outbuf__init(&f->out, fileno(f->file), false), 0);
	f->to.out = &f->out;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	outbuf__release(&f->out);
	fclose(f->file);
	free(f);
	return 0;
}

static const char *written(struct fixture *f)
{
	ssize_t n;

	assert_int_equal(outbuf__finish(&f->out), 0);
	n = pread(fileno(f->file), f->text, sizeof(f->text) - 1, 0);
	assert_true(n >= 0);
	f->text[n] = '\0';
	return f->text;
}

static void test_numbers(void **state)
{
	struct fixture *f = *state;
	const char *eight[8];

	for (unsigned int i = 0; i < 8; i++)
		eight[i] = i % 2 ? printer__ns(&f->to, i * 1e6) : printer__count(&f->to, i * 1000);
	printer__say(&f->to, "%s|%s|%s|%s|%s|%s|%s|%s", eight[0], eight[1], eight[2], eight[3],
		     eight[4], eight[5], eight[6], eight[7]);
	assert_string_equal(written(f), "0|1.00 ms|2,000|3.00 ms|4,000|5.00 ms|6,000|7.00 ms");
}

static void test_rows(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(printer__rows(&f->to, 5, 10), 5);
	assert_int_equal(printer__rows(&f->to, 50, 10), 10);
	f->to.limit = 20;
	assert_int_equal(printer__rows(&f->to, 50, 10), 20);
	printer__say_more(&f->to, 5, 5);
	printer__say_more(&f->to, 20, 1220);
	assert_string_equal(written(f), "... and 1,200 more; --limit shows them\n");
}

/* A name ends where it ends, not at a NUL in it. */
static void test_table(void **state)
{
	static const struct table_column columns[] = { { "A", 8, true }, { "B", 40, false } };
	const struct profile_function fn = {
		.name = { .p = "a\0b", .n = 3 },
		.file = { .p = "x.py", .n = 4 },
		.line = 7,
	};
	struct table t = { .columns = columns, .n = 2 };
	struct fixture *f = *state;

	table__cell(&t, "1");
	printer__name_cell(&t, &fn);
	assert_int_equal(printer__table(&f->to, &t, 1, 3), 0);
	assert_string_equal(written(f), "A  B\n1  a?b (x.py:7)\n"
					"... and 2 more; --limit shows them\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_table, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
