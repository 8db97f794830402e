// SPDX-License-Identifier: GPL-2.0-only
/* The rules on code made for them; tests/unit/test_probe_plan.c tries them on real interpreters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "site_bench.h"

static const struct cpython_opcode resume = { "RESUME", 149, VTBPF_SITE_ENTRY };

/* mov %r15,0x38(%rbx); add $2,%r15; jne; jmp *%rax */
static void test_branch_of_handler(void **state)
{
	(void)state;
	site_bench__begin(13);
	PUT(HANDLER, "\x4c\x89\x7b\x38\x49\x83\xc7\x02\x75\x02\xff\xe0\xc3");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER + 8);
	assert_int_equal(site_bench__only_site()->entry_offset, HANDLER);
	assert_int_equal(site_bench__only_site()->cost, COST_EMULATED);
	assert_int_equal(site_bench__only_site()->site.frame_reg, RBX);
	assert_int_equal(site_bench__only_site()->site.instr_reg, R15);
	assert_int_equal(site_bench__only_site()->site.flags, VTBPF_SITE_INSTR_ADVANCED);
	assert_string_equal(site_bench__only_site()->name, "RESUME");
	site_bench__end();
}

/* endbr64; push: the byte after the landing pad */
static void test_landing_pad(void **state)
{
	(void)state;
	site_bench__begin(13);
	PUT(HANDLER, "\xf3\x0f\x1e\xfa\x55\xc3");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER + 4);
	assert_int_equal(site_bench__only_site()->site.instr_reg, R15);
	assert_int_equal(site_bench__only_site()->site.flags, 0);
	site_bench__end();
}

/* Other code jumps to behind the first instruction: a branch further on would see it twice. */
static void test_joined_handler(void **state)
{
	(void)state;
	site_bench__begin(13);
	PUT(AT(0), "\xe9\xff\x00\x00\x00"); /* jmp HANDLER + 4 */
	PUT(HANDLER, "\x4c\x89\x7b\x38\x49\x83\xc7\x02\x75\x02\xff\xe0\xc3");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER);
	assert_int_equal(site_bench__only_site()->cost, COST_SINGLE_STEP);
	site_bench__end();
}

/* RESUME_CHECK, at 0x200 (mov %r15,0x38(%rbx); jne), gives up by going on in RESUME: its entry is
 * seen twice, with the same frame and next_instr. */
static void test_joined_by_resume_check(void **state)
{
	(void)state;
	site_bench__begin(13);
	b.table.handlers[149] = HANDLER;
	b.table.handlers[207] = AT(0x200);
	PUT(HANDLER, "\x4c\x89\x7b\x38\x75\x02\xff\xe0\xc3");
	PUT(AT(0x200), "\x4c\x89\x7b\x38\x0f\x85\xfa\xfe\xff\xff\xff\xe0"); /* jne HANDLER + 4 */
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER + 4);
	assert_int_equal(site_bench__only_site()->site.instr_reg, R15);
	site_bench__end();
}

/* The two have moved next_instr by different lengths: behind the label it is not known. */
static void test_joined_in_disagreement(void **state)
{
	(void)state;
	site_bench__begin(13);
	b.table.handlers[149] = HANDLER;
	b.table.handlers[207] = AT(0x200);
	PUT(HANDLER, "\x4c\x89\x7b\x38\x75\x02\xff\xe0\xc3");
	PUT(AT(0x200), "\x49\x83\xc7\x02\x0f\x85\xfa\xfe\xff\xff\xff\xe0");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER);
	site_bench__end();
}

/* mov %rbx,%rax; mov 8(%rbx),%rbx; jmp: the frame is left, but a copy is there */
static void test_frame_in_copy(void **state)
{
	(void)state;
	site_bench__begin(13);
	PUT(HANDLER, "\x48\x89\xd8\x48\x8b\x5b\x08\xeb\x00\xc3");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER + 7);
	assert_int_equal(site_bench__only_site()->site.frame_reg, 0);
	site_bench__end();
}

/* mov %rbx,0x18(%rsp); lea 2(%r15),%rbx; jne: the frame's register is used for something else, but
 * a word of the stack holds it */
static void test_frame_in_word(void **state)
{
	const struct vtbpf_site *site;

	(void)state;
	site_bench__begin(13);
	PUT(HANDLER, "\x48\x89\x5c\x24\x18\x49\x8d\x5f\x02\x75\x02\xff\xe0\xc3");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	site = &site_bench__only_site()->site;
	assert_int_equal(site_bench__only_site()->offset, HANDLER + 9);
	assert_int_equal(site_bench__only_site()->cost, COST_EMULATED);
	assert_int_equal(site->frame_reg, RSP);
	assert_int_equal(site->frame_at, 0x18);
	assert_int_equal(site->instr_reg, R15);
	assert_int_equal(site->instr_at, 0);
	assert_int_equal(site->flags, VTBPF_SITE_FRAME_IN_WORD);
	site_bench__end();
}

/* add $2,%r15; mov %r15,0x20(%rsp); xor %r15d,%r15d; jne */
static void test_next_instr_in_word(void **state)
{
	const struct vtbpf_site *site;

	(void)state;
	site_bench__begin(13);
	PUT(HANDLER, "\x49\x83\xc7\x02\x4c\x89\x7c\x24\x20\x45\x31\xff\x75\x02\xff\xe0\xc3");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	site = &site_bench__only_site()->site;
	assert_int_equal(site_bench__only_site()->offset, HANDLER + 12);
	assert_int_equal(site->frame_reg, RBX);
	assert_int_equal(site->frame_at, 0);
	assert_int_equal(site->instr_reg, RSP);
	assert_int_equal(site->instr_at, 0x20);
	assert_int_equal(site->flags, VTBPF_SITE_INSTR_IN_WORD | VTBPF_SITE_INSTR_ADVANCED);
	site_bench__end();
}

/* The word is overwritten (mov %eax,0x1c(%rsp)); the stack pointer moves (sub $8,%rsp); half of the
 * frame is moved (mov %ebx,0x18(%rsp)); rbp is any pointer (mov %rbx,0x18(%rbp)). */
static void test_word_not_known(void **state)
{
	static const char *const codes[] = {
		"\x48\x89\x5c\x24\x18\x31\xdb\x89\x44\x24\x1c\x75\x02\xff\xe0\xc3",
		"\x48\x89\x5c\x24\x18\x31\xdb\x48\x83\xec\x08\x75\x02\xff\xe0\xc3",
		"\x89\x5c\x24\x18\x31\xdb\x75\x02\xff\xe0\xc3\xc3\xc3\xc3\xc3\xc3",
		"\x48\x89\x5d\x18\x31\xdb\x75\x02\xff\xe0\xc3\xc3\xc3\xc3\xc3\xc3",
	};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		site_bench__begin(13);
		site_bench__put(HANDLER, codes[i], 16);
		site_bench__search();
		assert_int_equal(sites__add_handler(&b.s, &resume), 0);
		assert_int_equal(site_bench__only_site()->offset, HANDLER);
		assert_int_equal(site_bench__only_site()->site.frame_reg, RBX);
		assert_int_equal(site_bench__only_site()->site.flags, 0);
		site_bench__end();
	}
}

/* mov %rbx,-0x30(%rbp); xor %ebx,%ebx; jne */
static void test_frame_pointer(void **state)
{
	(void)state;
	site_bench__begin(13);
	PUT(HANDLER, "\x48\x89\x5d\xd0\x31\xdb\x75\x02\xff\xe0\xc3");
	site_bench__search();
	b.s.fp_is_frame = true;
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER + 6);
	assert_int_equal(site_bench__only_site()->site.frame_reg, RBP);
	assert_int_equal(site_bench__only_site()->site.frame_at, -0x30);
	assert_int_equal(site_bench__only_site()->site.flags, VTBPF_SITE_FRAME_IN_WORD);
	site_bench__end();
}

/* A word that is further away than a site can say: mov %rbx,0x12340(%rsp) */
static void test_word_too_far(void **state)
{
	(void)state;
	site_bench__begin(13);
	PUT(HANDLER, "\x48\x89\x9c\x24\x40\x23\x01\x00\x31\xdb\x75\x02\xff\xe0\xc3");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER);
	assert_int_equal(site_bench__only_site()->site.flags, 0);
	site_bench__end();
}

/* RESUME_CHECK joins with the frame in the same word, as BOLT leaves it, or in another one. */
static void test_joined_with_word(void **state)
{
	static const char words[] = { 0x18, 0x10 };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		char check[] = "\x48\x89\x5c\x24\x18\x31\xdb\x0f\x85\xfa\xfe\xff\xff\xff\xe0";

		check[4] = words[i];
		site_bench__begin(13);
		b.table.handlers[149] = HANDLER;
		b.table.handlers[207] = AT(0x200);
		/* mov %rbx,0x18(%rsp); xor %ebx,%ebx; jne */
		PUT(HANDLER, "\x48\x89\x5c\x24\x18\x31\xdb\x75\x02\xff\xe0\xc3");
		site_bench__put(AT(0x200), check, sizeof(check) - 1); /* jne HANDLER + 7 */
		site_bench__search();
		assert_int_equal(sites__add_handler(&b.s, &resume), 0);
		assert_int_equal(site_bench__only_site()->offset, HANDLER + (i ? 0 : 7));
		site_bench__end();
	}
}

/* mov 8(%rbx),%rbx; jmp: no register holds the frame */
static void test_frame_lost(void **state)
{
	const struct cpython_opcode yield = { "YIELD_VALUE", 118, VTBPF_SITE_YIELD };

	(void)state;
	site_bench__begin(13);
	PUT(HANDLER, "\x48\x8b\x5b\x08\xeb\x00\xc3");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &yield), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER);
	assert_int_equal(site_bench__only_site()->site.instr_reg, VTBPF_NO_REG);
	site_bench__end();
}

/* mov 8(%rbx),%rbx; movq $0,8(%rbp); jmp: the frame that yielded is the one that loses its
 * caller. */
static void test_yield_frame_named(void **state)
{
	const struct cpython_opcode yield = { "YIELD_VALUE", 150, VTBPF_SITE_YIELD };

	(void)state;
	site_bench__begin(12);
	PUT(HANDLER, "\x48\x8b\x5b\x08\x48\xc7\x45\x08\0\0\0\0\xeb\x00\xc3");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &yield), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER + 12);
	assert_int_equal(site_bench__only_site()->site.frame_reg, RBP);
	site_bench__end();
}

/* Its register is written to before the jmp; the jmp is before the store; another field is set to
 * 0; the handler is not YIELD_VALUE's. */
static void test_yield_frame_not_named(void **state)
{
	const struct cpython_opcode yield = { "YIELD_VALUE", 150, VTBPF_SITE_YIELD };
	static const char *const codes[] = {
		"\x48\x8b\x5b\x08\x48\xc7\x45\x08\0\0\0\0\x89\xc5\xeb\x00\xc3\xc3",
		"\x48\x8b\x5b\x08\xeb\x00\x48\xc7\x45\x08\0\0\0\0\xff\xe0\xc3\xc3",
		"\x48\x8b\x5b\x08\x48\xc7\x45\x10\0\0\0\0\xeb\x00\xc3\xc3\xc3\xc3",
		"\x48\x8b\x5b\x08\x48\xc7\x45\x08\0\0\0\0\xeb\x00\xc3\xc3\xc3\xc3",
	};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		site_bench__begin(12);
		site_bench__put(HANDLER, codes[i], 18);
		site_bench__search();
		assert_int_equal(sites__add_handler(&b.s, i < 3 ? &yield : &resume), 0);
		assert_int_equal(site_bench__only_site()->offset, HANDLER);
		assert_int_equal(site_bench__only_site()->site.frame_reg, RBX);
		site_bench__end();
	}
}

/* add $4,%r15; jne: next_instr is behind an inline cache. add $8: how far it may have moved must be
 * known at an entry. */
static void test_next_instr_lost(void **state)
{
	const struct cpython_opcode yield = { "YIELD_VALUE", 118, VTBPF_SITE_YIELD };

	(void)state;
	site_bench__begin(13);
	PUT(HANDLER, "\x49\x83\xc7\x04\x75\x02\xff\xe0\xc3");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER + 4);
	assert_int_equal(site_bench__only_site()->site.instr_reg, R15);
	assert_int_equal(site_bench__only_site()->site.flags, 2);
	site_bench__end();
	site_bench__begin(13);
	PUT(HANDLER, "\x49\x83\xc7\x08\x75\x02\xff\xe0\xc3");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER);
	assert_int_equal(site_bench__only_site()->site.instr_reg, R15);
	b.plan.n_sites = 0;
	assert_int_equal(sites__add_handler(&b.s, &yield), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER + 4);
	site_bench__end();
}

/* An indirect call may run other Python code: nothing behind it stands for the handler. */
static void test_call_in_between(void **state)
{
	(void)state;
	site_bench__begin(13);
	PUT(HANDLER, "\xff\xd0\x75\x00\xc3");
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER);
	site_bench__end();
}

static void test_same_address_once(void **state)
{
	(void)state;
	site_bench__begin(13);
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(b.plan.n_sites, 1);
	site_bench__end();
}

/* Twenty handlers that say: mov %r12,0x38(%rbp); jmp *%rax */
static void begin_with_stores(void)
{
	size_t i;

	site_bench__begin(13);
	for (i = 0; i < 20; i++) {
		b.table.handlers[i] = AT(0x200 + 16 * i);
		PUT(b.table.handlers[i], "\x4c\x89\x65\x38\xff\xe0");
	}
}

static void test_registers(void **state)
{
	(void)state;
	begin_with_stores();
	site_bench__search();
	b.s.frame_reg = b.s.next_reg = INSN_NO_REG;
	assert_int_equal(sites__find_registers(&b.s), 0);
	assert_false(b.s.fp_is_frame);
	assert_int_equal(b.s.frame_reg, RBP);
	assert_int_equal(b.s.next_reg, R12);
	site_bench__end();
	site_bench__begin(13);
	site_bench__search();
	assert_int_equal(sites__find_registers(&b.s), -ENOENT);
	site_bench__end();
}

/* push %rbp; mov %rsp,%rbp; pop %rbp; ret. In the second function it is used for something else. */
static void test_frame_pointer_found(void **state)
{
	static const char *const codes[] = { "\x55\x48\x89\xe5\x90\x90\x90\x5d\xc3",
					     "\x55\x48\x89\xe5\x48\x89\xc5\x5d\xc3" };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin_with_stores();
		site_bench__put(AT(0), codes[i], 9);
		site_bench__search();
		assert_int_equal(sites__find_registers(&b.s), 0);
		assert_int_equal(b.s.fp_is_frame, !i);
		site_bench__end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_branch_of_handler),
		cmocka_unit_test(test_landing_pad),
		cmocka_unit_test(test_joined_handler),
		cmocka_unit_test(test_joined_by_resume_check),
		cmocka_unit_test(test_joined_in_disagreement),
		cmocka_unit_test(test_frame_in_copy),
		cmocka_unit_test(test_frame_in_word),
		cmocka_unit_test(test_next_instr_in_word),
		cmocka_unit_test(test_word_not_known),
		cmocka_unit_test(test_frame_pointer),
		cmocka_unit_test(test_word_too_far),
		cmocka_unit_test(test_joined_with_word),
		cmocka_unit_test(test_frame_lost),
		cmocka_unit_test(test_yield_frame_named),
		cmocka_unit_test(test_yield_frame_not_named),
		cmocka_unit_test(test_next_instr_lost),
		cmocka_unit_test(test_call_in_between),
		cmocka_unit_test(test_same_address_once),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_frame_pointer_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
