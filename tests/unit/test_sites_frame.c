// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "site_bench.h"

/* mov %rsi,%rbx; mov %rdi,%rbp; je 0x30 (too deep); mov %rbx,0x18(%rbp); je 0x20; [0x20:]
 * mov 0x18(%rbx),%rax; mov %rax,0x18(%rbp); call; 0x30: pop; ret */
static void put_frame_function(void)
{
	PUT(AT(0), "\x48\x89\xf3\x48\x89\xfd\x74\x28\x48\x89\x5d\x18\x74\x12\xeb\x10");
	PUT(AT(0x20), "\x48\x8b\x43\x18\x48\x89\x45\x18\xe8\xd3\x00\x00\x00\x90\x90\x90");
	PUT(AT(0x30), "\x5d\xc3");
}

static void test_frame_function(void **state)
{
	(void)state;
	site_bench__begin(10);
	put_frame_function();
	site_bench__search();
	assert_int_equal(sites__frame_function(&b.s), 0);
	assert_int_equal(b.plan.n_sites, 2);
	assert_int_equal(b.plan.sites[0].offset, AT(0x0c));
	assert_int_equal(b.plan.sites[0].site.kind, VTBPF_SITE_ENTRY);
	assert_int_equal(b.plan.sites[0].site.frame_reg, RBX);
	assert_int_equal(b.plan.sites[1].offset, AT(0x28));
	assert_int_equal(b.plan.sites[1].site.kind, VTBPF_SITE_EXIT);
	assert_int_equal(b.plan.sites[1].site.frame_reg, RBX);
	assert_int_equal(b.plan.n_notes, 0);
	site_bench__end();
}

/* A handler returns without the store: where calls end is not known. */
static void test_frame_function_incomplete(void **state)
{
	(void)state;
	site_bench__begin(10);
	put_frame_function();
	PUT(AT(0x0e), "\xff\xe0"); /* jmp *%rax instead of jmp 0x20 */
	b.table.handlers[83] = AT(0x200);
	PUT(AT(0x200), "\xe9\x2b\xfe\xff\xff"); /* jmp 0x30 */
	site_bench__search();
	assert_int_equal(sites__frame_function(&b.s), -ENOENT);
	site_bench__end();
}

/* The caller's frame is loaded into the frame's own register: 0x20: jle 0x26; xor %esi,%esi;
 * nop; 0x26: mov 0x18(%rbx),%rbx; mov %rbx,0x18(%rbp); je 0x30; 0x30: pop; ret */
static void put_frame_replaced(const char *branch)
{
	put_frame_function();
	site_bench__put(AT(0x20), branch, 2);
	PUT(AT(0x22), "\x31\xf6\x66\x90\x48\x8b\x5b\x18\x48\x89\x5d\x18\x74\x00");
}

/* The last branch before the load, then, has the frame. */
static void test_frame_replaced(void **state)
{
	(void)state;
	site_bench__begin(10);
	put_frame_replaced("\x7e\x04");
	site_bench__search();
	assert_int_equal(sites__frame_function(&b.s), 0);
	assert_int_equal(b.plan.n_sites, 2);
	assert_int_equal(b.plan.sites[1].offset, AT(0x20));
	assert_int_equal(b.plan.sites[1].site.frame_reg, RBX);
	site_bench__end();
}

/* jle 0x24; jmp 0x26: both lead to the load, but the second only behind the first. */
static void test_frame_replaced_behind_two(void **state)
{
	(void)state;
	site_bench__begin(10);
	put_frame_replaced("\x7e\x02");
	PUT(AT(0x22), "\xeb\x02\x31\xf6");
	site_bench__search();
	assert_int_equal(sites__frame_function(&b.s), 0);
	assert_int_equal(b.plan.n_sites, 2);
	assert_int_equal(b.plan.sites[1].offset, AT(0x20));
	assert_int_equal(b.plan.sites[1].cost, COST_EMULATED);
	site_bench__end();
}

/* That branch may also lead back to the handlers: only the load itself is sure. */
static void test_frame_replaced_unsure(void **state)
{
	(void)state;
	site_bench__begin(10);
	PUT(AT(0x40), "\xff\xe0");
	put_frame_replaced("\x7e\x1e");
	site_bench__search();
	assert_int_equal(sites__frame_function(&b.s), 0);
	assert_int_equal(b.plan.n_sites, 2);
	assert_int_equal(b.plan.sites[1].offset, AT(0x26));
	assert_int_equal(b.plan.sites[1].cost, COST_SINGLE_STEP);
	site_bench__end();
}

/* The frame is begun on a second way, too: 0x30: mov %rbx,0x18(%rbp); jne 0x20 */
static void test_frame_begun_twice(void **state)
{
	(void)state;
	site_bench__begin(10);
	put_frame_function();
	PUT(AT(0x30), "\x48\x89\x5d\x18\x75\xea\x5d\xc3");
	site_bench__search();
	assert_int_equal(sites__frame_function(&b.s), -ENOENT); /* not taken, it returns */
	site_bench__end();
	site_bench__begin(10);
	put_frame_function();
	PUT(AT(0x2d), "\xeb\x31");
	PUT(AT(0x60), "\x5d\xc3");
	PUT(AT(0x30), "\x48\x89\x5d\x18\x75\xea\xeb\xe8");
	site_bench__search();
	assert_int_equal(sites__frame_function(&b.s), 0);
	assert_int_equal(b.plan.n_sites, 3);
	assert_int_equal(b.plan.sites[0].offset, AT(0x0c));
	assert_int_equal(b.plan.sites[1].offset, AT(0x34));
	assert_int_equal(b.plan.sites[1].site.kind, VTBPF_SITE_ENTRY);
	site_bench__end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame_function),
		cmocka_unit_test(test_frame_function_incomplete),
		cmocka_unit_test(test_frame_replaced),
		cmocka_unit_test(test_frame_replaced_behind_two),
		cmocka_unit_test(test_frame_replaced_unsure),
		cmocka_unit_test(test_frame_begun_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
