// SPDX-License-Identifier: GPL-2.0-only
/* The flight recorder with samples: the newest of them, and the stacks that they name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/types.h>

#include <cmocka.h>

#include "recorder_fixture.h"

#define PERIOD 10

/* ---- records ---------------------------------------------------------------------------- */

static void push_sampling(struct fixture *f, uint64_t ts, uint64_t period)
{
	struct vtbpf_rec_sampling s = {
		.rec = { .len = sizeof(s), .kind = VTBPF_REC_SAMPLING, .tid = 7 },
		.ts = ts,
		.period = period,
	};

	recorder__push(f->rec, &s.rec);
}

/* Its only code object has the number of the stack. */
static void push_stack(struct fixture *f, uint32_t id)
{
	struct vtbpf_rec_code c = {
		.rec = { .len = sizeof(c), .kind = VTBPF_REC_CODE, .tid = 7 },
		.id = id,
	};
	struct {
		struct vtbpf_rec_stack stack;
		uint32_t codes[2];
	} s = {
		.stack = { .rec = { .len = sizeof(s), .kind = VTBPF_REC_STACK }, .id = id, .n = 1 },
		.codes = { id },
	};

	recorder__push(f->rec, &c.rec);
	recorder__push(f->rec, &s.stack.rec);
}

static void push_sample(struct fixture *f, uint64_t ts, uint32_t stack, uint8_t flags)
{
	struct vtbpf_rec_sample s = {
		.rec = { .len = sizeof(s), .kind = VTBPF_REC_SAMPLE, .flags = flags, .tid = 7 },
		.ts = ts,
		.stack = stack,
		.weight = 1,
	};

	recorder__push(f->rec, &s.rec);
}

static void push_sleep(struct fixture *f, uint64_t from, uint64_t to, uint32_t stack)
{
	struct vtbpf_rec_sleep s = {
		.rec = { .len = sizeof(s), .kind = VTBPF_REC_SLEEP, .tid = 7 },
		.from = from,
		.to = to,
		.stack = stack,
	};

	recorder__push(f->rec, &s.rec);
}

static void push_counters(struct fixture *f, uint64_t taken, uint64_t lost)
{
	struct vtbpf_rec_sample_counters c = {
		.rec = { .len = sizeof(c), .kind = VTBPF_REC_SAMPLE_COUNTERS, .tid = 7 },
		.count = { .taken = taken, .lost = lost },
	};

	recorder__push(f->rec, &c.rec);
}

static int describe(const struct vtbpf_rec *rec, char *text, size_t size)
{
	union {
		const struct vtbpf_rec *rec;
		const struct vtbpf_rec_sampling *sampling;
		const struct vtbpf_rec_stack *stack;
		const struct vtbpf_rec_sample *sample;
		const struct vtbpf_rec_sleep *sleep;
		const struct vtbpf_rec_sample_counters *counters;
		const struct vtbpf_rec_overflow *overflow;
		const struct vtbpf_rec_code *code;
	} u = { rec };

	switch (rec->kind) {
	case VTBPF_REC_SAMPLING:
		return snprintf(text, size, "p%llu@%llu ", (unsigned long long)u.sampling->period,
				(unsigned long long)u.sampling->ts);
	case VTBPF_REC_CODE:
		return snprintf(text, size, "f%u ", u.code->id);
	case VTBPF_REC_STACK:
		return snprintf(text, size, "k%u ", u.stack->id);
	case VTBPF_REC_SAMPLE:
		return snprintf(text, size, "s%llu:%u ", (unsigned long long)u.sample->ts,
				u.sample->stack);
	case VTBPF_REC_SLEEP:
		return snprintf(text, size, "z%llu-%llu:%u ", (unsigned long long)u.sleep->from,
				(unsigned long long)u.sleep->to, u.sleep->stack);
	case VTBPF_REC_SAMPLE_COUNTERS:
		return snprintf(text, size, "#%llu,%llu,%llu ",
				(unsigned long long)u.counters->count.taken,
				(unsigned long long)u.counters->count.lost,
				(unsigned long long)u.counters->count.unreadable);
	case VTBPF_REC_OVERFLOW:
		return snprintf(text, size, "o%llu ", (unsigned long long)u.overflow->overwritten);
	}
	return snprintf(text, size, "?%u ", rec->kind);
}

static int setup(void **state)
{
	struct recorder_config cfg = { .keep_ns = 1000, .max_bytes = RECORDER_MAX_BYTES };
	int err = recorder_fixture__setup(state);
	struct fixture *f = *state;

	f->describe = describe;
	recorder_fixture__begin(f, cfg);
	return err;
}

/* ---- tests ------------------------------------------------------------------------------ */

/* Samples go with their time; the beginning of sampling and the stack stay. */
static void test_newest(void **state)
{
	struct fixture *f = *state;

	push_sampling(f, 1, PERIOD);
	push_stack(f, 1);
	push_sample(f, 100, 1, 0);
	push_sample(f, 900, 0, VTBPF_F_UNREADABLE);
	push_counters(f, 2, 5);
	assert_written(f, 0, "f1 p10@1 k1 s100:1 s900:0 #1,5,1 ");
	push_sample(f, 1500, 1, 0);
	push_sample(f, 2200, 1, 0);
	assert_written(f, 0, "f1 p10@1 k1 s1500:1 s2200:1 #2,5,0 o2 ");
	assert_written(f, 2000, "f1 p10@2000 k1 s2200:1 #1,5,0 o3 ");
}

/* A pause: what held before it is over. */
static void test_sampling_ends(void **state)
{
	struct fixture *f = *state;

	push_sampling(f, 1, PERIOD);
	push_sample(f, 100, 0, 0);
	push_sampling(f, 200, 0);
	push_sampling(f, 5000, 2 * PERIOD);
	push_sample(f, 5100, 0, 0);
	push_sample(f, 6200, 0, 0);
	assert_written(f, 0, "p20@5000 s6200:0 o2 ");
}

/* Of a long sleep only the periods count that lie in the time that is asked for. */
static void test_sleeps(void **state)
{
	struct fixture *f = *state;

	push_sampling(f, 1, PERIOD);
	push_sample(f, 5000, 0, 0);
	push_sleep(f, 2000, 6000, 0);
	push_counters(f, 401, 0);
	assert_written(f, 5755, "p10@5755 z5760-6000:0 #24,0,0 o1 ");
	assert_written(f, 0, "p10@1 s5000:0 z2000-6000:0 #401,0,0 ");
}

static void look(struct fixture *f, uint32_t code)
{
	recorder__begin_look(f->rec);
	recorder__see(f->rec, code);
	recorder__end_look(f->rec, true);
}

/* A stack that no sample names any more goes when the kernel side has forgotten it twice, and its code
 * object, which is not alive, with it; one that is named stays. */
static void test_stacks_go(void **state)
{
	struct fixture *f = *state;
	uint64_t ts = 100;

	push_stack(f, 1);
	push_stack(f, 2);
	push_sample(f, ts, 1, 0);
	for (int i = 0; i < 40000; i++) /* so many do not fit into one chunk */
		push_sample(f, ts += 1000, 2, 0);
	for (int i = 0; i < 4; i++)
		look(f, 77);
	assert_written(f, ts, "f2 k2 s40000100:2 o40000 ");
}

/* Ever new stacks and functions: their number stays. */
static void test_many_stacks(void **state)
{
	struct fixture *f = *state;
	struct recorder_use use;
	uint64_t most = 0;
	unsigned int looks = 0;

	for (uint32_t i = 1; i < 500000; i++) {
		push_stack(f, i);
		push_sample(f, 1000ULL * i, i, 0);
		if (recorder__wants_look(f->rec)) {
			look(f, i);
			looks++;
		}
		recorder__use(f->rec, &use);
		most = use.bytes > most ? use.bytes : most;
	}
	assert_in_range(looks, 5, 100);
	assert_true(use.codes < 100000);
	assert_true(most < 32 << 20);
}

#define SAMPLES_TEST(test) cmocka_unit_test_setup_teardown(test, setup, recorder_fixture__teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SAMPLES_TEST(test_newest),	SAMPLES_TEST(test_sampling_ends),
		SAMPLES_TEST(test_sleeps),	SAMPLES_TEST(test_stacks_go),
		SAMPLES_TEST(test_many_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
