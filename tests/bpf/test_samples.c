// SPDX-License-Identifier: GPL-2.0-only
/* The BPF program of --hz on a real interpreter. Needs root; without it every test is a skip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/discover/py_threads.h"
#include "tracer_fixture.h"

#define PERIOD_NS 100000

/* What the records said. */
struct counts {
	uint64_t samples, stacks, codes, unreadable, weight;
	uint32_t longest;
	bool unknown_stack; /* a sample came before its stack */
	uint32_t last_stack;
	bool wall; /* sleeps are asked for */
	uint64_t sleeps, slept;
};

static int count(void *ctx, const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_sample *sample = (const void *)rec;
	const struct vtbpf_rec_stack *stack = (const void *)rec;
	const struct vtbpf_rec_sleep *sleep = (const void *)rec;
	struct counts *c = ctx;

	switch (rec->kind) {
	case VTBPF_REC_SAMPLE:
		c->samples++;
		c->weight += sample->weight;
		c->unreadable += rec->flags & VTBPF_F_UNREADABLE ? 1 : 0;
		c->unknown_stack |= sample->stack > c->last_stack;
		break;
	case VTBPF_REC_STACK:
		c->stacks++;
		c->last_stack = stack->id;
		if (stack->n > c->longest)
			c->longest = stack->n;
		break;
	case VTBPF_REC_SLEEP:
		c->sleeps++;
		c->slept += (sleep->to - sleep->from) / PERIOD_NS;
		c->unknown_stack |= sleep->stack > c->last_stack;
		break;
	case VTBPF_REC_CODE:
		c->codes++;
		break;
	}
	return 0;
}

static struct tracer *load(struct fixture *f, struct counts *c, uint64_t *runtime)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20,
				     .max_stack_depth = -1,
				     .variant = TRACER_SAMPLES,
				     .sample_period_ns = PERIOD_NS,
				     .sample_sleeps = c->wall };
	struct py_reader *r;
	char why[512];

	fixture__start_target(f);
	if (target__open(f->pid, &f->target, why, sizeof(why)) ||
	    probe_plan__identify(f->target.interp_fd, &f->plan, why, sizeof(why)))
		fail_msg("%s", why);
	r = py_reader__new(f->pid, &f->plan, f->target.load_bias);
	assert_non_null(r);
	py_reader__attrs(r, &cfg.attrs);
	assert_int_equal(py_reader__states(r, &cfg.states, runtime), 0);
	py_reader__free(r);
	return tracer__new(&f->plan, &cfg, count, c);
}

static void unload(struct fixture *f, struct tracer *t)
{
	tracer__free(t);
	target__close(&f->target);
	fixture__stop_target(f);
}

static void test_budget(void **state)
{
	struct fixture f = {};
	struct counts c = {};
	struct tracer *t;
	uint64_t runtime;

	(void)state;
	if (!fixture__can_trace())
		skip();
	for (int wall = 0; wall <= 1; wall++) {
		c.wall = wall;
		t = load(&f, &c, &runtime);
		assert_non_null(t);
		print_message("%u instructions verified\n", tracer__verified_insns(t));
		assert_in_range(tracer__verified_insns(t), 1, 50000);
		unload(&f, t);
	}
}

/* The target sleeps all the time but for a moment: that is what is told, and counted. */
static void test_sleeps(void **state)
{
	struct counts c = { .wall = true };
	struct vtbpf_sample_counters sum;
	struct fixture f = {};
	uint64_t runtime, from, periods;
	struct tracer *t;

	(void)state;
	if (!fixture__can_trace())
		skip();
	t = load(&f, &c, &runtime);
	assert_non_null(t);
	assert_int_equal(tracer__attach_samples(t, f.pid, runtime), 0);
	from = tracer__activate(t);
	tracer__note_asleep(t, f.pid, 0, VTBPF_WAIT_IO);
	usleep(100000);
	fixture__run(&f, "flat(1000)");
	tracer__note_asleep(t, f.pid, 0, VTBPF_WAIT_IO); /* it has run by now */
	usleep(100000);
	periods = (tracer__deactivate(t) - from) / PERIOD_NS;
	assert_int_equal(tracer__detach(t), 0);
	assert_in_range(c.sleeps, 1, 10000);
	tracer__end_sleeps(t, from + periods * PERIOD_NS);
	tracer__sample_counters(t, &sum);
	assert_in_range(c.slept + c.weight, periods * 95 / 100, periods + 5);
	assert_int_equal(sum.taken + sum.unreadable, c.slept + c.weight);
	assert_int_equal(sum.lost + sum.ignored, 0);
	assert_false(c.unknown_stack);
	unload(&f, t);
}

/* Each stack is told of once, before its first sample; what is taken is what was counted. */
static void test_samples(void **state)
{
	struct vtbpf_sample_counters sum;
	struct fixture f = {};
	struct counts c = {};
	struct tracer *t;
	uint64_t runtime;

	(void)state;
	if (!fixture__can_trace())
		skip();
	t = load(&f, &c, &runtime);
	assert_non_null(t);
	assert_int_equal(tracer__attach_samples(t, f.pid, runtime), 0);
	tracer__activate(t);
	for (int i = 0; i < 10; i++) {
		fixture__run(&f, "flat(100000)");
		fixture__run(&f, "deep(300)");
	}
	tracer__deactivate(t);
	assert_int_equal(tracer__detach(t), 0);
	tracer__sample_counters(t, &sum);
	assert_true(c.samples > 100);
	assert_int_equal(sum.taken + sum.unreadable, c.weight);
	assert_int_equal(sum.lost + sum.ignored, 0);
	assert_in_range(c.stacks, 1, 1000);
	assert_true(c.codes >= 2);
	assert_false(c.unknown_stack);
	assert_true(c.unreadable * 50 <= c.samples + 50);
	unload(&f, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
