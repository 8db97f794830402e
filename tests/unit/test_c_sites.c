// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where C functions are called (--c-calls), in the interpreters of this machine. Those whose build is
 * known (by build-id) must come out as in tests/data/c_sites; UPDATE_GOLDEN=1 writes the files anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/discover/c_opcodes.h"
#include "../../user/discover/c_sites.h"
#include "../../user/discover/probe_plan.h"
#include "../../user/discover/version.h"
#include "pythons.h"

#define GOLDEN "tests/data/c_sites"
#define MAX_TEXT 16384

static void print_place(FILE *out, const struct probe_plan *plan, uint8_t reg, bool in_word, int at)
{
	if (in_word)
		fprintf(out, " [%s%+d]", probe_plan__reg_name(plan, reg), at);
	else
		fprintf(out, " %s", probe_plan__reg_name(plan, reg));
}

static char *text_of(const struct probe_plan *plan, const struct c_plan *calls)
{
	static const char *const kinds[] = { "?",      "exit",	"special", "append",
					     "vector", "tuple", "kw" };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (size_t i = 0; i < calls->n; i++) {
		const struct c_place *place = &calls->places[i];
		const struct vtbpf_c_site *s = &place->site;

		assert_in_range(s->kind, VTBPF_C_EXIT, VTBPF_C_KW);
		fprintf(out, "%#llx %s %s", (unsigned long long)s->vaddr, kinds[s->kind],
			place->name);
		print_place(out, plan, s->frame_reg, s->flags & VTBPF_C_FRAME_IN_WORD, s->frame_at);
		if (s->flags & VTBPF_C_STACK_IN_FRAME)
			fputs(" kept", out);
		else
			print_place(out, plan, s->stack_reg, s->flags & VTBPF_C_STACK_IN_WORD,
				    s->stack_at);
		fputs(place->emulated ? "\n" : " single-stepped\n", out);
	}
	fclose(out);
	return text;
}

static bool read_file(const char *path, char *text)
{
	FILE *in = fopen(path, "r");

	if (!in)
		return false;
	text[fread(text, 1, MAX_TEXT - 1, in)] = '\0';
	fclose(in);
	return true;
}

/* Compares with the golden copy; false when the build is not known. */
static bool check_golden(const struct probe_plan *plan, const struct c_plan *calls)
{
	char path[128], version[16], *text = text_of(plan, calls);
	static char golden[MAX_TEXT];
	bool known;
	FILE *out;

	snprintf(path, sizeof(path), GOLDEN "/%s-%.12s.txt",
		 py_version_str(plan->version, version, sizeof(version)), plan->build_id);
	out = getenv("UPDATE_GOLDEN") && plan->build_id[0] ? fopen(path, "w") : NULL;
	if (out) {
		fputs(text, out);
		fclose(out);
	}
	known = read_file(path, golden);
	if (known)
		assert_string_equal(text, golden);
	free(text);
	return known;
}

static bool has_entry(const struct c_plan *calls, const char *name)
{
	for (size_t i = 0; i < calls->n; i++) {
		if (calls->places[i].site.kind != VTBPF_C_EXIT &&
		    !strcmp(calls->places[i].name, name))
			return true;
	}
	return false;
}

/* Each handler for certain callables has an entry of its own, no two sites are the same, and calls end. */
static void check_calls(const struct probe_plan *plan, const struct c_plan *calls)
{
	size_t exits = 0;

	for (const struct c_opcode *op = c_opcodes__of(plan->layout.minor); op->name; op++) {
		if (op->handler == C_HANDLER_SPECIAL || op->handler == C_HANDLER_KNOWN ||
		    op->handler == C_HANDLER_APPEND)
			assert_true(has_entry(calls, op->name));
	}
	for (size_t i = 0; i < calls->n; i++) {
		exits += calls->places[i].site.kind == VTBPF_C_EXIT;
		assert_true(calls->places[i].offset != 0);
		for (size_t k = 0; k < i; k++)
			assert_true(calls->places[i].offset != calls->places[k].offset);
	}
	assert_true(exits > 8);
}

/* Looks at the interpreter at path; false when it has no plan. */
static bool check_file(const char *path)
{
	static struct probe_plan plan;
	static struct c_plan calls;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	char why[256] = "";

	assert_true(fd >= 0);
	err = probe_plan__make(fd, &plan, why, sizeof(why));
	if (err) {
		close(fd);
		return false;
	}
	err = probe_plan__find_c_calls(fd, &plan, &calls, why, sizeof(why));
	close(fd);
	if (err) {
		assert_int_equal(err, -ENOTSUP);
		assert_int_equal(calls.n, 0);
		assert_non_null(strstr(why, "--c-calls"));
		print_message("refused %s\n", path);
		return true;
	}
	assert_true(plan.layout.minor >= C_CALLS_SINCE);
	check_calls(&plan, &calls);
	if (!check_golden(&plan, &calls))
		print_message("skipped the comparison of %s: build-id %s is not known\n", path,
			      plan.build_id);
	return true;
}

static void test_pythons(void **state)
{
	size_t seen = 0;
	glob_t found;

	(void)state;
	pythons__libraries(&found);
	for (size_t i = 0; i < found.gl_pathc; i++)
		seen += check_file(found.gl_pathv[i]);
	globfree(&found);
	if (!seen)
		skip();
}

/* A list has each number once, and each name. */
static void test_opcodes(void **state)
{
	(void)state;
	assert_null(c_opcodes__of(10));
	assert_null(c_opcodes__of(16));
	for (unsigned int minor = 11; minor <= 15; minor++) {
		const struct c_opcode *ops = c_opcodes__of(minor);

		assert_non_null(ops);
		for (size_t i = 0; ops[i].name; i++) {
			for (size_t k = 0; k < i; k++) {
				assert_int_not_equal(ops[i].number, ops[k].number);
				assert_string_not_equal(ops[i].name, ops[k].name);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opcodes),
		cmocka_unit_test(test_pythons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
