// SPDX-License-Identifier: GPL-2.0-only
/* Perfetto's format, read back: packets, clocks, slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "format_fixture.h"
#include "proto_reader.h"

static bool find(const struct field *message, uint64_t number, struct field *f)
{
	const unsigned char *p = message->data, *end = p + message->value;

	while (proto__next(&p, end, f)) {
		if (f->number == number)
			return true;
	}
	return false;
}

static uint64_t value_of(const struct field *message, uint64_t number)
{
	struct field f;

	return find(message, number, &f) ? f.value : 0;
}

/* What one sequence said, replayed: "+NAME@TIME" and "-@TIME". */
struct replayed {
	char text[4096];
	uint64_t clock;
	struct field names[8]; /* by iid */
};

static void on_event(struct replayed *r, const struct field *event)
{
	size_t n = strlen(r->text);
	uint64_t iid = value_of(event, 10);
	struct field annotation, edge;

	if (value_of(event, 9) == 2) {
		snprintf(r->text + n, sizeof(r->text) - n, "-@%d ", (int)r->clock);
		return;
	}
	assert_int_equal(value_of(event, 9), 1);
	assert_int_equal(value_of(event, 3), 1);
	n += (size_t)snprintf(r->text + n, sizeof(r->text) - n, "+%.4s@%d ",
			      (const char *)r->names[iid].data, (int)r->clock);
	if (find(event, 4, &annotation) && find(&annotation, 6, &edge))
		snprintf(r->text + n, sizeof(r->text) - n, "(%.*s) ", (int)edge.value,
			 (const char *)edge.data);
}

/* Times are counted from one packet of the sequence to the next, from its clock's snapshot on. */
static void on_packet(struct replayed *r, const struct field *packet)
{
	struct field f, inner, time;
	const unsigned char *p;

	if (find(packet, 6, &f)) {
		for (p = f.data; proto__next(&p, f.data + f.value, &inner);) {
			if (inner.number == 1 && value_of(&inner, 1) == 64)
				r->clock = value_of(&inner, 2);
		}
	}
	if (find(packet, 12, &f) && find(&f, 2, &inner))
		find(&inner, 2, &r->names[value_of(&inner, 1)]);
	if (!find(packet, 11, &f))
		return;
	assert_true(find(packet, 8, &time));
	r->clock += time.value;
	on_event(r, &f);
}

static void replay(const struct fixture *f, uint64_t sequence, struct replayed *r)
{
	const unsigned char *p = (const unsigned char *)f->text, *end = p + f->n;
	struct field packet;

	memset(r, 0, sizeof(*r));
	while (proto__next(&p, end, &packet)) {
		assert_int_equal(packet.number, 1);
		if (value_of(&packet, 10) == sequence)
			on_packet(r, &packet);
	}
}

static void test_slices(void **state)
{
	struct fixture *f = *state;
	struct replayed r;

	add_calls(f);
	convert_capture(f, "pftrace");
	replay(f, 1, &r);
	assert_string_equal(r.text, "+main@1900 +leaf@2000 -@2010 +leaf@2010 -@2030 +a;\"b@2040 "
				    "+leaf@2050 -@2055 -@2060 -@2100 +main@3000 -@3001 ");
	assert_non_null(memmem(f->text, f->n, "main (f.py:10)", 14));
	assert_non_null(memmem(f->text, f->n, "Main;Thread", 11));
	replay(f, 2, &r);
	assert_string_equal(r.text, "");
}

static void test_open_and_lost(void **state)
{
	struct build_call c = { .tid = 100, .code = 2, .start = 2000, .end = 2001 };
	struct fixture *f = *state;
	struct replayed r;

	c.flags = VTBPF_F_OPEN_START | VTBPF_F_OPEN_END;
	builder__call(&f->b, &c);
	builder__lost(&f->b, 100, &(struct vtbpf_rec_lost){ .lost = 7, .first = 5, .last = 90 });
	convert_capture(f, "pftrace");
	replay(f, 1, &r);
	assert_string_equal(r.text, "+leaf@2000 (both) -@2001 ");
	replay(f, 2, &r);
	assert_string_equal(r.text, "+lost@5 -@90 ");
	assert_non_null(memmem(f->text, f->n, "Main;Thread <lost>", 18));
}

/* The first packet says how the clocks stand to one another, and which one is meant. */
static void test_clocks(void **state)
{
	const unsigned char *p;
	struct fixture *f = *state;
	struct field packet, clocks;

	add_calls(f);
	convert_capture(f, "pftrace");
	p = (const unsigned char *)f->text;
	assert_true(proto__next(&p, p + f->n, &packet));
	assert_true(find(&packet, 6, &clocks));
	assert_int_equal(value_of(&clocks, 2), 3); /* CLOCK_MONOTONIC */
}

/* Of a call that is short, and has a name that is known, its two events. */
static void test_size(void **state)
{
	struct fixture *f = *state;
	size_t n;

	for (uint64_t i = 0; i < 100; i++)
		add_call(f, 2, 2000 + 100 * i, 2050 + 100 * i, 0);
	convert_capture(f, "pftrace");
	n = f->n;
	for (uint64_t i = 100; i < 200; i++)
		add_call(f, 2, 2000 + 100 * i, 2050 + 100 * i, 0);
	convert_capture(f, "pftrace");
	assert_int_equal((f->n - n) / 100, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FORMAT_TEST(test_slices),
		FORMAT_TEST(test_open_and_lost),
		FORMAT_TEST(test_clocks),
		FORMAT_TEST(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
