// SPDX-License-Identifier: GPL-2.0-only
/* Values followed through registers and words of the stack, instruction by instruction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../user/discover/regs.h"

#define NONE INSN_NO_REG

/* An instruction with these registers, and nothing but what else is given. */
#define INSN(to, of, ...) \
	((const struct insn){ .dst = to, .src = of, .base = NONE, .pair = NONE, __VA_ARGS__ })

static struct insn spill(uint8_t src, int32_t at)
{
	return INSN(NONE, src, .shape = SHAPE_SPILL, .disp = at, .size = 8, .wrote = 8,
		    .wrote_at = at);
}

static struct insn reload(uint8_t dst, int32_t at)
{
	return INSN(dst, NONE, .shape = SHAPE_RELOAD, .disp = at, .size = 8, .writes = 1u << dst);
}

static struct insn lose(uint8_t reg)
{
	return INSN(NONE, NONE, .writes = 1u << reg);
}

/* 8 bytes of src to the frame pointer + at. */
static struct insn spill_on_fp(uint8_t src, int32_t at)
{
	return INSN(NONE, src, .shape = SHAPE_STORE, .disp = at, .wrote = 8, .wrote_at = at,
		    .on_fp = true);
}

static void step(struct regs *r, struct insn in)
{
	regs__step(r, &in);
}

/* Register 3 was moved to sp + 24, and no register holds what it held. */
static void begin_spilled(struct regs *r)
{
	regs__init(r);
	step(r, spill(3, 24));
	step(r, lose(3));
}

static bool in_word(const struct regs *r, uint8_t from, int64_t add, int32_t at)
{
	struct regs_place place;

	return regs__find_place(r, from, add, &place) && place.in_word && place.at == at &&
	       place.reg == NONE;
}

static void test_register_first(void **state)
{
	struct regs_place place;
	struct regs r;

	(void)state;
	regs__init(&r);
	step(&r, spill(3, 24));
	assert_true(regs__find_place(&r, 3, 0, &place));
	assert_int_equal(place.reg, 3);
	assert_false(place.in_word);
	step(&r, lose(3));
	assert_true(in_word(&r, 3, 0, 24));
	assert_false(regs__find_place(&r, 3, 2, &place));
	assert_false(regs__find_place(&r, 4 + INSN_REGS, 0, &place));
}

static void test_reload(void **state)
{
	struct regs r;

	(void)state;
	begin_spilled(&r);
	step(&r, reload(7, 24));
	assert_true(regs__holds(&r, 7, 3, 0));
	step(&r, reload(8, 32));
	assert_int_equal(r.from[8], NONE);
}

/* What is moved is the value, with what was added to it. */
static void test_sum_is_spilled(void **state)
{
	struct regs r;

	(void)state;
	regs__init(&r);
	step(&r, INSN(3, 3, .shape = SHAPE_COPY, .disp = 2, .writes = 1u << 3));
	step(&r, spill(3, 24));
	step(&r, lose(3));
	assert_true(in_word(&r, 3, 2, 24));
}

static void test_overwritten(void **state)
{
	static const struct {
		int32_t at;
		uint8_t size;
		bool kept;
	} writes[] = { { 20, 4, true }, { 20, 8, false }, { 24, 1, false }, { 31, 1, false },
		       { 32, 8, true }, { 8, 16, true },  { 8, 32, false } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
		struct regs r;

		begin_spilled(&r);
		step(&r, INSN(NONE, NONE, .wrote = writes[i].size, .wrote_at = writes[i].at));
		assert_int_equal(in_word(&r, 3, 0, 24), writes[i].kept);
	}
}

/* The stack pointer moves, to where is known or not; a call; what is written by the frame pointer,
 * if that is one, may be anywhere. */
static void test_lost(void **state)
{
	const struct insn ends[] = { INSN(NONE, NONE, .sp_add = -8),
				     INSN(NONE, NONE, .sp_lost = true),
				     INSN(NONE, NONE, .kind = INSN_CALL),
				     INSN(NONE, NONE, .kind = INSN_CALL_INDIRECT) };
	struct regs r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		begin_spilled(&r);
		step(&r, ends[i]);
		assert_false(in_word(&r, 3, 0, 24));
	}
	begin_spilled(&r);
	step(&r, spill_on_fp(9, -64));
	assert_true(in_word(&r, 3, 0, 24));
	r.fp_is_frame = true;
	step(&r, spill_on_fp(9, -64));
	assert_false(in_word(&r, 3, 0, 24));
}

static void test_frame_pointer(void **state)
{
	struct regs_place place;
	struct regs r;

	(void)state;
	regs__init(&r); /* here it is any pointer */
	step(&r, spill_on_fp(3, -64));
	step(&r, lose(3));
	assert_false(regs__find_place(&r, 3, 0, &place));
	regs__init(&r);
	r.fp_is_frame = true;
	step(&r, spill_on_fp(3, -64));
	step(&r, lose(3));
	assert_true(in_word(&r, 3, 0, -64));
	assert_true(regs__find_place(&r, 3, 0, &place) && place.on_fp);
	step(&r, INSN(8, NONE, .shape = SHAPE_LOAD, .disp = -64, .on_fp = true, .writes = 1u << 8));
	assert_true(regs__holds(&r, 8, 3, 0));
	step(&r, lose(8));
	step(&r, INSN(NONE, NONE, .writes = 1u << 6, .moves_fp = true));
	assert_false(regs__find_place(&r, 3, 0, &place));
}

/* Two registers at once, as on arm64; half of one is not it. */
static void test_pair_and_half(void **state)
{
	struct insn pair = spill(3, 24), half = spill(5, 64);
	struct regs r;

	(void)state;
	regs__init(&r);
	pair.pair = 4;
	pair.wrote = 16;
	step(&r, pair);
	half.size = half.wrote = 4;
	step(&r, half);
	step(&r, INSN(NONE, NONE, .writes = 1u << 3 | 1u << 4 | 1u << 5));
	assert_true(in_word(&r, 3, 0, 24));
	assert_true(in_word(&r, 4, 0, 32));
	assert_false(in_word(&r, 5, 0, 64));
	pair = reload(10, 24);
	pair.pair = 11;
	pair.writes |= 1u << 11;
	step(&r, pair);
	assert_true(regs__holds(&r, 10, 3, 0));
	assert_true(regs__holds(&r, 11, 4, 0));
}

/* More words than are kept: the first ones stay known, and nothing wrong is said of the rest. */
static void test_many_words(void **state)
{
	struct regs r;
	uint8_t i;

	(void)state;
	regs__init(&r);
	for (i = 0; i < INSN_REGS; i++)
		step(&r, spill(i, 8 * i));
	for (i = 0; i < INSN_REGS; i++)
		step(&r, lose(i));
	for (i = 0; i < INSN_REGS; i++)
		assert_int_equal(in_word(&r, i, 0, 8 * i), i < REGS_WORDS);
}

static void test_meet(void **state)
{
	struct regs a, other;

	(void)state;
	begin_spilled(&a);
	begin_spilled(&other);
	regs__meet(&a, &other);
	assert_true(in_word(&a, 3, 0, 24));
	step(&other, INSN(NONE, NONE, .wrote = 8, .wrote_at = 24));
	regs__meet(&a, &other);
	assert_false(in_word(&a, 3, 0, 24));
	begin_spilled(&a);
	regs__init(&other);
	step(&other, spill(4, 24));
	regs__meet(&a, &other);
	assert_false(in_word(&a, 3, 0, 24));
	assert_false(in_word(&a, 4, 0, 24));
	assert_int_equal(a.from[3], NONE);
	assert_true(regs__holds(&a, 4, 4, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_register_first), cmocka_unit_test(test_reload),
		cmocka_unit_test(test_sum_is_spilled), cmocka_unit_test(test_overwritten),
		cmocka_unit_test(test_lost),	       cmocka_unit_test(test_frame_pointer),
		cmocka_unit_test(test_pair_and_half),  cmocka_unit_test(test_many_words),
		cmocka_unit_test(test_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
