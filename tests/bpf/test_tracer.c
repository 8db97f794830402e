// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BPF programs on a real interpreter, by way of the tracer object: every way to attach, the
 * verifier's budget, frames beyond the array, threads beyond the slots, a ring that is too small.
 * Needs root; without it every test is a skip.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/discover/target.h"
#include "../../user/trace/privileges.h"
#include "../../user/trace/self_check.h"
#include "../../user/trace/tracer.h"

/* Calls of the function on the second line of this script are what is counted: the line is its mark
 * (what exec() runs begins on line 1). */
static const char script[] =
	"\n"
	"def f(n): return f(n - 1) if n else 0\n"
	"import sys, threading\n"
	"sys.setrecursionlimit(10000)\n"
	"threading.stack_size(64 << 20)\n"
	"def deep(n):\n"
	"    t = threading.Thread(target=f, args=(n,))\n"
	"    t.start()\n"
	"    t.join()\n"
	"def flat(n):\n"
	"    for i in range(n): f(0)\n"
	"def freed(n):\n"
	"    for i in range(n):\n"
	"        c = compile('\\n' * (i % 50) + '(lambda: 0)()', 'f', 'exec')\n"
	"        for k in range(9): exec(c)\n"
	"def threads(n):\n"
	"    for i in range(n): deep(0)\n"
	"print(flush=True)\n"
	"for line in sys.stdin:\n"
	"    exec(line)\n"
	"    print(flush=True)\n";

struct seen {
	uint64_t calls; /* of f, finished */
	uint64_t all;	/* of anything */
	uint64_t lost;
	uint64_t open; /* calls flagged as open at the end */
	uint32_t max_depth;
	uint32_t f_codes[8]; /* ids of f's code object */
	size_t n_codes;
	struct vtbpf_counters counters;
};

struct fixture {
	pid_t pid;
	FILE *in, *out; /* of the target */
	struct target target;
	struct probe_plan plan;
	bool misplace_freed; /* probe for dying code objects where none dies */
	struct tracer *tracer;
	struct seen seen;
};

static bool can_trace(void)
{
	char why[512];

	if (!privileges__check(why, sizeof(why)))
		return true;
	print_message("skipped: %s\n", why);
	return false;
}

/* ---- the target ------------------------------------------------------------------------- */

static void start_target(struct fixture *f)
{
	const char *python = getenv("VTBPF_TEST_PYTHON");
	int in[2], out[2];

	assert_int_equal(pipe(in) || pipe(out), 0);
	f->pid = fork();
	if (!f->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(python ? python : "/usr/bin/python3", "python3", "-Sc", script, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	f->in = fdopen(in[1], "w");
	f->out = fdopen(out[0], "r");
	assert_int_equal(fgetc(f->out), '\n');
}

static void run(struct fixture *f, const char *command)
{
	fprintf(f->in, "%s\n", command);
	fflush(f->in);
	while (fgetc(f->out) != '\n')
		assert_false(feof(f->out));
}

static void stop_target(struct fixture *f)
{
	fclose(f->in);
	fclose(f->out);
	waitpid(f->pid, NULL, 0);
}

/* ---- records ---------------------------------------------------------------------------- */

static void note_call(struct seen *s, const struct vtbpf_rec_call *c)
{
	s->all++;
	if (c->rec.flags & VTBPF_F_OPEN_END) {
		s->open++;
		return;
	}
	for (size_t i = 0; i < s->n_codes; i++)
		if (s->f_codes[i] == c->code) {
			s->calls++;
			s->max_depth = c->depth > s->max_depth ? c->depth : s->max_depth;
		}
}

static int on_record(void *ctx, const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_code *code = (const void *)rec;
	struct seen *s = ctx;

	if (rec->kind == VTBPF_REC_CODE && code->firstlineno == 2 && s->n_codes < 8)
		s->f_codes[s->n_codes++] = code->id;
	else if (rec->kind == VTBPF_REC_CALL)
		note_call(s, (const void *)rec);
	else if (rec->kind == VTBPF_REC_LOST)
		s->lost += ((const struct vtbpf_rec_lost *)rec)->lost;
	else if (rec->kind == VTBPF_REC_COUNTERS)
		s->counters = ((const struct vtbpf_rec_counters *)rec)->count;
	return 0;
}

/* ---- one trace -------------------------------------------------------------------------- */

/* Leaves out the sites of one kind: what a plan does that misjudged a build. */
static void drop_sites(struct probe_plan *plan, enum vtbpf_site_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_sites; i++)
		if (plan->sites[i].site.kind != kind)
			plan->sites[n++] = plan->sites[i];
	plan->n_sites = n;
}

static struct probe_site *find_site(struct probe_plan *plan, enum vtbpf_site_kind kind)
{
	for (size_t i = 0; i < plan->n_sites; i++)
		if (plan->sites[i].site.kind == kind)
			return &plan->sites[i];
	fail_msg("no site of kind %d", kind);
	return NULL;
}

/* The script has no generators. */
static void misplace_freed(struct probe_plan *plan)
{
	find_site(plan, VTBPF_SITE_CODE_FREED)->offset = find_site(plan, VTBPF_SITE_YIELD)->offset;
}

static void begin_without(struct fixture *f, const struct tracer_config *cfg,
			  enum vtbpf_site_kind dropped)
{
	char why[512] = "";

	start_target(f);
	if (target__open(f->pid, &f->target, why, sizeof(why)) ||
	    probe_plan__make(f->target.interp_fd, &f->plan, why, sizeof(why)))
		fail_msg("%s", why);
	drop_sites(&f->plan, dropped);
	if (f->misplace_freed)
		misplace_freed(&f->plan);
	f->tracer = tracer__new(&f->plan, cfg, on_record, &f->seen);
	assert_non_null(f->tracer);
	assert_int_equal(tracer__attach(f->tracer, f->pid, f->target.interp_fd), 0);
	tracer__activate(f->tracer);
}

static void begin(struct fixture *f, const struct tracer_config *cfg)
{
	begin_without(f, cfg, VTBPF_SITE_NONE);
}

static void end(struct fixture *f)
{
	uint64_t stop = tracer__deactivate(f->tracer);

	assert_int_equal(tracer__detach(f->tracer), 0);
	assert_int_equal(tracer__sweep(f->tracer, stop), 0);
	tracer__free(f->tracer);
	stop_target(f);
	target__close(&f->target);
}

static void count_exactly(enum tracer_variant variant)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20,
				     .max_stack_depth = -1,
				     .variant = variant };
	struct fixture f = {};

	if (!can_trace())
		skip();
	begin(&f, &cfg);
	assert_int_equal(tracer__variant(f.tracer), variant);
	run(&f, "flat(5000)");
	run(&f, "deep(300)");
	end(&f);
	assert_int_equal(f.seen.calls, 5000 + 301);
	assert_int_equal(f.seen.lost, 0);
	assert_int_equal(f.seen.counters.exit_missed, 0);
	assert_true(f.seen.open >= 1); /* <module> */
	assert_int_equal(f.seen.counters.calls, f.seen.all);
}

static void test_multi(void **state)
{
	(void)state;
	count_exactly(TRACER_MULTI);
}

static void test_cookies(void **state)
{
	(void)state;
	count_exactly(TRACER_COOKIES);
}

static void test_numbered(void **state)
{
	(void)state;
	count_exactly(TRACER_NUMBERED);
}

/* The verifier gives up after a million; kernels differ, so a wide margin must stay. Growth shows. */
static void test_verifier_budget(void **state)
{
	static const uint32_t budget[] = {
		[TRACER_MULTI] = 20000, [TRACER_COOKIES] = 20000, [TRACER_NUMBERED] = 400000
	};
	struct fixture f = {};
	char why[512];

	(void)state;
	if (!can_trace())
		skip();
	start_target(&f);
	if (target__open(f.pid, &f.target, why, sizeof(why)) ||
	    probe_plan__make(f.target.interp_fd, &f.plan, why, sizeof(why)))
		fail_msg("%s", why);
	for (int v = TRACER_MULTI; v <= TRACER_NUMBERED; v++) {
		struct tracer_config cfg = { .ring_bytes = 1 << 20,
					     .max_stack_depth = -1,
					     .variant = v };
		struct tracer *t = tracer__new(&f.plan, &cfg, on_record, &f.seen);
		uint32_t insns;

		assert_non_null(t);
		insns = tracer__verified_insns(t);
		print_message("variant %d: %u instructions verified\n", v, insns);
		assert_in_range(insns, 1, budget[v]);
		tracer__free(t);
	}
	stop_target(&f);
	target__close(&f.target);
}

static void test_beyond_the_array(void **state)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20, .max_stack_depth = -1 };
	struct fixture f = {};

	(void)state;
	if (!can_trace())
		skip();
	begin(&f, &cfg);
	run(&f, "deep(3000)");
	end(&f);
	assert_int_equal(f.seen.calls, 3001);
	assert_in_range(f.seen.max_depth, 3001, 3010);
	assert_int_equal(f.seen.counters.exit_missed, 0);
}

static void test_slots_come_back(void **state)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20, .max_stack_depth = -1 };
	struct fixture f = {};

	(void)state;
	if (!can_trace())
		skip();
	begin(&f, &cfg);
	run(&f, "threads(1500)"); /* more than there are slots */
	tracer__poll(f.tracer);
	run(&f, "flat(100)");
	end(&f);
	assert_int_equal(f.seen.calls, 1600);
	assert_int_equal(f.seen.lost, 0);
}

static void test_ring_too_small(void **state)
{
	struct tracer_config cfg = { .ring_bytes = 4096, .max_stack_depth = -1 };
	struct fixture f = {};

	(void)state;
	if (!can_trace())
		skip();
	begin(&f, &cfg);
	run(&f, "flat(3000)"); /* nobody reads meanwhile */
	tracer__poll(f.tracer);
	run(&f, "flat(10)"); /* with room again, what was lost is told */
	end(&f);
	assert_true(f.seen.lost > 2000);
	assert_int_equal(f.seen.counters.lost, f.seen.lost);
	assert_in_range(f.seen.all + f.seen.lost, 3010, 3030);
}

static void test_filters(void **state)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20, .max_stack_depth = 12 };
	struct fixture f = {};

	(void)state;
	if (!can_trace())
		skip();
	begin(&f, &cfg);
	run(&f, "deep(100)");
	end(&f);
	assert_in_range(f.seen.calls, 1, 12);
	assert_int_equal(f.seen.calls + f.seen.counters.too_deep, 101);
}

static void test_ignored_thread(void **state)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20, .max_stack_depth = -1 };
	struct fixture f = {};

	(void)state;
	if (!can_trace())
		skip();
	begin(&f, &cfg);
	assert_int_equal(tracer__set_ignored(f.tracer, f.pid, true), 0);
	run(&f, "flat(1000)");
	assert_int_equal(tracer__set_ignored(f.tracer, f.pid, false), 0);
	run(&f, "flat(10)");
	end(&f);
	assert_int_equal(f.seen.calls, 10);
	assert_true(f.seen.counters.ignored >= 1000);
}

/* The self-check must notice a plan that loses every return, or every entry. */
static void wrong_plan(enum vtbpf_site_kind dropped)
{
	struct tracer_config cfg = { .ring_bytes = 16 << 20, .max_stack_depth = -1 };
	struct fixture f = {};
	char text[768];

	if (!can_trace())
		skip();
	begin_without(&f, &cfg, dropped);
	run(&f, "flat(2000)");
	end(&f);
	assert_true(self_check__contradicts(&f.seen.counters, text, sizeof(text)));
	if (dropped == VTBPF_SITE_EXIT)
		assert_true(f.seen.counters.exit_missed + f.seen.counters.duplicates > 1900);
	else
		assert_true(f.seen.counters.unmatched >= 2000);
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

	begin(&f, &cfg);
	run(&f, "freed(1000)");
	end(&f);
	assert_true(f.seen.all >= 9000);
	return f.seen.counters.stale_codes;
}

static void test_freed_codes(void **state)
{
	(void)state;
	if (!can_trace())
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
		cmocka_unit_test(test_verifier_budget),
		cmocka_unit_test(test_beyond_the_array),
		cmocka_unit_test(test_slots_come_back),
		cmocka_unit_test(test_ring_too_small),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_ignored_thread),
		cmocka_unit_test(test_plan_without_exits),
		cmocka_unit_test(test_plan_without_entries),
		cmocka_unit_test(test_freed_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
