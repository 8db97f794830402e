// SPDX-License-Identifier: GPL-2.0-only
/* The rules on code of arm64: there a byte is loaded by one instruction and compared by another,
 * which often is the branch itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "site_bench.h"

#define RET 0xd65f03c0
#define BR_X0 0xd61f0000
#define BTI_J 0xd503249f
#define LDRB_W1_X3_OWNER 0x39411861 /* ldrb w1, [x3, #0x46] */
#define ADD_W2 0x11000402	    /* add w2, w0, #1 */
#define CBNZ_W1 0x35000041	    /* cbnz w1, .+8 */
#define CMP_W1_0 0x7100003f
#define CMP_W1_3 0x71000c3f
#define BNE 0x54000041 /* b.ne .+8 */

static const struct cpython_opcode resume = { "RESUME", 149, VTBPF_SITE_ENTRY };

/* bti j; str x15, [x3, #0x38]; add x15, x15, #2; tbnz w1, #0 */
static void test_handler(void **state)
{
	(void)state;
	site_bench__begin_arm64(13);
	PUT_WORDS(HANDLER, BTI_J, 0xf9001c6f, 0x910009ef, 0x37000041, BR_X0, RET);
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER + 12);
	assert_int_equal(site_bench__only_site()->cost, COST_EMULATED);
	assert_int_equal(site_bench__only_site()->site.frame_reg, 3);
	assert_int_equal(site_bench__only_site()->site.instr_reg, 15);
	assert_int_equal(site_bench__only_site()->site.flags, VTBPF_SITE_INSTR_ADVANCED);
	site_bench__end();
}

/* str x3, [sp, #0x18]; mov x3, x5; tbnz w1, #0: a word of the stack holds the frame */
static void test_frame_in_word(void **state)
{
	(void)state;
	site_bench__begin_arm64(13);
	PUT_WORDS(HANDLER, 0xf9000fe3, 0xaa0503e3, 0x37000041, BR_X0, RET);
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(site_bench__only_site()->offset, HANDLER + 8);
	assert_int_equal(site_bench__only_site()->site.frame_reg, 31);
	assert_int_equal(site_bench__only_site()->site.frame_at, 0x18);
	assert_int_equal(site_bench__only_site()->site.flags, VTBPF_SITE_FRAME_IN_WORD);
	site_bench__end();
}

/* ldxr x0, [x1], where the frame's register is lost right behind it: the kernel takes no probe
 * there, so there is no plan. */
static void test_refused(void **state)
{
	(void)state;
	site_bench__begin_arm64(13);
	PUT_WORDS(HANDLER, 0xc85f7c20, 0xaa0503e3, BR_X0);
	site_bench__search();
	assert_int_equal(sites__add_handler(&b.s, &resume), -ENOENT);
	assert_int_equal(b.plan.n_sites, 0);
	site_bench__end();
}

static void search_return_value(const uint32_t *words, size_t size)
{
	site_bench__begin_arm64(12);
	b.table.handlers[83] = AT(0x200);
	site_bench__put(AT(0x200), (const char *)words, size);
	site_bench__search();
}

/* Between the load and the branch come a comparison, or none, and other work. */
static void test_owner_inlined(void **state)
{
	static const struct {
		uint32_t words[6];
		unsigned int site, frame_reg;
	} codes[] = {
		{ { LDRB_W1_X3_OWNER, ADD_W2, CBNZ_W1, RET, RET, RET }, 8, 3 },
		{ { LDRB_W1_X3_OWNER, CMP_W1_0, ADD_W2, BNE, RET, RET }, 12, 3 },
		/* mov x7, x3 before x3 is written to: a copy of the frame is left */
		{ { LDRB_W1_X3_OWNER, 0xaa0303e7, 0xaa0503e3, CBNZ_W1, RET, RET }, 12, 7 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		search_return_value(codes[i].words, sizeof(codes[i].words));
		assert_int_equal(sites__owner_exits(&b.s), 0);
		assert_int_equal(site_bench__only_site()->offset, AT(0x200) + codes[i].site);
		assert_int_equal(site_bench__only_site()->site.frame_reg, codes[i].frame_reg);
		assert_int_equal(site_bench__only_site()->site.kind, VTBPF_SITE_EXIT);
		assert_int_equal(b.plan.n_notes, 0);
		site_bench__end();
	}
}

/* The frame's register is lost; another byte; another number; the register is written to; the
 * flags are other ones by then; a branch on another register comes first. */
static void test_owner_not_found(void **state)
{
	static const uint32_t codes[][6] = {
		{ LDRB_W1_X3_OWNER, 0xaa0503e3, CBNZ_W1, RET, RET, RET },
		{ 0x39412861, ADD_W2, CBNZ_W1, RET, RET, RET },
		{ LDRB_W1_X3_OWNER, CMP_W1_3, BNE, RET, RET, RET },
		{ LDRB_W1_X3_OWNER, 0xaa0503e1, CBNZ_W1, RET, RET, RET },
		{ LDRB_W1_X3_OWNER, CMP_W1_0, 0xeb00027f, BNE, RET, RET },
		{ LDRB_W1_X3_OWNER, CMP_W1_0, 0x35000040, BNE, RET, RET },
		{ LDRB_W1_X3_OWNER, 0x35000040, CBNZ_W1, RET, RET, RET },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		search_return_value(codes[i], sizeof(codes[i]));
		assert_int_equal(sites__owner_exits(&b.s), -ENOENT);
		site_bench__end();
	}
}

/* RETURN_VALUE calls a function that begins by paciasp; ldrb w2, [x1, #0x46]; mov x4, x1;
 * sub w1, w0, #1; cbnz w2: the frame's own register is lost by then. */
static void test_owner_called(void **state)
{
	(void)state;
	site_bench__begin_arm64(12);
	b.table.handlers[83] = AT(0x200);
	PUT_WORDS(AT(0x200), 0x94000040, BR_X0); /* bl 0x300 */
	PUT_WORDS(AT(0x300), 0xd503233f, 0x39411822, 0xaa0103e4, 0x51000401, 0x35000042, RET, RET);
	site_bench__search();
	assert_int_equal(sites__owner_exits(&b.s), 0);
	assert_int_equal(site_bench__only_site()->offset, AT(0x310));
	assert_int_equal(site_bench__only_site()->entry_offset, AT(0x300));
	assert_int_equal(site_bench__only_site()->site.frame_reg, 4);
	site_bench__end();
}

/* 3.11: three questions, ldrb w1, [x3, #0x44]; cbnz w1; that of neither RETURN_VALUE nor
 * RETURN_GENERATOR is unwinding. */
static void put_is_entry(uint64_t at)
{
	PUT_WORDS(at, 0x39411061, ADD_W2, CBNZ_W1, BR_X0, BR_X0);
}

static void test_is_entry(void **state)
{
	(void)state;
	site_bench__begin_arm64(11);
	b.table.handlers[83] = AT(0x200);
	b.table.handlers[75] = AT(0x300);
	b.table.handlers[1] = AT(0x400);
	put_is_entry(AT(0x200));
	put_is_entry(AT(0x300));
	put_is_entry(AT(0x400));
	site_bench__search();
	assert_int_equal(sites__is_entry_exits(&b.s), 0);
	assert_int_equal(site_bench__only_site()->offset, AT(0x408));
	assert_int_equal(site_bench__only_site()->site.frame_reg, 3);
	site_bench__end();
}

/* A fourth question: which of the two is it? */
static void test_is_entry_unclear(void **state)
{
	(void)state;
	site_bench__begin_arm64(11);
	b.table.handlers[83] = AT(0x200);
	b.table.handlers[75] = AT(0x300);
	b.table.handlers[1] = AT(0x400);
	b.table.handlers[2] = AT(0x500);
	put_is_entry(AT(0x200));
	put_is_entry(AT(0x300));
	put_is_entry(AT(0x400));
	put_is_entry(AT(0x500));
	site_bench__search();
	assert_int_equal(sites__is_entry_exits(&b.s), -ENOENT);
	site_bench__end();
}

/* mov x19, x1; cbnz w2, 0x40; br x0. 0x40: add; b.le 0x40 */
static void test_throw_block(void **state)
{
	(void)state;
	site_bench__begin_arm64(12);
	PUT_WORDS(AT(0), 0xaa0103f3, 0x350001e2, BR_X0);
	PUT_WORDS(AT(0x3c), RET, ADD_W2, 0x5400000d, BR_X0);
	site_bench__search();
	assert_int_equal(sites__throw(&b.s), 0);
	assert_int_equal(site_bench__only_site()->offset, AT(0x44));
	assert_int_equal(site_bench__only_site()->site.kind, VTBPF_SITE_THROW);
	assert_int_equal(site_bench__only_site()->site.frame_reg, 19);
	site_bench__end();
}

/* abort is called by way of the procedure linkage table (bti c; adrp x16, 0x8000; ldr x17,
 * [x16, #8]; add x16, x16, #8; br x17): what follows the call is not its continuation. */
static void test_stub(void **state)
{
	const Elf64_Rela slot = { .r_offset = FAKE_DATA + 8, .r_info = ELF64_R_INFO(1, 1026) };

	(void)state;
	site_bench__begin_arm64(12);
	fake_elf__symbol(b.e, "abort", 0);
	fake_elf__section(b.e, ".rela.plt", SHT_RELA, 0, &slot, sizeof(slot));
	PUT_WORDS(AT(0x200), 0xd503245f, 0xf0000030, 0xf9400611, 0x91002210, 0xd61f0220);
	PUT_WORDS(HANDLER, 0x94000040, ADD_W2, BR_X0); /* bl 0x200 */
	site_bench__search();
	assert_int_equal(flow__at(b.f, HANDLER)->kind, INSN_TRAP);
	site_bench__end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handler),		cmocka_unit_test(test_frame_in_word),
		cmocka_unit_test(test_refused),		cmocka_unit_test(test_owner_inlined),
		cmocka_unit_test(test_owner_not_found), cmocka_unit_test(test_owner_called),
		cmocka_unit_test(test_is_entry),	cmocka_unit_test(test_is_entry_unclear),
		cmocka_unit_test(test_throw_block),	cmocka_unit_test(test_stub),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
