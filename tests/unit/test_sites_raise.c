// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "site_bench.h"

/* The evaluation function calls PyTraceBack_Here, at 0x300, for its first frame of each exception. */
static void begin_exceptions(const char *code, size_t len)
{
	site_bench__begin(12);
	fake_elf__symbol(b.e, "PyTraceBack_Here", AT(0x300));
	PUT(AT(0), "\xe8\xfb\x02\x00\x00\xff\xe0");
	site_bench__put(AT(0x300), code, len);
	site_bench__search();
}

/* endbr64; push: emulated. endbr64; sub: not, and no later instruction will do: mov $0,0x70(%rbx);
 * push comes too late. */
static void test_exception(void **state)
{
	(void)state;
	begin_exceptions("\xf3\x0f\x1e\xfa\x55\xc3", 6);
	assert_int_equal(sites__exception(&b.s), 0);
	assert_int_equal(site_bench__only_site()->site.kind, VTBPF_SITE_EXCEPTION);
	assert_int_equal(site_bench__only_site()->site.flags, VTBPF_SITE_RAISES);
	assert_int_equal(site_bench__only_site()->site.frame_reg, RDI);
	assert_int_equal(site_bench__only_site()->offset, AT(0x304));
	site_bench__end();
	begin_exceptions("\xf3\x0f\x1e\xfa\x48\x83\xec\x58\x55\xc3", 10);
	assert_int_equal(sites__exception(&b.s), 0);
	assert_int_equal(site_bench__only_site()->offset, AT(0x300));
	site_bench__end();
}

/* throw() is seen at the same place: one site for both. */
static void test_exception_and_throw(void **state)
{
	(void)state;
	begin_exceptions("\xf3\x0f\x1e\xfa\x55\xc3", 6);
	assert_int_equal(sites__throw(&b.s), 0);
	assert_int_equal(site_bench__only_site()->site.flags, 0);
	assert_int_equal(sites__exception(&b.s), 0);
	assert_int_equal(site_bench__only_site()->site.kind, VTBPF_SITE_TRACEBACK);
	assert_int_equal(site_bench__only_site()->site.flags, VTBPF_SITE_RAISES);
	site_bench__end();
}

/* POP_EXCEPT is probed at its first instruction, with the frame and the instruction's address in the
 * registers of all handlers. Where handlers are cases of a switch there is nothing to go by. */
static void test_handled(void **state)
{
	const struct probe_site *site;

	(void)state;
	site_bench__begin(12);
	PUT(AT(0), "\xff\xe0");
	b.table.vaddr = AT(0x800);
	b.table.handlers[89] = AT(0x40);
	PUT(AT(0x40), "\x48\x8b\x47\x68\xff\xe0"); /* mov 0x68(%rdi),%rax */
	site_bench__search();
	b.s.frame_reg = RBX;
	b.s.next_reg = R12;
	assert_int_equal(sites__handled(&b.s), 0);
	site = site_bench__only_site();
	assert_int_equal(site->offset, AT(0x40));
	assert_int_equal(site->site.kind, VTBPF_SITE_HANDLED);
	assert_int_equal(site->site.frame_reg, RBX);
	assert_int_equal(site->site.instr_reg, R12);
	site_bench__end();
	site_bench__begin(9);
	PUT(AT(0), "\xff\xe0");
	b.table.vaddr = 0;
	site_bench__search();
	assert_int_equal(sites__handled(&b.s), -ENOENT);
	site_bench__end();
}

/* ---- inlined ---------------------------------------------------------------------------- */

/* mov 0x60(%rax),%rax; test; je 0x40; cmpq $0,8(%rax); je 0x40 */
#define QUESTION "\x48\x8b\x40\x60\x48\x85\xc0\x74\x37\x48\x83\x78\x08\x00\x74\x30"

static void begin_inlined(void)
{
	site_bench__begin(12);
	fake_elf__symbol(b.e, "PyTraceBack_Here", AT(0x300));
	PUT(AT(0x300), "\x55\xc3");
}

/* The branch at 0x7 and, for what C code raises, the function. */
static void assert_inlined(uint8_t reg, int16_t at, uint8_t flags)
{
	const struct probe_site *sites = b.plan.sites;

	site_bench__search();
	assert_int_equal(sites__exception(&b.s), 0);
	assert_int_equal(b.plan.n_sites, 2);
	assert_int_equal(sites[0].offset, AT(0x7));
	assert_int_equal(sites[0].site.kind, VTBPF_SITE_RAISED);
	assert_int_equal(sites[0].site.frame_reg, reg);
	assert_int_equal(sites[0].site.frame_at, at);
	assert_int_equal(sites[0].site.flags, VTBPF_SITE_RAISES | flags);
	assert_int_equal(sites[1].offset, AT(0x300));
	assert_int_equal(sites[1].site.kind, VTBPF_SITE_EXCEPTION);
	assert_int_equal(sites[1].site.flags, VTBPF_SITE_RAISES);
	site_bench__end();
}

static void assert_not_found(void)
{
	site_bench__search();
	assert_int_equal(sites__exception(&b.s), -ENOENT);
	assert_int_equal(b.plan.n_sites, 0);
	site_bench__end();
}

/* movzbl 0x46(%rbp),%eax: the frame is in rbp. Where none was set (0x40), it goes on there as well. */
static void test_inlined(void **state)
{
	(void)state;
	begin_inlined();
	PUT(AT(0), QUESTION "\x0f\xb6\x45\x46\xff\xe0");
	PUT(AT(0x40), "\xeb\xce");
	assert_inlined(RBP, 0, 0);
}

/* mov 0x18(%rsp),%rbx comes before: at the branch the frame is there. */
static void test_inlined_in_word(void **state)
{
	(void)state;
	begin_inlined();
	PUT(AT(0), QUESTION "\x48\x8b\x5c\x24\x18\x0f\xb6\x43\x46\xff\xe0");
	PUT(AT(0x40), "\xeb\xce");
	assert_inlined(RSP, 0x18, VTBPF_SITE_FRAME_IN_WORD);
}

/* mov (%rbx),%rbx: what is asked is no value of before. push: the word has moved meanwhile. */
static void test_inlined_elsewhere(void **state)
{
	(void)state;
	begin_inlined();
	PUT(AT(0), QUESTION "\x48\x8b\x1b\x0f\xb6\x43\x46\xff\xe0");
	PUT(AT(0x40), "\xff\xe0");
	assert_not_found();
	begin_inlined();
	PUT(AT(0), QUESTION "\x55\x48\x8b\x5c\x24\x18\x0f\xb6\x43\x46\xff\xe0");
	PUT(AT(0x40), "\xff\xe0");
	assert_not_found();
}

/* A handler comes to the owner without the question. */
static void test_inlined_bypassed(void **state)
{
	(void)state;
	begin_inlined();
	PUT(AT(0), "\xff\xe0");
	b.table.handlers[5] = AT(0x80);
	PUT(AT(0x80), QUESTION "\x0f\xb6\x45\x46\xff\xe0");
	PUT(AT(0xc0), "\xff\xe0");
	b.table.handlers[6] = AT(0x200);
	PUT(AT(0x200), "\xe9\x8b\xfe\xff\xff"); /* jmp 0x90 */
	assert_not_found();
}

/* Two questions: there may be a third one that has another look. */
static void test_inlined_twice(void **state)
{
	(void)state;
	begin_inlined();
	PUT(AT(0), QUESTION "\x0f\xb6\x45\x46\xff\xe0");
	PUT(AT(0x40), "\xff\xe0");
	b.table.handlers[5] = AT(0x80);
	PUT(AT(0x80), QUESTION "\x0f\xb6\x45\x46\xff\xe0");
	PUT(AT(0xc0), "\xff\xe0");
	assert_not_found();
}

/* The exception is asked for, but not the frame: many do. Another word of the state is. */
static void test_inlined_not(void **state)
{
	(void)state;
	begin_inlined();
	PUT(AT(0), QUESTION "\xff\xe0");
	PUT(AT(0x40), "\xff\xe0");
	assert_not_found();
	begin_inlined();
	PUT(AT(0), "\x48\x8b\x40\x68\x48\x85\xc0\x74\x37\x0f\xb6\x45\x46\xff\xe0");
	PUT(AT(0x40), "\xff\xe0");
	assert_not_found();
}

/* 3.11 keeps an exception as three: not asked for in this way. */
static void test_inlined_before_3_12(void **state)
{
	(void)state;
	site_bench__begin(11);
	fake_elf__symbol(b.e, "PyTraceBack_Here", AT(0x300));
	PUT(AT(0), QUESTION "\x0f\xb6\x45\x46\xff\xe0");
	PUT(AT(0x40), "\xff\xe0");
	PUT(AT(0x300), "\x55\xc3");
	assert_not_found();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exception),	 cmocka_unit_test(test_exception_and_throw),
		cmocka_unit_test(test_handled),		 cmocka_unit_test(test_inlined),
		cmocka_unit_test(test_inlined_in_word),	 cmocka_unit_test(test_inlined_elsewhere),
		cmocka_unit_test(test_inlined_bypassed), cmocka_unit_test(test_inlined_twice),
		cmocka_unit_test(test_inlined_not),	 cmocka_unit_test(test_inlined_before_3_12),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
