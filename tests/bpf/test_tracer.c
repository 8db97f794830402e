// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BPF programs on a real interpreter, by way of the tracer object: every way to attach, the
 * verifier's budget, frames beyond the array, threads beyond the slots, a ring that is too small.
 * Needs root; without it every test is a skip.
 */
#include <setjmp.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "../../user/discover/proc_task.h"
#include "../../user/trace/self_check.h"
#include "../../user/trace/tracer_early.h"
#include "tracer_fixture.h"
#include "vtbpf.skel.h"

#define RING_BYTES (16 << 20)

static void count_exactly(enum tracer_variant variant, struct tracer_early *early)
{
	struct tracer_config cfg = {
		.ring_bytes = RING_BYTES, .max_stack_depth = -1, .variant = variant, .early = early
	};
	struct fixture f = {};

	if (!fixture__can_trace())
		skip();
	fixture__begin(&f, &cfg);
	if (variant != TRACER_BEST)
		assert_int_equal(tracer__variant(f.tracer), variant);
	fixture__run(&f, "flat(5000)");
	fixture__run(&f, "deep(300)");
	fixture__end(&f);
	assert_int_equal(f.seen.calls, 5000 + 301);
	assert_int_equal(f.seen.lost, 0);
	assert_int_equal(f.seen.counters.exit_missed, 0);
	assert_true(f.seen.open >= 1); /* <module> */
	assert_int_equal(f.seen.counters.calls, f.seen.all);
}

static void test_multi(void **state)
{
	(void)state;
	count_exactly(TRACER_MULTI, NULL);
}

static void test_cookies(void **state)
{
	(void)state;
	count_exactly(TRACER_COOKIES, NULL);
}

static void test_numbered(void **state)
{
	(void)state;
	count_exactly(TRACER_NUMBERED, NULL);
}

static void test_maps_made_early(void **state)
{
	struct tracer_early *early;

	(void)state;
	if (!fixture__can_trace())
		skip();
	early = tracer_early__start(RING_BYTES);
	assert_non_null(early);
	count_exactly(TRACER_BEST, early);
	assert_null(tracer_early__take(early)); /* the tracer has it */
	tracer_early__free(early);
}

/* The digest of a program's instructions as the kernel has them. */
static void get_tag(const struct bpf_program *prog, unsigned char tag[BPF_TAG_SIZE])
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	assert_int_equal(bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &len), 0);
	memcpy(tag, info.tag, BPF_TAG_SIZE);
}

/* With the types that were picked out of the kernel's the programs are what they are with all. */
static void test_same_programs(void **state)
{
	struct vtbpf_bpf *plain = vtbpf_bpf__open(), *early;
	unsigned char want[BPF_TAG_SIZE], got[BPF_TAG_SIZE];
	struct tracer_early *e;
	struct bpf_program *p, *q;

	(void)state;
	if (!fixture__can_trace()) {
		vtbpf_bpf__destroy(plain);
		skip();
	}
	e = tracer_early__start(RING_BYTES);
	early = tracer_early__take(e);
	assert_int_equal(vtbpf_bpf__load(plain), 0);
	assert_int_equal(vtbpf_bpf__load(early), 0);
	p = bpf_object__next_program(plain->obj, NULL);
	q = bpf_object__next_program(early->obj, NULL);
	for (; p; p = bpf_object__next_program(plain->obj, p),
		  q = bpf_object__next_program(early->obj, q)) {
		if (!bpf_program__autoload(p))
			continue;
		get_tag(p, want);
		get_tag(q, got);
		assert_memory_equal(got, want, BPF_TAG_SIZE);
	}
	vtbpf_bpf__destroy(early);
	vtbpf_bpf__destroy(plain);
	tracer_early__free(e);
}

static void test_early_maps_not_wanted(void **state)
{
	(void)state;
	tracer_early__free(tracer_early__start(RING_BYTES));
	assert_null(tracer_early__take(NULL));
	tracer_early__free(NULL);
}

static void check_budget(struct fixture *f, const struct tracer_config *cfg, uint32_t budget)
{
	struct tracer *t = tracer__new(&f->plan, cfg, fixture__on_record, &f->seen);
	uint32_t insns;

	assert_non_null(t);
	insns = tracer__verified_insns(t);
	print_message("variant %d: %u instructions verified\n", cfg->variant, insns);
	assert_in_range(insns, 1, budget);
	tracer__free(t);
}

/* There is no program for a 25th site. */
static void test_numbered_too_many(void **state)
{
	struct tracer_config cfg = { .ring_bytes = 1 << 20, .variant = TRACER_NUMBERED };
	static struct probe_plan plan = { .n_sites = VTBPF_NUMBERED_SITES + 1 };

	(void)state;
	if (!fixture__can_trace())
		skip();
	assert_null(tracer__new(&plan, &cfg, fixture__on_record, NULL));
	assert_int_equal(errno, E2BIG);
}

/* The verifier gives up after a million; kernels differ, so a wide margin must stay. Growth shows. */
static void test_verifier_budget(void **state)
{
	static const uint32_t budget[] = {
		[TRACER_MULTI] = 25000, [TRACER_COOKIES] = 25000, [TRACER_NUMBERED] = 400000
	};
	struct fixture f = {};
	char why[512];

	(void)state;
	if (!fixture__can_trace())
		skip();
	fixture__start_target(&f);
	if (target__open(f.pid, &f.target, why, sizeof(why)) ||
	    probe_plan__make(f.target.interp_fd, &f.plan, why, sizeof(why)))
		fail_msg("%s", why);
	for (int v = TRACER_MULTI; v <= TRACER_NUMBERED + 1; v++) {
		bool words = v > TRACER_NUMBERED;
		struct tracer_config cfg = { .ring_bytes = 1 << 20,
					     .max_stack_depth = -1,
					     .variant = words ? TRACER_NUMBERED : v,
					     .triggers = VTBPF_WATCH_EXIT | VTBPF_WATCH_ENTRY |
							 VTBPF_WATCH_RAISE };

		if (words)
			fixture__read_words(&f.plan);
		fixture__attrs(&f, &cfg.attrs);
		check_budget(&f, &cfg, budget[cfg.variant]);
		cfg.async = true;
		if (v < TRACER_NUMBERED)
			check_budget(&f, &cfg, 60000);
	}
	fixture__stop_target(&f);
	target__close(&f.target);
}

/* With --args there are programs of their own. */
static void test_verifier_budget_of_args(void **state)
{
	struct fixture f = {};
	char why[512];

	(void)state;
	if (!fixture__can_trace())
		skip();
	fixture__start_target(&f);
	if (target__open(f.pid, &f.target, why, sizeof(why)) ||
	    probe_plan__make(f.target.interp_fd, &f.plan, why, sizeof(why)))
		fail_msg("%s", why);
	for (int v = TRACER_MULTI; v <= TRACER_COOKIES; v++) {
		struct tracer_config cfg = { .ring_bytes = 1 << 20,
					     .max_stack_depth = -1,
					     .variant = v,
					     .args = true,
					     .triggers = VTBPF_WATCH_EXIT | VTBPF_WATCH_ENTRY |
							 VTBPF_WATCH_RAISE };

		fixture__attrs(&f, &cfg.attrs);
		check_budget(&f, &cfg, 40000);
	}
	fixture__stop_target(&f);
	target__close(&f.target);
}

/* The program for exceptions, with all that any version of the interpreter needs. */
static void test_exceptions_budget(void **state)
{
	struct exception_plan exceptions;
	struct fixture f = {};
	char why[512];

	(void)state;
	if (!fixture__can_trace())
		skip();
	fixture__start_target(&f);
	if (target__open(f.pid, &f.target, why, sizeof(why)) ||
	    probe_plan__make(f.target.interp_fd, &f.plan, why, sizeof(why)) ||
	    probe_plan__find_exceptions(f.target.interp_fd, &f.plan, &exceptions, why, sizeof(why)))
		fail_msg("%s", why);
	for (int v = TRACER_MULTI; v <= TRACER_COOKIES; v++) {
		struct tracer_config cfg = { .ring_bytes = 1 << 20,
					     .max_stack_depth = -1,
					     .variant = v,
					     .exceptions = &exceptions,
					     .exception_fields = {
						     .lines = VTBPF_LINES_LOCATIONS,
						     .index_unit = 2,
					     } };

		fixture__attrs(&f, &cfg.attrs);
		check_budget(&f, &cfg, 50000);
	}
	fixture__stop_target(&f);
	target__close(&f.target);
}

static void test_beyond_the_array(void **state)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20, .max_stack_depth = -1 };
	struct fixture f = {};

	(void)state;
	if (!fixture__can_trace())
		skip();
	fixture__begin(&f, &cfg);
	fixture__run(&f, "deep(3000)");
	fixture__end(&f);
	assert_int_equal(f.seen.calls, 3001);
	assert_in_range(f.seen.max_depth, 3001, 3010);
	assert_int_equal(f.seen.counters.exit_missed, 0);
}

static void test_slots_come_back(void **state)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20, .max_stack_depth = -1 };
	struct fixture f = {};

	(void)state;
	if (!fixture__can_trace())
		skip();
	fixture__begin(&f, &cfg);
	fixture__run(&f, "threads(1500)"); /* more than there are slots */
	tracer__poll(f.tracer);
	fixture__run(&f, "flat(100)");
	fixture__end(&f);
	assert_int_equal(f.seen.calls, 1600);
	assert_int_equal(f.seen.lost, 0);
}

static void test_ring_too_small(void **state)
{
	struct tracer_config cfg = { .ring_bytes = 4096, .max_stack_depth = -1 };
	struct fixture f = {};

	(void)state;
	if (!fixture__can_trace())
		skip();
	fixture__begin(&f, &cfg);
	fixture__run(&f, "flat(3000)"); /* nobody reads meanwhile */
	tracer__poll(f.tracer);
	fixture__run(&f, "flat(10)"); /* with room again, what was lost is told */
	fixture__end(&f);
	assert_true(f.seen.lost > 2000);
	assert_int_equal(f.seen.counters.lost, f.seen.lost);
	assert_in_range(f.seen.all + f.seen.lost, 3010, 3030);
}

static void test_filters(void **state)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20, .max_stack_depth = 12 };
	struct fixture f = {};

	(void)state;
	if (!fixture__can_trace())
		skip();
	fixture__begin(&f, &cfg);
	fixture__run(&f, "deep(100)");
	fixture__end(&f);
	assert_in_range(f.seen.calls, 1, 12);
	assert_int_equal(f.seen.calls + f.seen.counters.too_deep, 101);
}

static void decide(struct fixture *f, uint64_t ticks, enum verdict verdict)
{
	struct thread_verdict v = { .start_ticks = ticks, .verdict = verdict };

	assert_int_equal(tracer__decide_thread(f->tracer, f->pid, &v), 0);
}

static void test_ignored_thread(void **state)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20, .max_stack_depth = -1 };
	struct fixture f = {};
	struct proc_task task;

	(void)state;
	if (!fixture__can_trace())
		skip();
	fixture__begin(&f, &cfg);
	assert_int_equal(proc_task__read(f.pid, f.pid, &task), 0);
	decide(&f, task.start, VERDICT_IGNORE);
	fixture__run(&f, "flat(1000)");
	decide(&f, task.start, VERDICT_TRACE);
	fixture__run(&f, "flat(10)");
	decide(&f, task.start - 1, VERDICT_IGNORE); /* on a thread that had this id before */
	fixture__run(&f, "flat(100)");
	fixture__end(&f);
	assert_int_equal(f.seen.calls, 110);
	assert_true(f.seen.counters.ignored >= 1000);
}

/* The self-check must notice a plan that loses every return, or every entry. */
static void wrong_plan(enum vtbpf_site_kind dropped)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20, .max_stack_depth = -1 };
	struct fixture f = {};
	char text[768];

	if (!fixture__can_trace())
		skip();
	fixture__begin_without(&f, &cfg, dropped);
	fixture__run(&f, "flat(2000)");
	fixture__end(&f);
	assert_true(self_check__contradicts(&f.seen.counters, text, sizeof(text)));
	if (dropped == VTBPF_SITE_EXIT)
		assert_true(f.seen.counters.exit_missed + f.seen.counters.duplicates > 1900);
	else
		assert_true(f.seen.counters.unmatched >= 2000);
}

/* A site whose frame is in a word of memory takes what is there, whatever the register holds: where it
 * is the caller, the caller seems to begin. */
static void test_frame_in_word(void **state)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20, .max_stack_depth = -1 };
	struct fixture f = { .callers_enter = true };

	(void)state;
	if (!fixture__can_trace())
		skip();
	fixture__begin(&f, &cfg);
	fixture__run(&f, "flat(2000)");
	fixture__end(&f);
	assert_int_equal(f.seen.calls, 0);
	assert_in_range(f.seen.counters.exit_missed, 1990, 2010);
	assert_in_range(f.seen.counters.unmatched, 1990, 2010);
}

static void test_plan_without_exits(void **state)
{
	(void)state;
	wrong_plan(VTBPF_SITE_EXIT);
}

static void test_plan_without_entries(void **state)
{
	(void)state;
	wrong_plan(VTBPF_SITE_ENTRY);
}

/* Functions that are made, called and freed in turn, mostly at the same addresses. How many code
 * objects were seen to die without the probe having told of it? */
static uint64_t count_stale(bool misplaced)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20, .max_stack_depth = -1 };
	struct fixture f = { .misplace_freed = misplaced };

	fixture__begin(&f, &cfg);
	fixture__run(&f, "freed(1000)");
	fixture__end(&f);
	assert_true(f.seen.all >= 9000);
	return f.seen.counters.stale_codes;
}

static void test_freed_codes(void **state)
{
	(void)state;
	if (!fixture__can_trace())
		skip();
	assert_int_equal(count_stale(false), 0);
	assert_true(count_stale(true) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_multi),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_numbered),
		cmocka_unit_test(test_numbered_too_many),
		cmocka_unit_test(test_maps_made_early),
		cmocka_unit_test(test_same_programs),
		cmocka_unit_test(test_early_maps_not_wanted),
		cmocka_unit_test(test_verifier_budget),
		cmocka_unit_test(test_verifier_budget_of_args),
		cmocka_unit_test(test_exceptions_budget),
		cmocka_unit_test(test_beyond_the_array),
		cmocka_unit_test(test_slots_come_back),
		cmocka_unit_test(test_ring_too_small),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_ignored_thread),
		cmocka_unit_test(test_frame_in_word),
		cmocka_unit_test(test_plan_without_exits),
		cmocka_unit_test(test_plan_without_entries),
		cmocka_unit_test(test_freed_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
