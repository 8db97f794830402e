// SPDX-License-Identifier: GPL-2.0-only
/* pprof's format, read back by a decoder of our own, and its encoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "../../user/write/protobuf.h"
#include "format_fixture.h"
#include "proto_reader.h"

/* String number i of the profile. */
static void expect_text(const struct fixture *f, uint64_t i, const char *text)
{
	const unsigned char *p = (const unsigned char *)f->text, *end = p + f->n;
	struct field field;

	while (proto__next(&p, end, &field)) {
		if (field.number != 6 || i--)
			continue;
		assert_int_equal(field.value, strlen(text));
		assert_memory_equal(field.data, text, field.value);
		return;
	}
	fail_msg("no such string: %s", text);
}

static uint64_t inner(const struct field *message, uint64_t number)
{
	const unsigned char *p = message->data, *end = p + message->value;
	struct field field;

	while (proto__next(&p, end, &field)) {
		if (field.number == number)
			return field.value;
	}
	return 0;
}

/* The values of all samples whose leaf is that location, and how many samples. */
static void sum_samples(const struct fixture *f, uint64_t leaf, uint64_t sum[3])
{
	const unsigned char *p = (const unsigned char *)f->text, *end = p + f->n, *q;
	struct field field, part;
	bool wanted;

	memset(sum, 0, 3 * sizeof(*sum));
	while (proto__next(&p, end, &field)) {
		if (field.number != 2)
			continue;
		wanted = false;
		for (q = field.data; proto__next(&q, field.data + field.value, &part);) {
			const unsigned char *v = part.data;

			if (part.number == 1)
				wanted = proto__varint(&v) == leaf;
			if (part.number != 2 || !wanted)
				continue;
			sum[0] += proto__varint(&v);
			sum[1] += proto__varint(&v);
			sum[2]++;
		}
	}
}

static void test_pprof(void **state)
{
	static const char *const names[] = { "leaf", "a;\"b\n\xc2\x85", "main" };
	static const uint64_t values[][3] = { { 3, 35, 2 }, { 1, 15, 1 }, { 2, 151, 1 } };
	const unsigned char *p, *end;
	struct fixture *f = *state;
	struct field field;
	uint64_t i, sum[3];
	size_t functions = 0, types = 0;

	add_calls(f);
	builder__lost(&f->b, 100, &(struct vtbpf_rec_lost){ .lost = 7, .first = 2, .last = 9 });
	convert_capture(f, "pprof");
	p = (const unsigned char *)f->text;
	for (end = p + f->n; proto__next(&p, end, &field);) {
		if (field.number == 1 && !types++)
			expect_text(f, inner(&field, 1), "calls");
		if (field.number != 5)
			continue;
		i = inner(&field, 1) - 1;
		functions++;
		if (i < 3)
			expect_text(f, inner(&field, 2), names[i]);
		if (i == 0)
			expect_text(f, inner(&field, 3), "leaf (f.py:20)");
		if (i == 0)
			expect_text(f, inner(&field, 4), "f.py");
	}
	assert_int_equal(types, 2);
	assert_int_equal(functions, 4); /* "lost calls" too, which is in no sample */
	expect_text(f, 0, "");
	for (i = 0; i < 3; i++) {
		sum_samples(f, i + 1, sum);
		assert_memory_equal(sum, values[i], sizeof(sum));
	}
	assert_non_null(memmem(f->text, f->n, "7 calls were lost", 17));
}

/* pprof adds up by name: functions that share theirs get their place, and keep their brackets. */
static void test_pprof_shared_names(void **state)
{
	struct fixture *f = *state;

	builder__code(&f->b, 4, "<module>", "x.py");
	builder__code(&f->b, 5, "<module>", "y.py");
	add_call(f, 4, 2000, 3000, 0);
	add_call(f, 5, 4000, 5000, 0);
	convert_capture(f, "pprof");
	assert_non_null(memmem(f->text, f->n, "<module> (x.py:40)", 18));
	assert_non_null(memmem(f->text, f->n, "<module> (y.py:50)", 18));
}

static void test_pprof_of_samples(void **state)
{
	struct fixture *f = *state;
	const unsigned char *p, *end;
	struct field field;
	uint64_t sum[3], period = 0;

	add_samples(f);
	convert_capture(f, "pprof");
	p = (const unsigned char *)f->text;
	for (end = p + f->n; proto__next(&p, end, &field);) {
		if (field.number == 12)
			period = field.value;
		if (field.number == 11)
			expect_text(f, inner(&field, 1), "cpu");
	}
	assert_int_equal(period, 1000);
	sum_samples(f, 2, sum); /* functions are numbered as they come */
	assert_int_equal(sum[0], 3);
	assert_int_equal(sum[1], 3000);
	sum_samples(f, 1, sum);
	assert_int_equal(sum[0], 1);
	assert_int_equal(sum[1], 1000);
	assert_non_null(memmem(f->text, f->n, "samples", 7));
}

static void test_protobuf(void **state)
{
	static const unsigned char wanted[] = { 0x08, 0xac, 0x02, 0x12, 0x02, 'h',
						'i',  0x1a, 0x03, 0x01, 0x80, 0x01 };
	struct protobuf m = {};
	size_t begun;

	(void)state;
	protobuf__u64(&m, 1, 300);
	protobuf__u64(&m, 9, 0);
	protobuf__bytes(&m, 2, "hi", 2);
	begun = protobuf__begin(&m, 3);
	protobuf__value(&m, 1);
	protobuf__value(&m, 128);
	protobuf__end(&m, begun);
	assert_int_equal(m.n, sizeof(wanted));
	assert_memory_equal(m.data, wanted, sizeof(wanted));
	protobuf__release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FORMAT_TEST(test_pprof),
		FORMAT_TEST(test_pprof_shared_names),
		FORMAT_TEST(test_pprof_of_samples),
		cmocka_unit_test(test_protobuf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
