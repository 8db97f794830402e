// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/discover/cpython.h"
#include "../../user/discover/probe_plan.h"
#include "../../user/discover/tail_call.h"
#include "fake_elf.h"

#define AT(n) (FAKE_CODE + (n))
#define EVAL AT(0)
#define TABLE (FAKE_DATA + 0x800)
#define PUT(e, at, code) fake_elf__put(e, at, code, sizeof(code) - 1)

static bool is_used(struct fake_elf *e)
{
	int fd = fake_elf__open(e);
	struct elf_image *img = elf_image__new(fd);
	struct decoder *d = decoder__new(EM_X86_64);
	bool used = tail_call__is_used(img, d, EVAL);

	decoder__free(d);
	elf_image__free(img);
	close(fd);
	return used;
}

static void test_is_used(void **state)
{
	static struct fake_elf e;

	(void)state;
	fake_elf__init(&e);
	PUT(&e, EVAL, "\xe8\xfb\0\0\0\xc3"); /* call; ret */
	assert_true(is_used(&e));
	fake_elf__init(&e);
	PUT(&e, EVAL, "\xff\xe0"); /* jmp *%rax */
	assert_false(is_used(&e));
	fake_elf__init(&e);
	PUT(&e, EVAL, "\xff\xe0");
	fake_elf__symbol(&e, "_TAIL_CALL_RESUME", AT(0x100));
	assert_true(is_used(&e));
}

static void put_offsets(struct fake_elf *e)
{
	const struct cpython *py = cpython__of(14);
	const struct cpython_debug_offsets *d = &py->debug;

	fake_elf__put(e, FAKE_DATA, "xdebugpy", 8);
	fake_elf__put_u64(e, FAKE_DATA + 8, 0x030e00f0);
	fake_elf__put_u64(e, FAKE_DATA + d->frame_previous, py->layout.frame_previous);
	fake_elf__put_u64(e, FAKE_DATA + d->frame_executable, py->layout.frame_code);
	fake_elf__put_u64(e, FAKE_DATA + d->frame_localsplus, py->layout.frame_localsplus);
	fake_elf__put_u64(e, FAKE_DATA + d->frame_owner, py->layout.frame_owner);
	fake_elf__put_u64(e, FAKE_DATA + d->code_filename, py->layout.code_filename);
	fake_elf__put_u64(e, FAKE_DATA + d->code_qualname, py->layout.code_name);
	fake_elf__put_u64(e, FAKE_DATA + d->code_firstlineno, py->layout.code_firstlineno);
	fake_elf__put_u64(e, FAKE_DATA + d->str_state, py->layout.str_state);
	fake_elf__put_u64(e, FAKE_DATA + d->str_length, py->layout.str_length);
	fake_elf__put_u64(e, FAKE_DATA + d->str_ascii, py->layout.str_ascii);
}

/*
 * Handlers as clang 19 makes them of preserve_none functions: frame in r12, next_instr in r15.
 * mov %r15,0x38(%r12); add $2,%r15; jne +0; jmp *%rax. RETURN_VALUE calls the function that asks
 * for the owner, at 0x10.
 */
static void put_handlers(struct fake_elf *e)
{
	const struct cpython *py = cpython__of(14);
	bool holes[256];
	int op;

	cpython__holes(py, holes);
	PUT(e, AT(0x40), "\x0f\x0b");
	for (op = 0; op < 256; op++) {
		uint64_t at = AT(0x100 + 0xc * op);

		PUT(e, at, "\x4d\x89\x7c\x24\x38\xff\xe0");
		if (op == 128 || op == 196 || op == 120) /* RESUME, RESUME_CHECK, YIELD_VALUE */
			PUT(e, at, "\x4d\x89\x7c\x24\x38\x75\x00\xff\xe0");
		fake_elf__put_u64(e, TABLE + 8 * (uint64_t)op, holes[op] ? AT(0x40) : at);
	}
	fake_elf__put_u64(e, TABLE + 8 * 35, AT(0x50));
	PUT(e, AT(0x50), "\x4d\x89\x7c\x24\x38\xe8\xb6\xff\xff\xff\xff\xe0"); /* call 0x10 */
	PUT(e, AT(0x10), "\x55\x80\x7e\x4a\x00\x75\x00\xc3");
}

/* A whole plan of such a build, by the usual rules. */
static void test_plan(void **state)
{
	static struct fake_elf e;
	static struct probe_plan plan;
	char why[256] = "";
	int fd;

	(void)state;
	fake_elf__init(&e);
	PUT(&e, EVAL, "\xe8\xfb\0\0\0\xc3");
	put_offsets(&e);
	put_handlers(&e);
	fake_elf__symbol(&e, "_PyRuntime", FAKE_DATA);
	fake_elf__symbol(&e, "_PyEval_EvalFrameDefault", EVAL);
	fd = fake_elf__open(&e);
	assert_int_equal(probe_plan__make(fd, &plan, why, sizeof(why)), 0);
	close(fd);
	assert_string_equal(why, "");
	assert_true(plan.tail_call);
	assert_int_equal(plan.table_vaddr, TABLE);
	assert_int_equal(plan.frame_reg, 12);
	assert_int_equal(plan.sites[0].site.instr_reg, 15);
	assert_int_equal(plan.sites[0].offset, AT(0x100 + 0xc * 128 + 5));
	assert_int_equal(plan.sites[plan.n_sites - 1].site.kind, VTBPF_SITE_EXIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_used),
		cmocka_unit_test(test_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
