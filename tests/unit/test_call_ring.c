// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/types.h>

#include <cmocka.h>

#include "../../user/trace/call_ring.h"

struct fixture {
	FILE *file;
	struct capture_writer w;
	struct call_ring *ring;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->file = tmpfile();
	assert_int_equal(capture_writer__init(&f->w, fileno(f->file)), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	call_ring__free(f->ring);
	capture_writer__free(&f->w);
	fclose(f->file);
	free(f);
	return 0;
}

static void push_flagged(struct fixture *f, uint64_t start, uint8_t flags)
{
	struct vtbpf_rec_call c = {
		.rec = { .len = sizeof(c), .kind = VTBPF_REC_CALL, .tid = 7, .flags = flags },
		.start = start,
	};

	call_ring__push(f->ring, &c.rec);
}

static void push_call(struct fixture *f, uint64_t start)
{
	push_flagged(f, start, 0);
}

static void push_thread(struct fixture *f, uint64_t start_time)
{
	struct vtbpf_rec_thread t = {
		.rec = { .len = sizeof(t), .kind = VTBPF_REC_THREAD, .tid = 7 },
		.start_time = start_time,
	};

	call_ring__push(f->ring, &t.rec);
}

/* The records of the capture, a letter and a number each: calls with their starts, threads with their
 * start times, what was overwritten. */
static void assert_capture(struct fixture *f, const char *expected)
{
	struct vtbpf_capture_header h;
	char text[4096] = "", buf[256];
	struct vtbpf_rec *rec = (struct vtbpf_rec *)buf;

	capture_writer__flush(&f->w);
	rewind(f->file);
	assert_int_equal(fread(&h, sizeof(h), 1, f->file), 1);
	while (fread(rec, sizeof(*rec), 1, f->file) == 1) {
		size_t n = strlen(text);
		uint64_t value;

		assert_in_range(rec->len, sizeof(*rec), sizeof(buf));
		assert_int_equal(fread(rec + 1, rec->len - sizeof(*rec), 1, f->file), 1);
		value = rec->kind == VTBPF_REC_CALL ?
				((struct vtbpf_rec_call *)rec)->start :
			rec->kind == VTBPF_REC_THREAD ?
				((struct vtbpf_rec_thread *)rec)->start_time :
				((struct vtbpf_rec_overflow *)rec)->overwritten;
		snprintf(text + n, sizeof(text) - n, "%c%llu ",
			 rec->kind == VTBPF_REC_CALL   ? 'c' :
			 rec->kind == VTBPF_REC_THREAD ? 't' :
							 'o',
			 (unsigned long long)value);
	}
	assert_string_equal(text, expected);
}

static void test_all_fit(void **state)
{
	struct fixture *f = *state;

	f->ring = call_ring__new(3, &f->w);
	push_call(f, 1);
	push_call(f, 2);
	push_call(f, 3);
	assert_int_equal(call_ring__write(f->ring), 0);
	assert_capture(f, "c1 c2 c3 ");
}

static void test_newest(void **state)
{
	struct fixture *f = *state;

	f->ring = call_ring__new(2, &f->w);
	push_call(f, 1);
	push_call(f, 2);
	push_call(f, 3);
	push_call(f, 4);
	push_call(f, 5);
	assert_int_equal(call_ring__write(f->ring), 3);
	assert_capture(f, "c4 c5 o3 ");
}

/* What is still open in the end does not take the place of what has ended. */
static void test_open_calls(void **state)
{
	struct fixture *f = *state;

	f->ring = call_ring__new(2, &f->w);
	push_call(f, 1);
	push_call(f, 2);
	push_call(f, 3);
	push_flagged(f, 4, VTBPF_F_OPEN_END);
	push_flagged(f, 5, VTBPF_F_OPEN_END);
	assert_int_equal(call_ring__write(f->ring), 1);
	assert_capture(f, "c2 c3 c4 c5 o1 ");
}

/* A thread's record is written at once, and again between the calls that are kept. */
static void test_threads_keep_their_place(void **state)
{
	struct fixture *f = *state;

	f->ring = call_ring__new(2, &f->w);
	push_thread(f, 100);
	push_call(f, 1);
	push_call(f, 2);
	push_thread(f, 200);
	push_call(f, 3);
	assert_int_equal(call_ring__write(f->ring), 1);
	assert_capture(f, "t100 t200 c2 t200 c3 o1 ");
}

/* Many more than there is room for: around the end of the memory again and again. */
static void test_around_the_end(void **state)
{
	struct fixture *f = *state;

	f->ring = call_ring__new(2, &f->w);
	for (uint64_t i = 0; i < 500000; i++) {
		push_call(f, i);
		if (i % 3 == 0)
			push_thread(f, i);
		f->w.used = 0; /* only the end matters */
	}
	assert_int_equal(call_ring__write(f->ring), 499998);
	assert_capture(f, "c499998 t499998 c499999 o499998 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_fit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads_keep_their_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_around_the_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
