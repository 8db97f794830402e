// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions of arm64 are read off their encodings (Arm ARM, C4.1), which are regular; capstone
 * tells only what it knows alike in all its versions: text, registers and flags that are written.
 */
#include <string.h>

#include "insn_arch.h"

#define FP 29
#define ZERO_OR_SP 31 /* the number stands for either, depending on the operand */

uint8_t insn_arm64__reg(unsigned int cs_reg)
{
	/* capstone numbers x0-x28 and w0-w30 in sequence, x29 and x30 apart. */
	if (cs_reg >= ARM64_REG_X0 && cs_reg <= ARM64_REG_X28)
		return (uint8_t)(cs_reg - ARM64_REG_X0);
	if (cs_reg >= ARM64_REG_W0 && cs_reg <= ARM64_REG_W30)
		return (uint8_t)(cs_reg - ARM64_REG_W0);
	if (cs_reg == ARM64_REG_X29)
		return FP;
	return cs_reg == ARM64_REG_X30 ? 30 : INSN_NO_REG;
}

/* ---- encodings ------------------------------------------------------------------------------- */

static uint32_t bits(uint32_t code, unsigned int from, unsigned int n)
{
	return code >> from & ((1u << n) - 1);
}

static int64_t signed_bits(uint32_t code, unsigned int from, unsigned int n)
{
	return (int64_t)((uint64_t)code << (64 - from - n)) >> (64 - n);
}

static uint8_t general(uint32_t number)
{
	return number == ZERO_OR_SP ? INSN_NO_REG : (uint8_t)number;
}

static bool is_system(uint32_t code) /* hints, barriers, system registers */
{
	return bits(code, 24, 8) == 0xd5;
}

static bool is_msr(uint32_t code) /* may write to the flags */
{
	return (code & 0xfff00000) == 0xd5100000 || (code & 0xfff8f01f) == 0xd500401f;
}

static bool is_hint(uint32_t code)
{
	return (code & 0xfffff01f) == 0xd503201f;
}

static uint32_t hint_number(uint32_t code)
{
	return bits(code, 5, 7);
}

static bool is_bti(uint32_t code)
{
	return is_hint(code) && (hint_number(code) & ~6u) == 32;
}

static bool is_adr(uint32_t code) /* and adrp */
{
	return bits(code, 24, 5) == 0x10;
}

static bool is_literal(uint32_t code) /* a load from beside the code */
{
	return (code & 0x3b000000) == 0x18000000;
}

static bool is_access(uint32_t code) /* loads and stores of all kinds */
{
	return (code & 0x0a000000) == 0x08000000;
}

/* ---- where it leads -------------------------------------------------------------------------- */

static void set_branch(struct insn *in, uint8_t kind, int64_t words)
{
	in->kind = kind;
	in->target = in->vaddr + 4 * (uint64_t)words;
	in->emulated = true;
}

/* br, blr, ret and those that authenticate the address, which are not simulated. */
static void set_register_branch(uint32_t code, struct insn *in)
{
	static const uint8_t kinds[] = { INSN_JUMP_INDIRECT, INSN_CALL_INDIRECT, INSN_RETURN,
					 INSN_TRAP };

	in->kind = kinds[bits(code, 21, 2)];
	in->src = general(bits(code, 5, 5));
	in->emulated = in->kind != INSN_TRAP && (code & 0xff9ffc1f) == 0xd61f0000;
}

/* What decode-insn.c of arch/arm64/kernel/probes simulates, Linux 4.10 on, is `emulated`; adr and
 * adrp, too. A nop is only from 6.13 on. */
static void fill_flow(uint32_t code, struct insn *in)
{
	static const uint8_t conds[] = { COND_ZERO, COND_NONZERO };

	if (bits(code, 26, 5) == 0x05) { /* b, bl */
		set_branch(in, code >> 31 ? INSN_CALL : INSN_JUMP, signed_bits(code, 0, 26));
	} else if (bits(code, 24, 8) == 0x54) { /* b.cond: 0 eq, 1 ne, 14 and 15 always */
		uint32_t cond = bits(code, 0, 4);

		set_branch(in, cond >= 14 ? INSN_JUMP : INSN_BRANCH, signed_bits(code, 5, 19));
		in->cond = cond < 2 ? conds[cond] : COND_OTHER;
		in->emulated = !bits(code, 4, 1); /* else it is bc.cond */
	} else if (bits(code, 25, 6) == 0x1a) {	  /* cbz, cbnz */
		set_branch(in, INSN_BRANCH, signed_bits(code, 5, 19));
		in->cond = conds[bits(code, 24, 1)];
		in->src = general(bits(code, 0, 5));
	} else if (bits(code, 25, 6) == 0x1b) { /* tbz, tbnz */
		set_branch(in, INSN_BRANCH, signed_bits(code, 5, 14));
		in->src = general(bits(code, 0, 5));
	} else if (bits(code, 25, 7) == 0x6b) {
		set_register_branch(code, in);
	} else if ((bits(code, 24, 8) == 0xd4 && bits(code, 21, 3) - 1 < 2) || !(code >> 16)) {
		/* brk, hlt; udf, which fills gaps, too */
		in->kind = INSN_TRAP;
	}
}

/* Hints that aarch64_insn_is_steppable_hint() of arch/arm64/include/asm/insn.h lists: nop,
 * xpaclri, those that sign an address, bti. */
static bool is_steppable_hint(uint32_t number)
{
	return number == 0 || number == 7 || number == 8 || number == 10 ||
	       (number >= 24 && number <= 27) || (number & ~6u) == 32;
}

/* What the kernel neither simulates nor steps out of line: aarch64_insn_is_steppable() of
 * arch/arm64/kernel/probes/decode-insn.c. Loads of literals have been simulated wrongly. */
static bool is_refused(uint32_t code)
{
	bool exclusive = (code & 0x3f800000) == 0x08000000;

	if (is_system(code))
		return is_msr(code) || (is_hint(code) && !is_steppable_hint(hint_number(code)));
	return bits(code, 26, 3) == 5 || is_literal(code) || exclusive;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* A load or store of one register or two, at a fixed distance from its base. */
struct access {
	bool load, pair;
	bool whole;	     /* of general registers, not extended with the sign */
	uint8_t base;	     /* ZERO_OR_SP is the stack pointer */
	uint8_t first, next; /* registers; ZERO_OR_SP is zero */
	uint8_t size;	     /* of each */
	int32_t at;	     /* counted from what the base is before */
	int32_t add;	     /* to the base afterwards */
};

/* How the offset is used: with which it is written, in which place. */
static void set_offset(struct access *m, bool before, bool after, int32_t offset)
{
	m->at = after ? 0 : offset;
	m->add = before || after ? offset : 0;
}

static bool decode_pair(uint32_t code, struct access *m)
{
	uint32_t opc = bits(code, 30, 2), mode = bits(code, 23, 2);
	bool vector = bits(code, 26, 1);

	if ((code & 0x3a000000) != 0x28000000)
		return false;
	m->pair = true;
	m->load = bits(code, 22, 1);
	m->whole = !vector && opc != 1;
	m->size = vector ? (uint8_t)(4u << opc) : opc == 2 ? 8 : 4;
	m->next = (uint8_t)bits(code, 10, 5);
	set_offset(m, mode == 3, mode == 1, (int32_t)signed_bits(code, 15, 7) * m->size);
	return true;
}

static bool decode_single(uint32_t code, struct access *m)
{
	uint32_t size = bits(code, 30, 2), opc = bits(code, 22, 2), mode = bits(code, 10, 2);
	bool vector = bits(code, 26, 1), scaled = bits(code, 24, 1);

	if ((code & 0x3a000000) != 0x38000000 || (!scaled && (bits(code, 21, 1) || mode == 2)))
		return false;
	m->load = vector ? opc & 1 : opc > 0;
	m->whole = !vector && opc < 2;
	m->size = vector && opc > 1 ? 16 : (uint8_t)(1u << size);
	if (scaled)
		m->at = (int32_t)bits(code, 10, 12) * m->size;
	else
		set_offset(m, mode == 3, mode == 1, (int32_t)signed_bits(code, 12, 9));
	return true;
}

static bool decode_access(uint32_t code, struct access *m)
{
	*m = (struct access){
		.base = (uint8_t)bits(code, 5, 5),
		.first = (uint8_t)bits(code, 0, 5),
	};
	return decode_pair(code, m) || decode_single(code, m);
}

/* 4 bytes are of interest on the stack only; 8 bytes at the frame pointer may be anywhere. */
static void set_move(const struct access *m, struct insn *in)
{
	bool sp = m->base == ZERO_OR_SP, spill = sp || (m->base == FP && m->size == 4);

	if (m->size != 8 && !spill)
		return;
	in->shape = m->load ? (spill ? SHAPE_RELOAD : SHAPE_LOAD) :
			      (spill ? SHAPE_SPILL : SHAPE_STORE);
	in->base = general(m->base);
	in->disp = m->at;
	in->size = spill ? m->size : 0;
	*(m->load ? &in->dst : &in->src) = general(m->first);
	in->pair = m->pair ? general(m->next) : INSN_NO_REG;
	if (in->shape == SHAPE_STORE && !m->pair && m->first == ZERO_OR_SP)
		in->shape = SHAPE_STORE_ZERO;
}

static void fill_access(const struct access *m, struct insn *in)
{
	if (m->base == ZERO_OR_SP)
		in->sp_add = m->add;
	else if (m->add)
		in->writes |= 1u << m->base;
	in->on_fp = m->base == FP;
	if (!m->load && (in->on_fp || m->base == ZERO_OR_SP)) {
		in->wrote = (uint8_t)(m->pair ? 2 * m->size : m->size);
		in->wrote_at = m->at;
	}
	if (!m->whole || m->add)
		return;
	if (m->load && m->size == 1 && m->base != ZERO_OR_SP) {
		in->shape = SHAPE_LOAD_BYTE;
		in->dst = general(m->first);
		in->base = m->base;
		in->disp = m->at;
	} else if (m->size == 4 || m->size == 8) {
		set_move(m, in);
	}
}

/* Other loads and stores: of several registers, exclusive ones, at an index. */
static void fill_other_access(uint32_t code, struct insn *in)
{
	bool of_index = (code & 0x3b200c00) == 0x38200800;

	if (bits(code, 5, 5) == ZERO_OR_SP && !of_index && !is_literal(code))
		in->sp_lost = true;
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

static void set_copy(struct insn *in, uint8_t shape, uint32_t src, int64_t add)
{
	in->shape = shape;
	in->src = (uint8_t)src;
	in->disp = add;
}

/* add and sub of a constant; mov from and to the stack pointer is one of 0. */
static void fill_add(uint32_t code, struct insn *in)
{
	uint32_t dst = bits(code, 0, 5), src = bits(code, 5, 5);
	int64_t add = (int64_t)bits(code, 10, 12) << (bits(code, 22, 1) ? 12 : 0);

	add = bits(code, 30, 1) ? -add : add;
	if (src != ZERO_OR_SP && dst != ZERO_OR_SP) {
		set_copy(in, SHAPE_COPY, src, add);
		in->dst = (uint8_t)dst;
	} else if (src == ZERO_OR_SP && dst == ZERO_OR_SP) {
		in->sp_add = (int32_t)add;
	} else if (dst == ZERO_OR_SP) {
		in->sp_lost = true;
	} else if (dst == FP) {
		in->sets_fp = true;
		in->disp = add;
	}
}

static void set_test(struct insn *in, uint32_t reg)
{
	in->shape = SHAPE_TEST;
	in->src = general(reg);
}

/* and, orr, eor of a constant, add and sub of a register: whose result 31 is the stack pointer. */
static bool moves_sp(uint32_t code)
{
	return ((code & 0x1f800000) == 0x12000000 && bits(code, 29, 2) != 3) ||
	       (code & 0x3fe00000) == 0x0b200000;
}

static void fill_arithmetic(uint32_t code, struct insn *in)
{
	uint32_t dst = bits(code, 0, 5), left = bits(code, 5, 5), right = bits(code, 16, 5);

	if ((code & 0xbf800000) == 0x91000000) {
		fill_add(code, in);
	} else if ((code & 0x7fe0ffe0) == 0x2a0003e0 && right != ZERO_OR_SP) { /* mov */
		set_copy(in, code >> 31 ? SHAPE_COPY : SHAPE_COPY_INT, right, 0);
		in->dst = general(dst);
	} else if ((code & 0x7ffffc1f) == 0x7100001f) { /* cmp with 0 */
		set_test(in, left);
	} else if ((code & 0x7fe0fc1f) == 0x6a00001f && left == right) { /* tst */
		set_test(in, left);
	} else if (is_adr(code)) {
		int64_t to = signed_bits(code, 5, 19) * 4 + bits(code, 29, 2);
		bool page = code >> 31;

		in->shape = SHAPE_ADDRESS;
		in->dst = general(dst);
		in->disp = page ? (int64_t)(in->vaddr & ~0xfffull) + to * 4096 :
				  (int64_t)in->vaddr + to;
		in->emulated = true;
	} else if (dst == ZERO_OR_SP && moves_sp(code)) {
		in->sp_lost = true;
	}
}

/* Atomic operations on memory, of Armv8.1: ldadd, swp and their kin, cas. */
static bool is_atomic(uint32_t code)
{
	return (code & 0x3f200c00) == 0x38200000 || (code & 0x3fa07c00) == 0x08a07c00;
}

static void fill(uint32_t code, struct insn *in)
{
	struct access m;

	in->landing_pad = is_bti(code);
	in->nop = (is_hint(code) && !hint_number(code)) || !code;
	fill_flow(code, in);
	if (in->kind == INSN_PLAIN && is_access(code)) {
		if (decode_access(code, &m))
			fill_access(&m, in);
		else
			fill_other_access(code, in);
	} else if (in->kind == INSN_PLAIN) {
		fill_arithmetic(code, in);
	}
	if (is_atomic(code))
		in->writes |= 1u << bits(code, 0, 5) | 1u << bits(code, 16, 5);
	if ((code & 0xbfe0ec00) == 0x0e002c00) /* smov, umov; capstone 5 forgets the former */
		in->writes |= 1u << bits(code, 0, 5);
	if (is_hint(code) && (hint_number(code) == 7 || hint_number(code) / 8 == 3))
		in->writes |= 1u << 30; /* signs or strips the return address */
	in->refused = !in->emulated && is_refused(code);
	in->writes_flags |= is_msr(code);
}

void insn_arm64__fill(const cs_insn *ci, struct insn *in)
{
	uint32_t code;

	memcpy(&code, ci->bytes, sizeof(code));
	in->writes_flags = ci->detail->arm64.update_flags;
	/* cmp, cmn, tst and msr write to no general register; capstone 4 says otherwise. */
	if ((in->writes_flags && bits(code, 0, 5) == ZERO_OR_SP) || is_msr(code))
		in->writes = 0;
	fill(code, in);
}

/* What capstone 4 does not know may change anything, if it is no atomic operation. */
void insn_arm64__fill_unknown(const uint8_t *bytes, struct insn *in)
{
	uint32_t code;

	memcpy(&code, bytes, sizeof(code));
	in->len = sizeof(code);
	in->writes = is_atomic(code) ? 0 : UINT32_MAX;
	fill(code, in);
	if (in->kind == INSN_PLAIN && !is_atomic(code)) {
		in->writes_flags = true;
		in->sp_lost = true;
		in->emulated = false;
	}
}
