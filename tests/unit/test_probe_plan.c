// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plans of the interpreters of this machine. Those whose build is known (by build-id) must come
 * out as in tests/data/plans; UPDATE_GOLDEN=1 writes the files anew. Every plan must be
 * sensible.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/discover/probe_plan.h"
#include "fake_elf.h"
#include "pythons.h"

#define PLANS "tests/data/plans"

static char *plan_text(const struct probe_plan *plan)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	probe_plan__print(plan, "PYTHON", out);
	fclose(out);
	return text;
}

static char *read_file(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text;

	if (!in)
		return NULL;
	text = calloc(1, 65536);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, in) > 0);
	fclose(in);
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void check_site(const struct probe_site *site)
{
	assert_in_range(site->site.kind, VTBPF_SITE_ENTRY, VTBPF_SITE_CODE_FREED);
	assert_true(site->offset != 0);
	assert_true(site->entry_offset <= site->offset);
	assert_true(site->name[0] && site->insn[0]);
	assert_int_equal(site->mechanism, PROBE_UPROBE);
}

/* No call costs a single-step. From 3.13 on RESUME is what a function executes once, if there is a
 * GIL; yields have no better place there (Python/generated_cases.c.h: no branch). */
static void check_cost(const struct probe_plan *plan, const struct probe_site *site)
{
	bool once = plan->layout.minor >= 13 && !plan->free_threaded &&
		    strcmp(site->name, "RESUME") == 0;

	if (site->site.kind == VTBPF_SITE_ENTRY || site->site.kind == VTBPF_SITE_EXIT)
		assert_true(site->cost == COST_EMULATED || once);
}

/* What holds for the plan of any version. */
static void check_plan(const struct probe_plan *plan)
{
	size_t entries = 0, exits = 0, i, k;

	assert_int_equal(plan->version >> 24, 3);
	assert_int_equal(plan->layout.minor, plan->version >> 16 & 0xff);
	assert_true(plan->runtime_vaddr);
	assert_true(plan->table_vaddr || plan->layout.minor <= 10);
	for (i = 0; i < plan->n_sites; i++) {
		check_site(&plan->sites[i]);
		check_cost(plan, &plan->sites[i]);
		entries += plan->sites[i].site.kind == VTBPF_SITE_ENTRY;
		exits += plan->sites[i].site.kind == VTBPF_SITE_EXIT;
		for (k = 0; k < i; k++)
			assert_int_not_equal(plan->sites[i].offset, plan->sites[k].offset);
	}
	assert_true(entries && exits);
}

/* Compares with the golden copy; false when the build is not known. */
static bool check_golden(const struct probe_plan *plan)
{
	char path[128], version[16], *text = plan_text(plan), *golden;

	snprintf(path, sizeof(path), PLANS "/%s-%.12s.txt",
		 py_version_str(plan->version, version, sizeof(version)), plan->build_id);
	if (getenv("UPDATE_GOLDEN") && plan->build_id[0])
		write_file(path, text);
	golden = read_file(path);
	if (golden)
		assert_string_equal(text, golden);
	free(text);
	free(golden);
	return golden != NULL;
}

/* The plan of the interpreter at path; false, with the reason printed, when it has none. */
static bool make_plan(const char *path, struct probe_plan *plan)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	char why[256];

	assert_true(fd >= 0);
	err = probe_plan__make(fd, plan, why, sizeof(why));
	close(fd);
	if (err) {
		print_message("skipped %s: %s\n", path, why);
		assert_true(why[0]);
	}
	return !err;
}

/* Plans all that were found and frees the list; how many have a plan. */
static size_t check_all(glob_t *found)
{
	static struct probe_plan plan;
	size_t i, planned = 0, known = 0;

	for (i = 0; i < found->gl_pathc; i++) {
		if (!make_plan(found->gl_pathv[i], &plan))
			continue;
		planned++;
		check_plan(&plan);
		if (check_golden(&plan))
			known++;
		else
			print_message("skipped the comparison of %s: build-id %s is not known\n",
				      found->gl_pathv[i], plan.build_id);
	}
	globfree(found);
	print_message("%zu plans, %zu compared\n", planned, known);
	return planned;
}

static void test_pythons(void **state)
{
	glob_t found;

	(void)state;
	pythons__libraries(&found);
	if (!check_all(&found))
		skip();
}

/* Interpreters of arm64 have plans of the same kind: none is left without one, a probe of the end
 * and one of throw() are there, and nothing is said to be out of sight. */
static void test_arm64_pythons(void **state)
{
	static struct probe_plan plan;
	size_t i, k, n, throws;
	glob_t found;

	(void)state;
	pythons__arm64(&found);
	n = found.gl_pathc;
	for (i = 0; i < n; i++) {
		assert_true(make_plan(found.gl_pathv[i], &plan));
		assert_int_equal(plan.machine, EM_AARCH64);
		for (k = 0, throws = 0; k < plan.n_sites; k++) {
			assert_int_equal(plan.sites[k].offset % 4, 0);
			throws += plan.sites[k].site.kind == VTBPF_SITE_THROW;
		}
		assert_int_equal(throws, plan.layout.minor >= 11);
		for (k = 0; k < plan.n_notes; k++)
			assert_non_null(strstr(plan.notes[k], "single-stepped"));
	}
	check_all(&found);
	if (!n) {
		print_message("skipped: no Python of arm64 here; scripts/fetch-pythons.sh arm64\n");
		skip();
	}
}

static int error_of(const char *path, char *why, size_t size)
{
	static struct probe_plan plan;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	assert_true(fd >= 0);
	why[0] = '\0';
	err = probe_plan__make(fd, &plan, why, size);
	close(fd);
	return err;
}

static void test_no_python(void **state)
{
	char why[256];

	(void)state;
	assert_int_equal(error_of("/proc/self/exe", why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "no CPython"));
	assert_int_equal(error_of("Makefile", why, sizeof(why)), -ENOEXEC);
	assert_true(why[0]);
	assert_int_not_equal(error_of("/", why, sizeof(why)), 0);
	assert_true(why[0]);
}

/* A file that only looks like the interpreter, but says to be one with Py_DEBUG. */
static void test_debug_build(void **state)
{
	static struct fake_elf e;
	static struct probe_plan plan;
	const uint32_t version = 0x030b02f0;
	char why[256] = "";
	int fd;

	(void)state;
	fake_elf__init(&e);
	fake_elf__put(&e, FAKE_CODE, "\xc3", 1);
	fake_elf__put(&e, FAKE_DATA, &version, sizeof(version));
	fake_elf__symbol(&e, "Py_Version", FAKE_DATA);
	fake_elf__symbol(&e, "_PyEval_EvalFrameDefault", FAKE_CODE);
	fake_elf__symbol(&e, "_Py_NegativeRefcount", FAKE_CODE);
	fd = fake_elf__open(&e);
	assert_int_equal(probe_plan__make(fd, &plan, why, sizeof(why)), -ENOTSUP);
	assert_non_null(strstr(why, "debug build of CPython 3.11.2"));
	close(fd);
}

/* The smallest of the interpreters found, whole in memory; frees the list. */
static uint8_t *some_python(glob_t *found, size_t *size)
{
	uint8_t *best = NULL;
	size_t i;

	*size = SIZE_MAX;
	for (i = 0; i < found->gl_pathc; i++) {
		int fd = open(found->gl_pathv[i], O_RDONLY | O_CLOEXEC);
		off_t len = lseek(fd, 0, SEEK_END);
		uint8_t *bytes;

		if (len > 1000000 && (size_t)len < *size && (bytes = malloc((size_t)len))) {
			assert_int_equal(pread(fd, bytes, (size_t)len, 0), len);
			free(best);
			best = bytes;
			*size = (size_t)len;
		}
		close(fd);
	}
	globfree(found);
	return best;
}

static void check_damaged(glob_t *found)
{
	static struct probe_plan plan;
	uint32_t seed = 7;
	uint8_t *bytes;
	size_t size;
	int round;

	bytes = some_python(found, &size);
	if (!bytes)
		skip();
	for (round = 0; round < 6; round++) {
		FILE *file = tmpfile();
		char why[256];
		int k;

		assert_non_null(file);
		assert_int_equal(fwrite(bytes, 1, size, file), size);
		fflush(file);
		for (k = 0; k < 4000; k++) {
			uint8_t byte;

			seed = seed * 1103515245 + 12345;
			byte = (uint8_t)(seed >> 24);
			assert_int_equal(pwrite(fileno(file), &byte, 1,
						(off_t)(2000 + (seed >> 3) % (size - 2000))),
					 1);
		}
		probe_plan__make(fileno(file), &plan, why, sizeof(why));
		assert_true(plan.n_sites <= VTBPF_MAX_SITES);
		fclose(file);
	}
	free(bytes);
}

/* Damaged interpreters give an error or some plan, and no crash (run with SAN=1). */
static void test_damaged_python(void **state)
{
	glob_t found;

	(void)state;
	pythons__libraries(&found);
	check_damaged(&found);
}

static void test_damaged_arm64(void **state)
{
	glob_t found;

	(void)state;
	pythons__arm64(&found);
	check_damaged(&found);
}

static void test_version_names(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(py_version_str(0x030b02f0, buf, sizeof(buf)), "3.11.2");
	assert_string_equal(py_version_str(0x030d00c1, buf, sizeof(buf)), "3.13.0rc1");
	assert_string_equal(py_version_str(0x030f00a7, buf, sizeof(buf)), "3.15.0a7");
	assert_string_equal(py_version_str(0xffffffff, buf, sizeof(buf)), "255.255.255");
}

static void test_register_names(void **state)
{
	struct probe_plan plan = { .machine = 62 };

	(void)state;
	assert_string_equal(probe_plan__reg_name(&plan, 5), "rdi");
	assert_string_equal(probe_plan__reg_name(&plan, VTBPF_NO_REG), "-");
	plan.machine = 183;
	assert_string_equal(probe_plan__reg_name(&plan, 25), "x25");
}

/* The printed form, on a plan that uses every part of it. */
static void test_print(void **state)
{
	static struct probe_plan plan = {
		.version = 0x030e00f0,
		.free_threaded = true,
		.tail_call = true,
		.stripped = true,
		.machine = 62,
		.runtime_vaddr = 0x1234,
		.table_vaddr = 0x5678,
		.frame_reg = 12,
		.layout = { .minor = 14, .flags = VTBPF_LAYOUT_TAGGED_CODE, .frame_owner = 0x4a },
		.n_sites = 3,
		.sites = { { .site = { VTBPF_SITE_ENTRY, 12, 15, VTBPF_SITE_INSTR_ADVANCED, 0, 0 },
			     .offset = 0x110,
			     .entry_offset = 0x100,
			     .name = "RESUME",
			     .insn = "jne 0x120" },
			   { .site = { VTBPF_SITE_ENTRY, 7, 6,
				       VTBPF_SITE_FRAME_IN_WORD | VTBPF_SITE_INSTR_IN_WORD, 0x18,
				       -0x30 },
			     .offset = 0x150,
			     .entry_offset = 0x140,
			     .name = "RESUME_CHECK",
			     .insn = "je 0x160" },
			   { .site = { VTBPF_SITE_EXIT, 4, VTBPF_NO_REG, 0, 0, 0 },
			     .offset = 0x200,
			     .entry_offset = 0x200,
			     .cost = COST_SINGLE_STEP,
			     .name = "f",
			     .insn = "retq" } },
		.n_usdt = 1,
		.usdt = { { .offset = 0x300, .name = "python:audit", .args = "8@%rax" } },
		.n_notes = 1,
		.notes = { "Something to know." },
	};
	char *text = plan_text(&plan), *golden;

	(void)state;
	if (getenv("UPDATE_GOLDEN"))
		write_file(PLANS "/every-part.txt", text);
	golden = read_file(PLANS "/every-part.txt");
	assert_non_null(golden);
	assert_string_equal(text, golden);
	free(text);
	free(golden);
	plan.machine = 183;
	plan.sites[1].site.frame_reg = 31;
	text = plan_text(&plan);
	assert_non_null(strstr(text, "; frame at [sp, #0x18]; next at [x6, #-0x30]\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pythons),	      cmocka_unit_test(test_arm64_pythons),
		cmocka_unit_test(test_no_python),     cmocka_unit_test(test_damaged_arm64),
		cmocka_unit_test(test_debug_build),   cmocka_unit_test(test_damaged_python),
		cmocka_unit_test(test_version_names), cmocka_unit_test(test_register_names),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
