// SPDX-License-Identifier: GPL-2.0-only
/* Several JSON traces as one: times, ids, what stands beside the events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/combine.h"
#include "../../user/log.h"

#define N 3

struct files {
	char dir[64];
	char paths[N][96], out[96];
	const char *more[N];
	char *text; /* of the output */
};

static int setup(void **state)
{
	struct files *f = calloc(1, sizeof(*f));
	char dir[] = "/tmp/vtbpf-test-combine-XXXXXX";

	assert_non_null(f);
	assert_non_null(mkdtemp(dir));
	strcpy(f->dir, dir);
	for (int i = 0; i < N; i++) {
		snprintf(f->paths[i], sizeof(f->paths[i]), "%s/%c.json", dir, 'a' + i);
		f->more[i] = f->paths[i];
	}
	snprintf(f->out, sizeof(f->out), "%s/out.json", dir);
	log_set_level(LOG_QUIET);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct files *f = *state;

	for (int i = 0; i < N; i++)
		unlink(f->paths[i]);
	unlink(f->out);
	assert_int_equal(rmdir(f->dir), 0); /* nothing was left behind */
	free(f->text);
	free(f);
	return 0;
}

static void save(const struct files *f, int i, const char *text)
{
	FILE *file = fopen(f->paths[i], "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void load(struct files *f)
{
	FILE *file = fopen(f->out, "r");
	long size;

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	free(f->text);
	f->text = calloc(1, (size_t)size + 1);
	assert_non_null(f->text);
	assert_int_equal(fread(f->text, 1, (size_t)size, file), size);
	fclose(file);
}

static int run(struct files *f, size_t n, struct combine_options o, struct convert_summary *sum)
{
	int err;

	o.convert.input = f->paths[0];
	o.convert.more_inputs = f->more + 1;
	o.convert.n_more_inputs = n - 1;
	o.convert.output = f->out;
	o.convert.output_named = true;
	if (!o.convert.filter.max_stack_depth)
		o.convert.filter.max_stack_depth = -1;
	err = combine__run(&o, sum);
	if (!err)
		load(f);
	return err;
}

static void expect(const struct files *f, const char *part)
{
	if (!strstr(f->text, part))
		fail_msg("no %s in: %s", part, f->text);
}

static void expect_not(const struct files *f, const char *part)
{
	if (strstr(f->text, part))
		fail_msg("%s in: %s", part, f->text);
}

#define CALL(pid, tid, ts, dur, name)                                                \
	"{\"ph\":\"X\",\"cat\":\"FEE\",\"pid\":" #pid ",\"tid\":" #tid ",\"ts\":" ts \
	",\"dur\":" dur ",\"name\":\"" name " (/a.py:1)\"}"
#define NAMED(pid, name)                               \
	"{\"ph\":\"M\",\"pid\":" #pid ",\"tid\":" #pid \
	",\"name\":\"process_name\",\"args\":{\"name\":\"" name "\"}}"
#define INFO(boot, host, offset, target)                                                      \
	"\"vtbpf\":{\"host\":\"" host "\",\"boot_id\":\"" boot                                \
	"\",\"clock\":{\"realtime_offset_ns\":" offset ",\"realtime_pairs\":[[1.000," offset  \
	",250.000]]},\"target\":" target ",\"filters\":[\"--min-duration 5us\"],"             \
	"\"losses\":{\"total\":2,\"by_thread\":{\"7\":2}},\"threads\":[{\"tid\":7,\"pid\":7," \
	"\"first_us\":2.000}],\"warnings\":[\"w\"]}"
#define TARGET(start) "{\"pid\":7,\"start_ticks\":" #start "}"

/* Another machine: times by the wall clocks, the pid made up, the name says whose it was. */
static void two_machines(void **state)
{
	struct files *f = *state;
	struct convert_summary sum;

	save(f, 0,
	     "{\"traceEvents\":[" NAMED(7, "main") "," CALL(7, 7, "10.000", "5.000", "f") "]," INFO(
		     "one", "alpha", "1000000000000", TARGET(5)) "}");
	save(f, 1,
	     "{\"traceEvents\":[" NAMED(7, "ma\\\"in") "," CALL(
		     7, 7, "10.500", "5.000", "g") "]," INFO("two", "beta", "1000000007001",
							     TARGET(5)) "}");
	assert_int_equal(run(f, 2, (struct combine_options){}, &sum), 0);
	expect(f, CALL(7, 7, "10.000", "5.000", "f"));
	expect(f, CALL(4194305, 7, "17.501", "5.000", "g"));
	expect(f, "\"args\":{\"name\":\"ma\\\"in (pid 7 on beta)\",\"pid\":7,\"host\":\"beta\"}");
	expect(f, "\"args\":{\"name\":\"main\"}");
	expect(f, "\"host\":\"beta\",\"boot_id\":\"two\",\"shift_us\":7.001,"
		  "\"uncertainty_us\":500.000,\"by\":\"wall\",\"pids\":{\"4194305\":7}");
	expect(f, "\"shift_us\":0.000,\"uncertainty_us\":0.000,\"by\":\"boot_id\",\"pids\":{}");
	expect(f, "\"losses\":{\"total\":4,\"by_thread\":{\"7\":2,\"7 of process 4194305\":2}}");
	expect(f, "{\"tid\":7,\"pid\":4194305,\"first_us\":9.001,\"kernel_pid\":7}");
	expect(f, "\"filters\":[\"--min-duration 5us\"]");
	expect(f, "\"baseTimeNanoseconds\":1000000000000}");
	assert_int_equal(sum.calls, 2);
	assert_int_equal(sum.processes, 2);
	assert_int_equal(sum.threads, 2);
	assert_int_equal(sum.lost, 4);
}

/* What was combined can be combined again, and nothing is made up twice. */
static void again(void **state)
{
	struct files *f = *state;
	struct convert_summary sum;

	two_machines(state);
	save(f, 0, f->text);
	save(f, 1,
	     "{\"traceEvents\":[" CALL(7, 7, "90.000", "1.000", "h") "]," INFO(
		     "two", "beta", "1000000007001", TARGET(5)) "}");
	assert_int_equal(run(f, 2, (struct combine_options){}, &sum), 0);
	expect(f, CALL(7, 7, "10.000", "5.000", "f"));
	expect(f, CALL(4194305, 7, "17.501", "5.000", "g"));
	/* known by the pid that the made-up one stands for */
	expect(f, CALL(4194305, 7, "97.001", "1.000", "h"));
	assert_int_equal(sum.processes, 2);
	expect(f, "\"name\":\"ma\\\"in (pid 7 on beta)\"");
	expect_not(f, "(pid 7 on beta) (pid");
}

/* One process in two inputs is one where their calls follow one another. */
static void one_process(void **state)
{
	static const char format[] =
		"{\"traceEvents\":[%s]," INFO("one", "alpha", "1000000000000", "%s") "}";
	static const struct {
		const char *first, *second, *target;
		bool merged;
	} cases[] = {
		{ CALL(7, 7, "10.000", "5.000", "f"), CALL(7, 7, "15.000", "5.000", "f"), TARGET(5),
		  true },
		{ CALL(7, 7, "15.000", "5.000", "f"), CALL(7, 7, "10.000", "5.000", "f"), TARGET(5),
		  true },
		/* they would not nest */
		{ CALL(7, 7, "10.000", "5.000", "f"), CALL(7, 7, "14.999", "5.000", "f"), TARGET(5),
		  false },
		/* another process that had the pid later; one that does not say */
		{ CALL(7, 7, "10.000", "5.000", "f"), CALL(7, 7, "15.000", "5.000", "f"), TARGET(6),
		  false },
		{ CALL(7, 7, "10.000", "5.000", "f"), CALL(7, 7, "15.000", "5.000", "f"), "{}",
		  false },
	};
	struct files *f = *state;
	struct convert_summary sum;
	char text[2000];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), format, cases[i].first, TARGET(5));
		save(f, 0, text);
		snprintf(text, sizeof(text), format, cases[i].second, cases[i].target);
		save(f, 1, text);
		assert_int_equal(run(f, 2, (struct combine_options){}, &sum), 0);
		assert_int_equal(sum.processes, cases[i].merged ? 1 : 2);
		assert_int_equal(sum.threads, sum.processes);
		assert_int_equal(!strstr(f->text, "4194305"), cases[i].merged);
	}
}

/* Ids that were made up in the inputs, and ids of arrows, are not those of other inputs. */
static void made_up_ids(void **state)
{
#define EVENTS(pid)                                                             \
	"{\"traceEvents\":[" CALL(pid, 4194305, "1.000", "1.000",               \
				  "f") ","                                      \
				       "{\"ph\":\"s\",\"pid\":" #pid            \
				       ",\"tid\":4194306,\"id\":3,\"ts\":1.0}," \
				       "{\"ph\":\"f\",\"pid\":" #pid            \
				       ",\"tid\":5,\"id\":\"x\",\"ts\":1.0},"   \
				       "{\"ph\":\"b\",\"pid\":" #pid            \
				       ",\"tid\":5,\"id\":\"0x9\",\"ts\":1.0}]}"
	struct files *f = *state;
	struct convert_summary sum;

	save(f, 0, EVENTS(1));
	save(f, 1, EVENTS(2));
	assert_int_equal(run(f, 2, (struct combine_options){}, &sum), 0);
	expect(f, CALL(1, 4194305, "1.000", "1.000", "f"));
	expect(f, CALL(2, 4194307, "1.000", "1.000", "f"));
	expect(f, "\"pid\":1,\"tid\":4194306,\"id\":3,\"ts\":1.0");
	expect(f, "\"pid\":2,\"tid\":4194308,\"id\":1099511627779,\"ts\":1.0");
	expect(f, "\"pid\":2,\"tid\":5,\"id\":\"1:x\",\"ts\":1.0");
	expect(f, "\"pid\":2,\"tid\":5,\"id\":\"0x9\",\"ts\":1.0");
	expect(f, "\"host\":null,\"boot_id\":null,\"shift_us\":0.000,\"uncertainty_us\":null,"
		  "\"by\":\"assumed\"");
}

/* A pid without a name gets one that says whose it is; VizTracer's file does not know its host. */
static void unnamed(void **state)
{
	struct files *f = *state;
	struct convert_summary sum;
	char want[200];

	save(f, 0, "[" CALL(7, 7, "1.000", "1.000", "f") "]");
	save(f, 1, "[" CALL(7, 7, "1.000", "1.000", "f") "]");
	assert_int_equal(run(f, 2, (struct combine_options){}, &sum), 0);
	snprintf(want, sizeof(want),
		 "\"pid\":4194305,\"tid\":4194305,\"name\":\"process_name\","
		 "\"args\":{\"name\":\"(pid 7 in %s)\",\"pid\":7}}",
		 f->paths[1]);
	expect(f, want);
}

static void by_event(void **state)
{
#define MARK(ts, name) "{\"ph\":\"i\",\"pid\":7,\"tid\":7,\"ts\":" ts ",\"name\":\"" name "\"}"
	struct combine_options start = { .align = COMBINE_BY_START };
	struct combine_options any = { .align = COMBINE_BY_MARKER };
	struct combine_options named = { .align = COMBINE_BY_MARKER, .marker = "g" };
	struct combine_options missing = { .align = COMBINE_BY_MARKER, .marker = "only" };
	struct files *f = *state;
	struct convert_summary sum;

	save(f, 0,
	     "[" MARK("5.000", "only") "," MARK("8.000", "x") "," MARK("9.000", "x") "," CALL(
		     7, 7, "10.000", "9.000", "g") "]");
	save(f, 1,
	     "[" CALL(7, 7, "110.000", "1.000", "g") "," MARK("106.500", "x") "," MARK("101.000",
										       "y") "]");
	assert_int_equal(run(f, 2, start, &sum), 0);
	expect(f, CALL(4194305, 7, "14.000", "1.000", "g"));
	assert_int_equal(run(f, 2, any, &sum), 0);
	expect(f, CALL(4194305, 7, "11.500", "1.000", "g"));
	expect(f, "\"by\":\"marker\"");
	assert_int_equal(run(f, 2, named, &sum), 0);
	expect(f, CALL(4194305, 7, "10.000", "1.000", "g"));
	assert_int_equal(run(f, 2, missing, &sum), -ENOENT);
	/* VizTracer's own word for it */
	save(f, 1,
	     "{\"traceEvents\":[" CALL(7, 7, "110.000", "1.000",
				       "g") "],"
					    "\"viztracer_metadata\":{\"sync_marker\":111.0}}");
	assert_int_equal(run(f, 2, any, &sum), 0);
	expect(f, CALL(4194305, 7, "4.000", "1.000", "g"));
}

static void sources(void **state)
{
	struct files *f = *state;
	struct convert_summary sum;

	save(f, 0,
	     "{\"file_info\":{\"files\":{\"/c\":[\"\\u00e9\", 1],\"/a\":[\"one\",1]},"
	     "\"functions\":{\"f\":[\"/a\",1]}},"
	     "\"traceEvents\":[],\"viztracer_metadata\":{\"overflow\":false}}");
	save(f, 1,
	     "{\"traceEvents\":[],\"viztracer_metadata\":{\"overflow\":true},"
	     "\"file_info\":{\"files\":{\"/c\":[\"\xc3\xa9\",1],\"/b\":[\"two\",1],\"/a\":[\"other\",1]},"
	     "\"functions\":{\"f\":[\"/a\",1],\"g\":[\"/b\",2]}}}");
	assert_int_equal(run(f, 2, (struct combine_options){}, &sum), 0);
	expect(f, "\"file_info\":{\"functions\":{\"f\":[\"/a\",1],\"g\":[\"/b\",2]},"
		  "\"files\":{\"/c\":[\"\\u00e9\", 1],\"/a\":[\"one\",1],\"/b\":[\"two\",1]}}");
	expect(f, "\"overflow\":true");
	expect(f, "1 source file is not the same");
}

/* Filters apply to the whole, as converting it would. */
static void filtered(void **state)
{
	struct combine_options o = { .convert.filter.min_duration_ns = 2000 };
	struct files *f = *state;
	struct convert_summary sum;

	save(f, 0, "[" CALL(7, 7, "1.000", "1.000", "f") "]");
	save(f, 1, "[" CALL(8, 8, "1.000", "2.000", "g") "]");
	assert_int_equal(run(f, 2, o, &sum), 0);
	assert_int_equal(sum.calls, 1);
	expect_not(f, "\"f (/a.py:1)\"");
	expect(f, "\"--min-duration");
	expect(f, "\"combine\":[");
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"{\"traceEvents\":[{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":1e300,\"dur\":1}]}",
		"{\"traceEvents\":[{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":1,\"dur\":-1}]}",
		"{\"traceEvents\":[{\"ph\":\"X\",",
		"{\"traceEvents\":[]} more",
	};
	struct files *f = *state;
	struct convert_summary sum;
	struct combine_options other = { .convert.format = "vtb" };

	save(f, 0, "[" CALL(7, 7, "1.000", "1.000", "f") "]");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		save(f, 1, bad[i]);
		assert_true(run(f, 2, (struct combine_options){}, &sum) < 0);
		assert_int_equal(access(f->out, F_OK), -1);
	}
	save(f, 1, "[]");
	assert_int_equal(run(f, 2, other, &sum), -EINVAL);
}

/* Machines of which one does not say where its clock was. */
static void no_clock(void **state)
{
	struct files *f = *state;
	struct convert_summary sum;

	save(f, 0, "{\"traceEvents\":[],\"vtbpf\":{\"boot_id\":\"one\"}}");
	save(f, 1, "{\"traceEvents\":[],\"vtbpf\":{\"boot_id\":\"two\"}}");
	assert_int_equal(run(f, 2, (struct combine_options){}, &sum), -EXDEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(two_machines, setup, teardown),
		cmocka_unit_test_setup_teardown(again, setup, teardown),
		cmocka_unit_test_setup_teardown(one_process, setup, teardown),
		cmocka_unit_test_setup_teardown(made_up_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(unnamed, setup, teardown),
		cmocka_unit_test_setup_teardown(by_event, setup, teardown),
		cmocka_unit_test_setup_teardown(sources, setup, teardown),
		cmocka_unit_test_setup_teardown(filtered, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(no_clock, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
