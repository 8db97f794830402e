// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/types.h>

#include <cmocka.h>

#include "recorder_fixture.h"

/* ---- records ---------------------------------------------------------------------------- */

struct call {
	uint64_t start, dur;
	uint32_t tid, code;
	uint8_t flags;
};

static void push(struct fixture *f, struct call call)
{
	struct vtbpf_rec_call c = {
		.rec = { .len = sizeof(c), .kind = VTBPF_REC_CALL, .flags = call.flags },
		.start = call.start,
		.dur = call.dur,
		.code = call.code,
	};

	c.rec.tid = call.tid ? call.tid : 7;
	capture_writer__append(&f->w, &c.rec);
}

static void push_call(struct fixture *f, uint64_t start)
{
	push(f, (struct call){ .start = start });
}

static void push_thread(struct fixture *f, uint32_t tid, uint64_t start_time)
{
	struct vtbpf_rec_thread t = {
		.rec = { .len = sizeof(t), .kind = VTBPF_REC_THREAD, .tid = tid },
		.start_time = start_time,
	};

	capture_writer__append(&f->w, &t.rec);
}

static void push_exit(struct fixture *f, uint32_t tid)
{
	struct vtbpf_rec_thread_exit e = {
		.rec = { .len = sizeof(e), .kind = VTBPF_REC_THREAD_EXIT, .tid = tid },
	};

	capture_writer__append(&f->w, &e.rec);
}

static void push_code(struct fixture *f, uint32_t id)
{
	struct vtbpf_rec_code c = {
		.rec = { .len = sizeof(c), .kind = VTBPF_REC_CODE, .tid = 7 },
		.id = id,
	};

	capture_writer__append(&f->w, &c.rec);
	capture_writer__code_str(&f->w, id, VTBPF_STR_FILENAME, "file.py");
	capture_writer__code_str(&f->w, id, VTBPF_STR_NAME, "name");
}

static void push_lost(struct fixture *f, uint64_t last)
{
	struct vtbpf_rec_lost l = {
		.rec = { .len = sizeof(l), .kind = VTBPF_REC_LOST, .tid = 7 },
		.lost = 1,
		.last = last,
	};

	capture_writer__append(&f->w, &l.rec);
}

static void push_counters(struct fixture *f, uint64_t calls)
{
	struct vtbpf_rec_counters c = {
		.rec = { .len = sizeof(c), .kind = VTBPF_REC_COUNTERS },
		.count.calls = calls,
	};

	capture_writer__append(&f->w, &c.rec);
}

/* A letter and a number: what the record is, and what tells it from its like. */
static int describe(const struct vtbpf_rec *rec, char *text, size_t size)
{
	const struct vtbpf_rec_thread_name *name = (const void *)rec;

	switch (rec->kind) {
	case VTBPF_REC_CALL:
		return snprintf(text, size, "c%llu ",
				(unsigned long long)((const struct vtbpf_rec_call *)rec)->start);
	case VTBPF_REC_THREAD:
		return snprintf(
			text, size, "t%llu ",
			(unsigned long long)((const struct vtbpf_rec_thread *)rec)->start_time);
	case VTBPF_REC_THREAD_NAME:
		return snprintf(text, size, "n%.*s ", name->bytes, name->name);
	case VTBPF_REC_THREAD_EXIT:
		return snprintf(text, size, "x%u ", rec->tid);
	case VTBPF_REC_CODE:
		return snprintf(text, size, "f%u ", ((const struct vtbpf_rec_code *)rec)->id);
	case VTBPF_REC_STR:
		return snprintf(text, size, "s%u ", ((const struct vtbpf_rec_str *)rec)->code);
	case VTBPF_REC_LOST:
		return snprintf(text, size, "l ");
	case VTBPF_REC_TEXT:
		return snprintf(text, size, "T ");
	case VTBPF_REC_COUNTERS:
		return snprintf(
			text, size, "#%llu ",
			(unsigned long long)((const struct vtbpf_rec_counters *)rec)->count.calls);
	case VTBPF_REC_OVERFLOW:
		return snprintf(
			text, size, "o%llu ",
			(unsigned long long)((const struct vtbpf_rec_overflow *)rec)->overwritten);
	}
	return snprintf(text, size, "?%u ", rec->kind);
}

static void begin(struct fixture *f, uint64_t calls, uint64_t keep_ns, uint64_t max_bytes)
{
	struct recorder_config cfg = {
		.calls = calls,
		.keep_ns = keep_ns,
		.max_bytes = max_bytes,
	};

	f->describe = describe;
	recorder_fixture__begin(f, cfg);
}

/* ---- so many ---------------------------------------------------------------------------- */

static void test_all_fit(void **state)
{
	struct fixture *f = *state;

	begin(f, 3, 0, 0);
	push_call(f, 1);
	push_call(f, 2);
	push_call(f, 3);
	assert_written(f, 0, "c1 c2 c3 ");
}

static void test_newest(void **state)
{
	struct fixture *f = *state;

	begin(f, 2, 0, 0);
	for (uint64_t i = 1; i <= 5; i++)
		push_call(f, i);
	assert_written(f, 0, "c4 c5 o3 ");
	push_call(f, 6); /* writing takes nothing out */
	assert_written(f, 0, "c5 c6 o4 ");
}

/* What is still open in the end does not take the place of what has ended. */
static void test_open_calls(void **state)
{
	struct fixture *f = *state;

	begin(f, 2, 0, 0);
	push_call(f, 1);
	push_call(f, 2);
	push_call(f, 3);
	push(f, (struct call){ .start = 4, .flags = VTBPF_F_OPEN_END });
	push(f, (struct call){ .start = 5, .flags = VTBPF_F_OPEN_END });
	assert_written(f, 0, "c2 c3 c4 c5 o1 ");
}

/* Around the chunks again and again. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	struct recorder_use use;

	begin(f, 10000, 0, 0);
	for (uint64_t i = 0; i < 500000; i++) {
		push_call(f, i);
		if (i % 3 == 0)
			push_thread(f, 7, i);
	}
	recorder__use(f->rec, &use);
	assert_int_equal(use.calls, 10000);
	assert_int_equal(use.dropped, 490000);
	assert_true(use.bytes < 4 << 20);
	assert_int_equal(use.cut_until, 0);
}

/* ---- so long ---------------------------------------------------------------------------- */

static void test_keep_time(void **state)
{
	struct fixture *f = *state;

	begin(f, 0, 100, 1 << 20);
	push(f, (struct call){ .start = 1000, .dur = 10 });
	push(f, (struct call){ .start = 1050, .dur = 10 });
	push_lost(f, 1060);
	push(f, (struct call){ .start = 900, .dur = 260 });
	/* Late, and with a younger one before it: it stays until it is written. */
	push(f, (struct call){ .start = 1020, .dur = 10 });
	assert_written(f, 0, "c1050 l c900 c1020 o1 ");
	assert_written(f, 1060, "c1050 l c900 o2 ");
	push(f, (struct call){ .start = 2000, .dur = 1 });
	assert_written(f, 0, "c2000 o4 ");
}

/* What a dump will need is held back. */
static void test_hold(void **state)
{
	struct fixture *f = *state;

	begin(f, 0, 100, 1 << 20);
	push_call(f, 1000);
	push_call(f, 1050);
	recorder__hold(f->rec, 1020);
	push_call(f, 5000);
	assert_written(f, 0, "c1050 c5000 o1 ");
	recorder__hold(f->rec, UINT64_MAX);
	push_call(f, 5001);
	assert_written(f, 0, "c5000 c5001 o2 ");
}

static void test_ceiling(void **state)
{
	struct fixture *f = *state;
	struct recorder_use use;

	begin(f, 0, 1000000000, 1 << 20);
	for (uint64_t i = 1; i <= 100000; i++)
		push_call(f, i);
	recorder__use(f->rec, &use);
	assert_in_range(use.calls, (1 << 20) / 32 / 2, (1 << 20) / 32);
	assert_int_equal(use.cut_until, 100000 - use.calls);
}

/* ---- threads ---------------------------------------------------------------------------- */

/* A dropped record of a thread comes before the calls, those between them keep their place. */
static void test_threads(void **state)
{
	struct fixture *f = *state;

	begin(f, 2, 0, 0);
	push_thread(f, 7, 100);
	capture_writer__thread_name(&f->w, 7, 7, 0, "old", "");
	push_call(f, 1);
	push_call(f, 2);
	push_thread(f, 7, 200);
	push_call(f, 3);
	assert_written(f, 0, "t100 nold c2 t200 c3 o1 ");
	push_call(f, 4);
	/* Another one without an end of the first: the name was the first one's. */
	assert_written(f, 0, "t200 c3 c4 o2 ");
	capture_writer__thread_name(&f->w, 7, 7, 0, "new", "");
	push_exit(f, 7);
	push_call(f, 5);
	assert_written(f, 0, "t200 c4 nnew x7 c5 o3 ");
	push_call(f, 6);
	assert_written(f, 0, "c5 c6 o4 ");
}

/* ---- code objects, and what is said of the session -------------------------------------- */

static void look(struct fixture *f, uint32_t from, uint32_t to)
{
	recorder__begin_look(f->rec);
	for (uint32_t id = from; id < to; id++)
		recorder__see(f->rec, id);
	recorder__end_look(f->rec, true);
}

static void test_codes(void **state)
{
	struct fixture *f = *state;

	begin(f, 1, 0, 0);
	capture_writer__text(&f->w, VTBPF_TEXT_KERNEL, "6.1", 3);
	push_code(f, 1);
	push_code(f, 2);
	push_counters(f, 1);
	push_counters(f, 2);
	push(f, (struct call){ .start = 1, .code = 1 });
	look(f, 2, 3);
	look(f, 2, 3);
	look(f, 2, 3);
	assert_int_equal(f->forgotten, 0); /* a kept call names it */
	assert_written(f, 0, "T f1 s1 s1 f2 s2 s2 c1 #2 ");
	push_code(f, 2); /* it may come again */
	for (uint64_t i = 0; i < 10000; i++)
		push(f, (struct call){ .start = i, .code = 2 });
	look(f, 2, 3);
	assert_int_equal(f->forgotten, 1);
	assert_written(f, 0, "T f2 s2 s2 c9999 #2 o10000 ");
}

/* One missing look proves nothing, and neither do many that were not complete. */
static void test_code_told_of_late(void **state)
{
	struct fixture *f = *state;

	begin(f, 1, 0, 0);
	push_code(f, 1);
	look(f, 1, 2);
	look(f, 5, 6);
	for (int i = 0; i < 5; i++) {
		recorder__begin_look(f->rec);
		recorder__end_look(f->rec, false);
	}
	look(f, 1, 2);
	look(f, 5, 6);
	assert_int_equal(f->forgotten, 0);
	look(f, 5, 6);
	assert_int_equal(f->forgotten, 1);
}

/* ---- a day ------------------------------------------------------------------------------ */

static long rss_kb(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

#define DAY_NS 86400000000000ULL
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
#define DAY_CALLS 4000000ULL /* the same day, less busy: the checks cost much there */
#define CODE_EVERY 10	     /* calls: a new code object */
#define CHECKED 1	     /* what is freed is kept for a while: the process grows */
#else
#define DAY_CALLS 100000000ULL
#define CODE_EVERY 100
#define CHECKED 0
#endif
#define CODES_ALIVE 5000  /* so many of them are alive at a time */
#define CODES_MOST 60000  /* known at a time: those that are gone wait for the next look */
#define THREAD_EVERY 1000 /* a new thread, which lives until four others have come */
#define PARTS 100

/* A hundredth of a day of a program that always makes new functions and threads. */
static void live(struct fixture *f, uint64_t part)
{
	uint64_t from = DAY_CALLS / PARTS * part, to = DAY_CALLS / PARTS * (part + 1);

	for (uint64_t i = from; i < to; i++) {
		uint32_t newest_code = i / CODE_EVERY + 1, thread = i / THREAD_EVERY;

		if (i % CODE_EVERY == 0)
			push_code(f, newest_code);
		if (i % THREAD_EVERY == 0) {
			push_thread(f, 1 + thread % 30000, i + 1);
			capture_writer__thread_name(&f->w, 1 + thread % 30000, 1, 0, "worker", "");
			if (thread >= 4)
				push_exit(f, 1 + (thread - 4) % 30000);
		}
		push(f, (struct call){ .start = DAY_NS / DAY_CALLS * i,
				       .dur = 1000,
				       .tid = 1 + (thread - i % 4 * (thread >= 4)) % 30000,
				       .code = newest_code - i % CODES_ALIVE % newest_code });
		if (recorder__wants_look(f->rec))
			look(f, newest_code < CODES_ALIVE ? 1 : newest_code - CODES_ALIVE + 1,
			     newest_code + 1);
	}
}

/* 24 hours of --keep-last 10s: what it holds after six hours is what it holds after a day. */
static void test_day(void **state)
{
	struct fixture *f = *state;
	struct recorder_use use, early = {};
	long early_kb = 0;

	begin(f, 0, 10000000000ULL, RECORDER_MAX_BYTES);
	for (uint64_t part = 0; part < PARTS; part++) {
		live(f, part);
		recorder__use(f->rec, &use);
		assert_in_range(use.calls, DAY_CALLS / 8640 - 2, DAY_CALLS / 8640 + 2);
		if (part == PARTS / 4) {
			early = use;
			early_kb = rss_kb();
		}
		assert_true(use.codes < CODES_MOST);
		assert_true(use.threads < 40);
	}
	print_message(
		"a day of %llu calls, %u code objects (%u forgotten), %llu threads: %ld kB more "
		"than after six hours; %llu calls, %llu code objects, %llu threads are kept\n",
		DAY_CALLS, (unsigned int)(DAY_CALLS / CODE_EVERY), f->forgotten,
		DAY_CALLS / THREAD_EVERY, rss_kb() - early_kb, (unsigned long long)use.calls,
		(unsigned long long)use.codes, (unsigned long long)use.threads);
	assert_true(use.bytes < 2 * early.bytes + (4 << 20));
	assert_true(CHECKED || rss_kb() - early_kb < 16384);
	assert_true(f->forgotten > DAY_CALLS / CODE_EVERY - CODES_MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RECORDER_TEST(test_all_fit),	RECORDER_TEST(test_newest),
		RECORDER_TEST(test_open_calls), RECORDER_TEST(test_many),
		RECORDER_TEST(test_keep_time),	RECORDER_TEST(test_hold),
		RECORDER_TEST(test_ceiling),	RECORDER_TEST(test_threads),
		RECORDER_TEST(test_codes),	RECORDER_TEST(test_code_told_of_late),
		RECORDER_TEST(test_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
