// SPDX-License-Identifier: GPL-2.0-only
/* Samples of a capture: the slices and sums that are made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/decode/capture.h"
#include "../../user/decode/replay.h"
#include "capture_builder.h"

#define MAIN 100
#define PERIOD 1000

enum { F_MAIN = 1, F_WORK, F_HELP, F_NOISE };

/* What came out, as text: "name start-end;" a slice, "<frame,frame*weight>" a sample. */
struct result {
	char slices[4096], samples[4096];
	uint64_t removed_functions, removed_threads, sum;
	size_t n_slices;
};

static void add_sampling(struct capture_builder *b, uint64_t ts, uint64_t period)
{
	struct vtbpf_rec_sampling *s = builder__record(b, VTBPF_REC_SAMPLING, MAIN, sizeof(*s) - 8);

	s->ts = ts;
	s->period = period;
}

static void add_stack(struct capture_builder *b, uint32_t id, const uint32_t *codes, uint32_t n)
{
	struct vtbpf_rec_stack *s =
		builder__record(b, VTBPF_REC_STACK, MAIN, sizeof(*s) - 8 + n * 4);

	s->id = id;
	s->n = n;
	memcpy(s->codes, codes, n * 4);
}

static struct vtbpf_rec_sample *add_sample(struct capture_builder *b, uint64_t ts, uint32_t stack,
					   uint32_t weight)
{
	struct vtbpf_rec_sample *s = builder__record(b, VTBPF_REC_SAMPLE, MAIN, sizeof(*s) - 8);

	s->ts = ts;
	s->stack = stack;
	s->weight = weight;
	return s;
}

static void add_sleep(struct capture_builder *b, uint64_t from, uint64_t to, enum vtbpf_wait wait)
{
	struct vtbpf_rec_sleep *s = builder__record(b, VTBPF_REC_SLEEP, MAIN, sizeof(*s) - 8);

	s->from = from;
	s->to = to;
	s->stack = 1;
	s->wait = wait;
}

/* Stacks 1: main, work; 2: main, work, help; 3: main, noise, help */
static void begin(struct capture_builder *b)
{
	static const uint32_t stacks[][3] = { { F_WORK, F_MAIN },
					      { F_HELP, F_WORK, F_MAIN },
					      { F_HELP, F_NOISE, F_MAIN } };
	const struct build_thread thread = { MAIN, MAIN, 1, "python3" };

	builder__init(b);
	builder__session(b, MAIN, 1);
	builder__thread(b, &thread);
	builder__code(b, F_MAIN, "main", "/f.py");
	builder__code(b, F_WORK, "work", "/f.py");
	builder__code(b, F_HELP, "help", "/f.py");
	builder__code(b, F_NOISE, "noise", "/f.py");
	add_stack(b, 1, stacks[0], 2);
	add_stack(b, 2, stacks[1], 3);
	add_stack(b, 3, stacks[2], 3);
	add_sampling(b, 10000, PERIOD);
}

static void note_slice(struct result *r, const struct slice *s)
{
	size_t at = strlen(r->slices);

	assert_true(s->sampled);
	r->n_slices++;
	snprintf(r->slices + at, sizeof(r->slices) - at, "%s %llu-%llu;", s->code->name.data,
		 (unsigned long long)s->start, (unsigned long long)(s->start + s->dur));
}

static void note_sample(struct result *r, const struct stack_sample *s)
{
	size_t at = strlen(r->samples);

	at += snprintf(r->samples + at, sizeof(r->samples) - at, "<");
	for (size_t i = 0; i < s->n && at < sizeof(r->samples); i++)
		at += snprintf(r->samples + at, sizeof(r->samples) - at, "%s%s", i ? "," : "",
			       s->frames[i]->name.data);
	snprintf(r->samples + at, sizeof(r->samples) - at, "*%llu>", (unsigned long long)s->weight);
	r->sum += s->weight;
}

static struct result run(struct capture_builder *b, const struct slice_filter *filter)
{
	struct session *session = session__new();
	struct replay_item item;
	struct capture *c;
	struct replay replay;
	struct result r = { .sum = 0 };
	struct replay_input in;
	int kind;

	builder__end(b, 100000000);
	c = builder__open(b);
	assert_int_equal(session__read(session, c, NULL), 0);
	in = (struct replay_input){ session, c, filter };
	assert_int_equal(replay__start(&replay, &in, NULL), 0);
	while ((kind = replay__next(&replay, &item)) > 0) {
		if (kind == REPLAY_SLICE)
			note_slice(&r, &item.slice);
		else if (kind == REPLAY_SAMPLE)
			note_sample(&r, &item.sample);
	}
	assert_int_equal(kind, 0);
	assert_int_equal(replay.dropped + replay.moved, 0);
	assert_int_equal(replay.sampling.samples, r.sum);
	r.removed_functions = replay.selection.removed[REMOVED_FUNCTION];
	r.removed_threads = replay.selection.removed[REMOVED_THREAD];
	replay__release(&replay);
	session__free(session);
	capture__free(c);
	builder__release(b);
	return r;
}

static const struct slice_filter all = { .max_stack_depth = -1 };

/* What consecutive samples have in common is one slice, from the first period to the last sample. */
static void test_merges(void **state)
{
	struct capture_builder b;
	struct result r;

	(void)state;
	begin(&b);
	add_sample(&b, 11000, 1, 1);
	add_sample(&b, 12100, 2, 1); /* a little late */
	add_sample(&b, 13000, 2, 1);
	add_sample(&b, 14000, 1, 1);
	r = run(&b, &all);
	assert_string_equal(r.slices, "help 11000-13000;work 10000-14000;main 10000-14000;");
	assert_string_equal(r.samples, "<main,work*1><main,work,help*1><main,work,help*1>"
				       "<main,work*1>");
}

/* In between it had no CPU; a late timer is told from that by its weight. */
static void test_gaps(void **state)
{
	struct capture_builder b;
	struct result r;

	(void)state;
	begin(&b);
	add_sample(&b, 11000, 1, 1);
	add_sample(&b, 13000, 1, 1);
	add_sample(&b, 17000, 1, 4);
	add_sample(&b, 20000, 0, 1); /* no Python */
	add_sample(&b, 21000, 0, 1);
	r = run(&b, &all);
	assert_string_equal(r.slices, "work 10000-11000;main 10000-11000;"
				      "work 12000-17000;main 12000-17000;");
	assert_int_equal(r.sum, 8);
}

static void test_unreadable(void **state)
{
	struct capture_builder b;
	struct result r;

	(void)state;
	begin(&b);
	add_sample(&b, 11000, 1, 1);
	add_sample(&b, 12000, 0, 1)->rec.flags = VTBPF_F_UNREADABLE;
	add_sample(&b, 13000, 1, 1);
	r = run(&b, &all);
	assert_string_equal(r.slices, "work 10000-11000;main 10000-11000;"
				      "work 12000-13000;main 12000-13000;");
	assert_int_equal(r.sum, 2);
}

/* A sampling ends what the one before had open, and nothing begins before it. */
static void test_stretches(void **state)
{
	struct capture_builder b;
	struct result r;

	(void)state;
	begin(&b);
	add_sample(&b, 11000, 1, 5);
	add_sampling(&b, 12000, 0);
	add_sample(&b, 12500, 1, 1); /* belongs to none */
	add_sampling(&b, 13000, PERIOD);
	add_sample(&b, 13500, 1, 1);
	r = run(&b, &all);
	assert_string_equal(r.slices, "work 10000-11000;main 10000-11000;"
				      "work 13000-13500;main 13000-13500;");
	assert_int_equal(r.sum, 6);
}

static void test_sleep(void **state)
{
	struct capture_builder b;
	struct result r;

	(void)state;
	begin(&b);
	add_sample(&b, 11000, 1, 1);
	add_sleep(&b, 11000, 14600, VTBPF_WAIT_LOCK);  /* 3.6 periods */
	add_sleep(&b, 14600, 15000, VTBPF_WAIT_SLEEP); /* makes the fourth whole */
	r = run(&b, &all);
	assert_string_equal(r.slices, "[lock] 11000-14600;[sleep] 14600-15000;"
				      "work 10000-15000;main 10000-15000;");
	assert_string_equal(r.samples, "<main,work*1><main,work,[lock]*3><main,work,[sleep]*1>");
}

/* A short sleep stands for a whole period, which may reach back beyond where sampling began. */
static void test_sleep_before(void **state)
{
	struct capture_builder b;
	struct result r;

	(void)state;
	begin(&b);
	add_sampling(&b, 20000, 0);
	add_sampling(&b, 30000, PERIOD);
	add_sleep(&b, 29500, 30500, VTBPF_WAIT_IO);
	r = run(&b, &all);
	assert_string_equal(r.samples, "<main,work,[io]*1>");
	assert_string_equal(r.slices, "[io] 30000-30500;work 30000-30500;main 30000-30500;");
}

static void test_functions(void **state)
{
	const char *noise[] = { "noise" }, *work[] = { "work" }, *main_[] = { "main" };
	struct slice_filter f = { .max_stack_depth = -1, .functions.ignore = { noise, 1 } };
	struct capture_builder b;
	struct result r;

	(void)state;
	begin(&b);
	add_sample(&b, 11000, 3, 1);
	add_sample(&b, 12000, 2, 1);
	r = run(&b, &f);
	assert_string_equal(r.samples, "<main*1><main,work,help*1>");
	assert_int_equal(r.removed_functions, 0);

	f.functions.ignore.items = main_;
	begin(&b);
	add_sample(&b, 11000, 3, 2);
	r = run(&b, &f);
	assert_string_equal(r.slices, "");
	assert_int_equal(r.removed_functions, 2);

	f = (struct slice_filter){ .max_stack_depth = -1, .functions.only = { work, 1 } };
	begin(&b);
	add_sample(&b, 11000, 2, 1);
	add_sample(&b, 12000, 3, 1);
	r = run(&b, &f);
	assert_string_equal(r.samples, "<work*1>");
	assert_int_equal(r.removed_functions, 1);
}

static void test_other_filters(void **state)
{
	const char *tid[] = { "100" };
	struct slice_filter f = { .max_stack_depth = 2, .min_duration_ns = 1500 };
	struct capture_builder b;
	struct result r;

	(void)state;
	begin(&b);
	add_sample(&b, 11000, 1, 1);
	add_sample(&b, 12000, 2, 1);
	add_sample(&b, 13000, 3, 1);
	r = run(&b, &f);
	assert_string_equal(r.slices, "work 10000-12000;main 10000-13000;");

	f = (struct slice_filter){ .max_stack_depth = -1,
				   .ignore_threads = tid,
				   .n_ignore_threads = 1 };
	begin(&b);
	add_sample(&b, 11000, 1, 7);
	r = run(&b, &f);
	assert_int_equal(r.sum, 0);
	assert_int_equal(r.removed_threads, 7);
}

static void test_truncated(void **state)
{
	const uint32_t codes[] = { F_HELP, F_WORK };
	struct capture_builder b;
	struct vtbpf_rec *rec;
	struct result r;

	(void)state;
	begin(&b);
	add_stack(&b, 4, codes, 2);
	rec = (struct vtbpf_rec *)(b.data + b.len - sizeof(struct vtbpf_rec_stack) - sizeof(codes));
	rec->flags = VTBPF_F_TRUNCATED;
	add_sample(&b, 11000, 4, 1);
	add_sample(&b, 12000, 77, 1); /* never announced */
	r = run(&b, &all);
	assert_string_equal(r.samples, "<[truncated],work,help*1><*1>");
}

/* A stack that claims more frames than it has, or than a stack may have, ends the capture. */
static void test_damaged(void **state)
{
	const uint32_t codes[] = { F_HELP, F_WORK };

	(void)state;
	for (uint32_t n = 3; n < 5000; n += 4000) {
		struct capture_builder b;
		struct vtbpf_rec_stack *s;
		struct result r;

		begin(&b);
		add_sample(&b, 11000, 1, 1);
		add_stack(&b, 4, codes, 2);
		s = (void *)(b.data + b.len - sizeof(*s) - sizeof(codes));
		s->n = n;
		add_sample(&b, 12000, 1, 1);
		r = run(&b, &all);
		assert_int_equal(r.sum, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merges),	   cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_stretches),
		cmocka_unit_test(test_sleep),	   cmocka_unit_test(test_sleep_before),
		cmocka_unit_test(test_functions),  cmocka_unit_test(test_other_filters),
		cmocka_unit_test(test_truncated),  cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
