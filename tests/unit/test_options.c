// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/options.h"

#define MAX_ARGS 24

/* The parser changes and keeps argv, so each test gets its own copy. */
struct line {
	char text[512];
	char *argv[MAX_ARGS];
	int argc;
};

static void split(struct line *l, const char *text)
{
	snprintf(l->text, sizeof(l->text), "%s", text);
	l->argc = 0;
	for (char *p = strtok(l->text, " "); p && l->argc < MAX_ARGS - 1; p = strtok(NULL, " "))
		l->argv[l->argc++] = p;
	l->argv[l->argc] = NULL;
}

/* What the command line exits with; what it prints goes to `out`. */
static int exit_of(const char *text, char *out, size_t size)
{
	struct options o;
	struct line l;
	int fds[2], status;
	ssize_t n, len = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		split(&l, text);
		options__parse(l.argc, l.argv, &o);
		_exit(99); /* it was accepted */
	}
	close(fds[1]);
	while ((n = read(fds[0], out + len, size - 1 - len)) > 0)
		len += n;
	out[len] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

struct fixture {
	struct line line; /* the options point into it */
	struct options options;
};

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	options__free(&f->options);
	free(f);
	return 0;
}

/* What the command line says, until the next one. */
static const struct options *parse(struct fixture *f, const char *text)
{
	options__free(&f->options);
	split(&f->line, text);
	options__parse(f->line.argc, f->line.argv, &f->options);
	return &f->options;
}

static void test_trace(void **state)
{
	const struct options *o = parse(
		*state,
		"vtbpf -p 42 -d 1.5s --ignore-thread mon* --ignore-thread 17 -o x.json.gz -v");

	assert_int_equal(o->command, CMD_TRACE);
	assert_int_equal(o->pid, 42);
	assert_int_equal(o->duration_ns, 1500000000);
	assert_int_equal(o->ignore_threads.n, 2);
	assert_string_equal(o->ignore_threads.items[1], "17");
	assert_string_equal(o->output, "x.json.gz");
	assert_true(o->output_named);
	assert_int_equal(o->verbosity, 1);
	assert_int_equal(o->max_stack_depth, -1);
	assert_int_equal(o->filters.n, 2);
	assert_string_equal(o->filters.items[0], "--ignore-thread mon*");
}

static void test_units_of_bare_numbers(void **state)
{
	const struct options *o = parse(
		*state, "vtbpf -p 1 -d 3 --min-duration 100 --max-stack-depth 5 --buffer-size 64k");

	assert_int_equal(o->duration_ns, 3000000000);
	assert_int_equal(o->min_duration_ns, 100000);
	assert_int_equal(o->max_stack_depth, 5);
	assert_int_equal(o->buffer_bytes, 65536);
	assert_string_equal(o->output, "result.json");
	assert_false(o->output_named);
}

static void test_combine(void **state)
{
	static const struct {
		const char *line;
		enum combine_align align;
		const char *marker;
	} cases[] = {
		{ "vtbpf combine a b -o c.json", COMBINE_BY_HOST, NULL },
		{ "vtbpf combine a b --align start", COMBINE_BY_START, NULL },
		{ "vtbpf combine a b --align=marker", COMBINE_BY_MARKER, NULL },
		{ "vtbpf combine --align marker=f=g a b", COMBINE_BY_MARKER, "f=g" },
	};
	const struct options *o;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		o = parse(*state, cases[i].line);
		assert_int_equal(o->command, CMD_COMBINE);
		assert_int_equal(o->inputs.n, 2);
		assert_int_equal(o->align, cases[i].align);
		assert_int_equal(!o->marker, !cases[i].marker);
		if (o->marker)
			assert_string_equal(o->marker, cases[i].marker);
	}
}

static void test_underscores(void **state)
{
	const struct options *o =
		parse(*state, "vtbpf -p 1 --min_duration=2ms --only_thread my_thread");

	assert_int_equal(o->min_duration_ns, 2000000);
	assert_string_equal(o->only_threads.items[0], "my_thread");
}

static void test_functions(void **state)
{
	const struct options *o = parse(
		*state,
		"vtbpf -p 1 --ignore-function mon* --ignore_function=*/log.py:* --only-function f "
		"--include-files src/ --exclude_files a --exclude-files b --cut --cut "
		"--tracer_entries 1000");

	assert_int_equal(o->functions.ignore.n, 2);
	assert_string_equal(o->functions.ignore.items[1], "*/log.py:*");
	assert_int_equal(o->functions.only.n, 1);
	assert_int_equal(o->functions.include_files.n, 1);
	assert_int_equal(o->functions.exclude_files.n, 2);
	assert_true(o->functions.cut);
	assert_int_equal(o->tracer_entries, 1000);
	assert_int_equal(o->filters.n, 8);
	assert_string_equal(o->filters.items[0], "--ignore-function mon*");
	assert_string_equal(o->filters.items[6], "--cut");
	assert_string_equal(o->filters.items[7], "--tracer-entries 1000");
}

static void test_when(void **state)
{
	const struct options *o =
		parse(*state, "vtbpf -p 1 --sample-rate 0.25 --max_overhead 2% --active 9:00-18:00 "
			      "--active 22:00-02:30");

	assert_true(o->sample_rate == 0.25);
	assert_true(o->max_overhead == 0.02);
	assert_int_equal(o->n_active, 2);
	assert_int_equal(o->active[1].from, 22 * 60);
	assert_int_equal(o->active[1].until, 150);
	assert_int_equal(o->filters.n, 4);
	assert_string_equal(o->filters.items[1], "--max-overhead 2%");
	o = parse(*state, "vtbpf -p 1 --max-overhead 0.5");
	assert_true(o->max_overhead == 0.005);
	assert_true(o->sample_rate == 0);
}

static void test_program(void **state)
{
	const struct options *o =
		parse(*state, "vtbpf -o out.json -- python3 --version -p 5 --min_duration");

	assert_int_equal(o->pid, 0);
	assert_string_equal(o->program[0], "python3");
	assert_string_equal(o->program[4], "--min_duration");
	assert_null(o->program[5]);
}

static void test_convert_and_doctor(void **state)
{
	const struct options *o = parse(*state, "vtbpf convert a.vtb -o b.json --min-duration 1ms");

	assert_int_equal(o->command, CMD_CONVERT);
	assert_string_equal(o->inputs.items[0], "a.vtb");
	o = parse(*state, "vtbpf doctor -p 7");
	assert_int_equal(o->command, CMD_DOCTOR);
	assert_int_equal(o->pid, 7);
}

static void test_ctl(void **state)
{
	const struct options *o = parse(*state, "vtbpf ctl -p 7 ignore-thread mon*");

	assert_int_equal(o->command, CMD_CTL);
	assert_int_equal(o->pid, 7);
	assert_int_equal(o->inputs.n, 2);
	assert_string_equal(o->inputs.items[0], "ignore-thread");
	assert_string_equal(o->inputs.items[1], "mon*");
	o = parse(*state, "vtbpf -p 7 ctl status --json");
	assert_int_equal(o->command, CMD_CTL);
	assert_true(o->json);
}

static void test_threads(void **state)
{
	static const char *const lines[] = { "vtbpf threads -p 7 --json",
					     "vtbpf -p 7 --json threads" };
	const struct options *o;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		o = parse(*state, lines[i]);
		assert_int_equal(o->command, CMD_THREADS);
		assert_int_equal(o->pid, 7);
		assert_true(o->json);
	}
}

static void test_diff(void **state)
{
	const struct options *o = parse(*state, "vtbpf diff b1 b2 b3 -- a1 -o x.folded --limit 3");

	assert_int_equal(o->command, CMD_DIFF);
	assert_int_equal(o->n_before, 3);
	assert_int_equal(o->inputs.n, 4);
	assert_string_equal(o->inputs.items[3], "a1");
	assert_string_equal(o->output, "x.folded");
	assert_int_equal(o->report.limit, 3);
	o = parse(*state, "vtbpf diff before after --json");
	assert_int_equal(o->n_before, 1);
	assert_int_equal(o->inputs.n, 2);
}

struct refused {
	const char *line, *says;
};

static void expect_refused(const struct refused *r, size_t n)
{
	char out[4096];

	for (; n; n--, r++) {
		assert_int_equal(exit_of(r->line, out, sizeof(out)), EXIT_USAGE);
		if (!strstr(out, r->says))
			fail_msg("%s: says '%s', not '%s'", r->line, out, r->says);
	}
}

static void test_events(void **state)
{
	char out[4096];

	assert_true(parse(*state, "vtbpf -p 5 --gc")->gc);
	assert_int_equal(exit_of("vtbpf convert in -o o.json --gc", out, sizeof(out)), EXIT_USAGE);
	assert_non_null(strstr(out, "--gc: goes with a trace"));
	assert_int_equal(exit_of("vtbpf -p 5 --gc --hz 10", out, sizeof(out)), EXIT_USAGE);
	assert_non_null(strstr(out, "--gc: goes with traces of calls"));
	assert_true(parse(*state, "vtbpf -p 5 --gil")->gil);
	assert_int_equal(exit_of("vtbpf -p 5 --gil --max-overhead 2%", out, sizeof(out)),
			 EXIT_USAGE);
	assert_non_null(strstr(out, "--gil: what it costs is in no budget"));
	assert_true(parse(*state, "vtbpf -p 5 --exceptions")->exceptions);
	assert_int_equal(exit_of("vtbpf -p 5 --exceptions --wall", out, sizeof(out)), EXIT_USAGE);
	assert_non_null(strstr(out, "--exceptions: goes with traces of calls"));
	assert_true(parse(*state, "vtbpf -p 5 --async")->async);
	assert_int_equal(exit_of("vtbpf -p 5 --async --rotate 1m", out, sizeof(out)), EXIT_USAGE);
	assert_non_null(strstr(out, "--async: names of tasks are told once"));
}

static void test_bad_usage(void **state)
{
	static const struct refused bad[] = {
		{ "vtbpf", "nothing to trace" },
		{ "vtbpf -p", "requires an argument" },
		{ "vtbpf -p x", "'x' is not a number" },
		{ "vtbpf -p -5", "not a number" },
		{ "vtbpf -p 1 -d soon", "'soon' is not a time" },
		{ "vtbpf -p 1 --max-stack-depth no", "'no' is not a number" },
		{ "vtbpf -p 1 --buffer-size 3", "not a size" },
		{ "vtbpf -p 1 --ignore-function=", "an empty name" },
		{ "vtbpf -p 1 --ignore-thread=", "an empty name" },
		{ "vtbpf convert a --exclude-files=", "an empty name" },
		{ "vtbpf -p 1 --cut", "give one of them" },
		{ "vtbpf -p 1 --tracer-entries 0", "would keep nothing" },
		{ "vtbpf -p 1 --tracer-entries many", "'many' is not a number" },
		{ "vtbpf -p 1 --keep-last 0s", "would keep nothing" },
		{ "vtbpf -p 1 --keep-last 0", "would keep nothing" },
		{ "vtbpf -p 1 --keep-last soon", "not a time" },
		{ "vtbpf convert a --keep-last 10s", "only while tracing" },
		{ "vtbpf convert a --trigger gc>1s", "only while tracing" },
		{ "vtbpf -p 1 --trigger slow:f", "'slow:f': write slow:GLOB>TIME" },
		{ "vtbpf -p 1 --max-dumps 0", "would write nothing" },
		{ "vtbpf -p 1 --sample-rate 1", "no part of the time" },
		{ "vtbpf -p 1 --sample-rate 10%", "no part of the time" },
		{ "vtbpf -p 1 --max-overhead nan", "is not 0.1 to 50 percent" },
		{ "vtbpf -p 1 --max-overhead 0", "is not 0.1 to 50 percent" },
		{ "vtbpf -p 1 --max-overhead 2%%", "is not 0.1 to 50 percent" },
		{ "vtbpf -p 1 --active 9-18", "no time of the day" },
		{ "vtbpf convert a --max-overhead 1", "go with a trace" },
		{ "vtbpf -p 1 --nonsense", "--nonsense" },
		{ "vtbpf script.py", "vtbpf -- script.py" },
		{ "vtbpf --", "nothing after --" },
		{ "vtbpf -p 1 -- true", "one of them" },
		{ "vtbpf convert", "give captures, or one JSON" },
		{ "vtbpf convert a -p 1", "do not apply" },
		{ "vtbpf doctor -- true", "starts nothing" },
		{ "vtbpf threads", "give -p PID" },
		{ "vtbpf threads -p 1 --dry-run", "--dry-run" },
		{ "vtbpf --dry-run threads -p 1", "nothing of a trace" },
		{ "vtbpf threads -- true", "give -p PID" },
		{ "vtbpf ctl status", "give -p PID" },
		{ "vtbpf ctl -p 1", "vtbpf ctl --help" },
		{ "vtbpf ctl -p 1 ignore-thread a b", "'b'" },
		{ "vtbpf -p 1 --json", "goes with report, diff, threads" },
		{ "vtbpf -p 1 --limit 3", "go with report" },
		{ "vtbpf report", "of which trace" },
		{ "vtbpf report a --sort size", "'size' is none of" },
		{ "vtbpf report a --by line", "'line' is none of" },
		{ "vtbpf report a --limit 0", "would show nothing" },
		{ "vtbpf report a -d 3", "does not apply" },
	};

	(void)state;
	expect_refused(bad, sizeof(bad) / sizeof(bad[0]));
}

static void test_bad_usage_of_others(void **state)
{
	static const struct refused bad[] = {
		{ "vtbpf combine", "give captures, or JSON traces" },
		{ "vtbpf combine a -p 3", "do not apply" },
		{ "vtbpf combine a --align end", "'end' is none of" },
		{ "vtbpf combine a --align marker=", "'marker=' is none of" },
		{ "vtbpf convert a --align start", "goes with combine" },
		{ "vtbpf -p 1 --hz 100 --keep-last 5", "give a time" },
		{ "vtbpf -p 1 --hz 100 --trigger gc>1s --trigger slow:f>1s", "only gc>TIME" },
		{ "vtbpf threads -p 1 -p 2", "one process here" },
		{ "vtbpf ctl -p 1 -p 2 status", "one process here" },
		{ "vtbpf --match x -- true", "of running processes" },
		{ "vtbpf convert a --cgroup /x", "of running processes" },
		{ "vtbpf --match=", "would fit nothing" },
		{ "vtbpf -p 1 --keep 3", "give that" },
		{ "vtbpf -p 1 --rotate 10ms", "at least 1s" },
		{ "vtbpf -p 1 --rotate 1k", "or 64k" },
		{ "vtbpf -p 1 --rotate often", "not a time" },
		{ "vtbpf -p 1 --rotate 1m --keep-last 1s", "not with" },
		{ "vtbpf -p 1 --rotate 1m --trigger gc>1ms", "not with" },
		{ "vtbpf -p 1 --max-memory none", "not a size" },
	};

	(void)state;
	expect_refused(bad, sizeof(bad) / sizeof(bad[0]));
}

static void test_several_processes(void **state)
{
	const struct options *o = parse(*state, "vtbpf -p 7 --pid=8 --match web* --cgroup=/a");

	assert_int_equal(o->n_pids, 2);
	assert_int_equal(o->pids[1], 8);
	assert_string_equal(o->match.items[0], "web*");
	assert_string_equal(o->cgroups.items[0], "/a");
	assert_true(o->several);
	assert_true(o->buffer_bytes < 32 << 20);
	o = parse(*state, "vtbpf -p 7 --rotate 10m --keep 3");
	assert_int_equal(o->rotate_ns, 600000000000);
	assert_int_equal(o->keep, 3);
	o = parse(*state, "vtbpf -p 7 --rotate 10M --max-memory 1G");
	assert_int_equal(o->rotate_bytes, 10 << 20);
	assert_int_equal(o->max_memory, 1 << 30);
	o = parse(*state, "vtbpf -p 7");
	assert_false(o->several);
	assert_int_equal(o->buffer_bytes, 32 << 20);
}

static void test_bad_diff(void **state)
{
	static const struct refused bad[] = {
		{ "vtbpf diff a", "give two traces" },
		{ "vtbpf diff a b c", "give two traces" },
		{ "vtbpf diff a b --", "before -- and after it" },
		{ "vtbpf diff -- a b", "before -- and after it" },
		{ "vtbpf diff a b -p 3", "does not apply" },
		{ "vtbpf diff a b --sort total", "go with report" },
		{ "vtbpf -q diff a -- b", "comes first" },
	};

	(void)state;
	expect_refused(bad, sizeof(bad) / sizeof(bad[0]));
}

static void test_help_and_version(void **state)
{
	char out[16384];

	(void)state;
	assert_int_equal(exit_of("vtbpf --help", out, sizeof(out)), EXIT_OK);
	assert_non_null(strstr(out, "--ignore-thread"));
	assert_non_null(strstr(out, "Exit status"));
	assert_int_equal(exit_of("vtbpf threads --help", out, sizeof(out)), EXIT_OK);
	assert_non_null(strstr(out, "waiting for the GIL"));
	assert_null(strstr(out, "--min-duration"));
	assert_int_equal(exit_of("vtbpf ctl --help", out, sizeof(out)), EXIT_OK);
	assert_non_null(strstr(out, "unignore-thread X"));
	assert_int_equal(exit_of("vtbpf --version", out, sizeof(out)), EXIT_OK);
	assert_int_equal(strncmp(out, "vtbpf ", 6), 0);
}

#define OPTIONS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPTIONS_TEST(test_trace),
		OPTIONS_TEST(test_units_of_bare_numbers),
		OPTIONS_TEST(test_combine),
		OPTIONS_TEST(test_underscores),
		OPTIONS_TEST(test_functions),
		OPTIONS_TEST(test_when),
		OPTIONS_TEST(test_program),
		OPTIONS_TEST(test_convert_and_doctor),
		OPTIONS_TEST(test_threads),
		OPTIONS_TEST(test_ctl),
		OPTIONS_TEST(test_diff),
		OPTIONS_TEST(test_events),
		cmocka_unit_test(test_bad_usage),
		cmocka_unit_test(test_bad_diff),
		cmocka_unit_test(test_help_and_version),
		OPTIONS_TEST(test_several_processes),
		cmocka_unit_test(test_bad_usage_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
