// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../user/decode/capture.h"
#include "capture_builder.h"

static void fill(struct capture_builder *b, size_t calls)
{
	struct build_call call = { .tid = 1 };

	builder__init(b);
	for (call.start = 0; call.start < calls; call.start++) {
		call.end = call.start;
		builder__call(b, &call);
	}
}

static size_t count(struct capture *c)
{
	const struct vtbpf_rec *rec;
	size_t n = 0;

	while (capture__next(c, &rec) > 0)
		n++;
	return n;
}

/* More than the reader's buffer holds, so that records lie across its end. */
static void test_many_records_twice(void **state)
{
	struct capture_builder b;
	struct capture *c;

	(void)state;
	fill(&b, 50001);
	c = builder__open(&b);
	assert_int_equal(count(c), 50001);
	assert_null(capture__damage(c));
	assert_int_equal(capture__tell(c), capture__size(c));
	assert_int_equal(capture__seek(c, capture__start(c)), 0);
	assert_int_equal(count(c), 50001);
	capture__free(c);
	builder__release(&b);
}

static void test_torn_at_every_byte(void **state)
{
	struct capture_builder b;
	size_t whole, cut;

	(void)state;
	fill(&b, 3);
	whole = b.len;
	for (cut = 1; cut < 32; cut++) {
		struct capture *c;

		b.len = whole - cut;
		c = builder__open(&b);
		assert_int_equal(count(c), 2);
		assert_string_equal(capture__damage(c),
				    "the capture ends in the middle of a record");
		assert_int_equal(capture__seek(c, capture__start(c)), 0);
		assert_int_equal(count(c), 2);
		capture__free(c);
	}
	builder__release(&b);
}

static void test_damaged_lengths(void **state)
{
	static const uint16_t bad[] = { 0, 4, 12, 33 };
	struct capture_builder b;
	size_t i;

	(void)state;
	fill(&b, 5);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vtbpf_rec *r = (void *)(b.data + sizeof(struct vtbpf_capture_header) + 64);
		struct capture *c;

		r->len = bad[i];
		c = builder__open(&b);
		assert_int_equal(count(c), 2);
		assert_string_equal(capture__damage(c), "the capture is damaged");
		capture__free(c);
	}
	builder__release(&b);
}

static void test_rejected_record_ends_it(void **state)
{
	const struct vtbpf_rec *rec;
	struct capture_builder b;
	struct capture *c;

	(void)state;
	fill(&b, 5);
	c = builder__open(&b);
	assert_int_equal(capture__next(c, &rec), 1);
	assert_int_equal(capture__next(c, &rec), 1);
	capture__reject(c);
	assert_int_equal(capture__next(c, &rec), 0);
	assert_non_null(capture__damage(c));
	assert_int_equal(capture__seek(c, capture__start(c)), 0);
	assert_int_equal(count(c), 1);
	capture__free(c);
	builder__release(&b);
}

static void expect_refused(const void *data, size_t n, const char *want)
{
	struct capture_builder b = { .data = (unsigned char *)(uintptr_t)data, .len = n };
	struct capture *c;
	char why[256];

	assert_int_equal(capture__open_fd(builder__fd(&b), &c, why, sizeof(why)), -EMEDIUMTYPE);
	assert_null(c);
	if (!strstr(why, want))
		fail_msg("\"%s\" does not say \"%s\"", why, want);
}

static void test_foreign_files(void **state)
{
	(void)state;
	expect_refused("", 0, "empty file");
	expect_refused("{\"traceEvents\":[]}", 18, "a JSON trace");
	expect_refused(" \n[1]", 5, "a JSON trace");
	expect_refused("\x1f\x8b\x08", 3, "gzip");
	expect_refused("\x7f"
		       "ELF",
		       4, "a program");
	expect_refused("VTBPFcap\x01", 9, "torn beginning");
	expect_refused("hello", 5, "something else");
}

static void test_header_of_another_version(void **state)
{
	struct vtbpf_capture_header *h;
	struct capture_builder b;

	(void)state;
	fill(&b, 1);
	h = (void *)b.data;
	h->min_version = 99;
	expect_refused(b.data, b.len, "newer");
	h->min_version = 1;
	h->byte_order = 0x3412;
	expect_refused(b.data, b.len, "byte order");
	h->byte_order = 0x1234;
	h->header_len = 60;
	expect_refused(b.data, b.len, "damaged");
	h->header_len = 65528;
	expect_refused(b.data, b.len, "damaged");
	builder__release(&b);
}

static void test_not_a_regular_file(void **state)
{
	struct capture *c;
	char why[256];
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(capture__open_fd(fds[0], &c, why, sizeof(why)), -ESPIPE);
	close(fds[1]);
	assert_int_equal(capture__open("/", &c, why, sizeof(why)), -EISDIR);
	assert_int_equal(capture__open("/nonexistent/x", &c, why, sizeof(why)), -ENOENT);
	capture__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_records_twice),
		cmocka_unit_test(test_torn_at_every_byte),
		cmocka_unit_test(test_damaged_lengths),
		cmocka_unit_test(test_rejected_record_ends_it),
		cmocka_unit_test(test_foreign_files),
		cmocka_unit_test(test_header_of_another_version),
		cmocka_unit_test(test_not_a_regular_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
