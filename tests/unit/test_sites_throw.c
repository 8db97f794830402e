// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "site_bench.h"

/* mov %rsi,%rbx; test %edx,%edx; jne 0x40; jmp *%rax. 0x40: dec %ecx; js */
static void test_throw_block(void **state)
{
	(void)state;
	site_bench__begin(12);
	PUT(AT(0), "\x48\x89\xf3\x85\xd2\x75\x39\xff\xe0");
	PUT(AT(0x3f), "\xc3\xff\xc9\x78\x00\xff\xe0");
	site_bench__search();
	assert_int_equal(sites__throw(&b.s), 0);
	assert_int_equal(site_bench__only_site()->offset, AT(0x42));
	assert_int_equal(site_bench__only_site()->site.kind, VTBPF_SITE_THROW);
	assert_int_equal(site_bench__only_site()->site.frame_reg, RBX);
	site_bench__end();
}

/* throwflag is asked for twice: where the recursion limit was checked (0x20: call; reload; test;
 * je 0x7; jmp 0x40) the flag comes from the stack. The site is on both lines. */
static void test_throw_block_of_two(void **state)
{
	(void)state;
	site_bench__begin(12);
	PUT(AT(0),
	    "\x48\x89\xf3\x55\x78\x1a\x85\xd2\x75\x36\xff\xe0\xc3"); /* mov; push; js 0x20; test; jne */
	PUT(AT(0x1f),
	    "\xc3\x89\x54\x24\x08\xe8\x57\x00\x00\x00\x8b\x54\x24\x08\x85\xd2\x74\xd9\xeb\x0d");
	PUT(AT(0x3f), "\xc3\xff\xc9\x78\x00\xff\xe0");
	PUT(AT(0x80), "\xc3");
	site_bench__search();
	assert_int_equal(sites__throw(&b.s), 0);
	assert_int_equal(site_bench__only_site()->offset, AT(0x42));
	assert_int_equal(site_bench__only_site()->site.frame_reg, RBX);
	site_bench__end();
}

/* The same, but a handler jumps into the block: PyTraceBack_Here, which is called, takes its
 * place. */
static void test_throw_block_joined(void **state)
{
	(void)state;
	site_bench__begin(12);
	fake_elf__symbol(b.e, "PyTraceBack_Here", AT(0x300));
	PUT(AT(0), "\x48\x89\xf3\x85\xd2\x75\x39\xff\xe0");
	PUT(AT(0x40), "\xff\xc9\x78\x00\xff\xe0");
	b.table.handlers[5] = AT(0x200);
	PUT(AT(0x200), "\xe8\xfb\x00\x00\x00\xe9\x36\xfe\xff\xff"); /* call 0x300; jmp 0x40 */
	PUT(AT(0x300), "\xf3\x0f\x1e\xfa\x55\xc3");
	site_bench__search();
	assert_int_equal(sites__throw(&b.s), 0);
	assert_int_equal(site_bench__only_site()->site.kind, VTBPF_SITE_TRACEBACK);
	assert_int_equal(site_bench__only_site()->offset, AT(0x304));
	assert_int_equal(site_bench__only_site()->site.frame_reg, RDI);
	site_bench__end();
}

/* Neither a block nor a call: said in a note. */
static void test_throw_unseen(void **state)
{
	(void)state;
	site_bench__begin(12);
	site_bench__search();
	assert_int_equal(sites__throw(&b.s), 0);
	assert_int_equal(b.plan.n_sites, 0);
	assert_int_equal(b.plan.n_notes, 1);
	site_bench__end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_throw_block),
		cmocka_unit_test(test_throw_block_of_two),
		cmocka_unit_test(test_throw_block_joined),
		cmocka_unit_test(test_throw_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
