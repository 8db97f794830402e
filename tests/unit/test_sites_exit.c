// SPDX-License-Identifier: GPL-2.0-only
/* The rules for the ends of calls from 3.12 on, on code made for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "site_bench.h"

/* RETURN_VALUE calls a function that asks cmpb $0,0x46(%rsi); jne */
static void test_owner_called(void **state)
{
	(void)state;
	site_bench__begin(12);
	b.table.handlers[83] = AT(0x200);
	PUT(AT(0x200), "\xe8\xfb\x00\x00\x00\xff\xe0"); /* call 0x300 */
	PUT(AT(0x300), "\x55\x80\x7e\x46\x00\x75\x01\xc3\xc3");
	site_bench__search();
	assert_int_equal(sites__owner_exits(&b.s), 0);
	assert_int_equal(site_bench__only_site()->offset, AT(0x300)); /* the push */
	assert_int_equal(site_bench__only_site()->entry_offset, AT(0x300));
	assert_int_equal(site_bench__only_site()->site.frame_reg, RSI);
	assert_int_equal(site_bench__only_site()->site.kind, VTBPF_SITE_EXIT);
	site_bench__end();
}

static void test_owner_inlined(void **state)
{
	(void)state;
	site_bench__begin(12);
	b.table.handlers[83] = AT(0x200);
	PUT(AT(0x200),
	    "\x80\x7b\x46\x00\x89\xc8\x75\x00\xff\xe0"); /* a mov between compare and branch */
	site_bench__search();
	assert_int_equal(sites__owner_exits(&b.s), 0);
	assert_int_equal(site_bench__only_site()->offset, AT(0x206));
	assert_int_equal(site_bench__only_site()->site.frame_reg, RBX);
	site_bench__end();
}

/* mov %rbx,0x18(%rsp); cmpb $0,0x46(%rbx); mov 0x8(%rsp),%rbx; jne: the word was not filled since the
 * question began, so it is not known. cmpb; mov %rbx,0x18(%rsp); mov 0x8(%rsp),%rbx; jne */
static void test_owner_in_word(void **state)
{
	static const char *const codes[] = {
		"\x80\x7b\x46\x00\x48\x89\x5c\x24\x18\x48\x8b\x5c\x24\x08\x75\x00\xff\xe0",
		"\x48\x89\x5c\x24\x18\x80\x7b\x46\x00\x48\x8b\x5c\x24\x08\x75\x00\xff\xe0",
	};
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		site_bench__begin(12);
		b.table.handlers[83] = AT(0x200);
		site_bench__put(AT(0x200), codes[i], 18);
		site_bench__search();
		assert_int_equal(sites__owner_exits(&b.s), i ? -ENOENT : 0);
		if (!i) {
			assert_int_equal(site_bench__only_site()->offset, AT(0x20e));
			assert_int_equal(site_bench__only_site()->site.frame_reg, RSP);
			assert_int_equal(site_bench__only_site()->site.frame_at, 0x18);
		}
		site_bench__end();
	}
}

/* The frame's register is overwritten before the branch; another byte is compared; another
 * value. */
static void test_owner_not_found(void **state)
{
	static const char *const codes[] = { "\x80\x7b\x46\x00\x89\xcb\x75\x00\xff\xe0",
					     "\x80\x7b\x47\x00\x89\xc8\x75\x00\xff\xe0",
					     "\x80\x7b\x46\x01\x89\xc8\x75\x00\xff\xe0" };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		site_bench__begin(12);
		b.table.handlers[83] = AT(0x200);
		site_bench__put(AT(0x200), codes[i], 10);
		site_bench__search();
		assert_int_equal(sites__owner_exits(&b.s), -ENOENT);
		site_bench__end();
	}
}

/* More copies of the question than there is room for: what is left out would be calls without an
 * end. */
static void test_owner_inlined_often(void **state)
{
	size_t i, n;

	(void)state;
	for (n = VTBPF_MAX_SITES; n <= VTBPF_MAX_SITES + 1; n++) {
		site_bench__begin(12);
		for (i = 0; i < n; i++) { /* cmpb $0,0x46(%rbx); jne; jmp *%rax */
			b.table.handlers[i] = AT(0x200 + 8 * i);
			PUT(b.table.handlers[i], "\x80\x7b\x46\x00\x75\x00\xff\xe0");
		}
		site_bench__search();
		assert_int_equal(sites__owner_exits(&b.s), n > VTBPF_MAX_SITES ? -ENOSPC : 0);
		assert_int_equal(b.plan.n_sites, VTBPF_MAX_SITES);
		site_bench__end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owner_called),	cmocka_unit_test(test_owner_inlined),
		cmocka_unit_test(test_owner_in_word),	cmocka_unit_test(test_owner_inlined_often),
		cmocka_unit_test(test_owner_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
