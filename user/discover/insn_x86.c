// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "insn_arch.h"

uint8_t insn_x86__reg(unsigned int cs_reg)
{
	static const struct {
		uint16_t names[5];
		uint8_t number;
	} regs[] = {
		{ { X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH }, 0 },
		{ { X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH }, 1 },
		{ { X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH }, 2 },
		{ { X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH }, 3 },
		{ { X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL }, 4 },
		{ { X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL }, 5 },
		{ { X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL }, 6 },
		{ { X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL }, 7 },
		{ { X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B }, 8 },
		{ { X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B }, 9 },
		{ { X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B }, 10 },
		{ { X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B }, 11 },
		{ { X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B }, 12 },
		{ { X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B }, 13 },
		{ { X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B }, 14 },
		{ { X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B }, 15 },
	};
	size_t i, k;

	for (i = 0; i < sizeof(regs) / sizeof(*regs); i++) {
		for (k = 0; k < 5 && regs[i].names[k]; k++) {
			if (regs[i].names[k] == cs_reg)
				return regs[i].number;
		}
	}
	return INSN_NO_REG;
}

/* Jcc in its two encodings, loop and jrcxz left out: the kernel single-steps those. */
static bool is_jcc(const uint8_t *code)
{
	return (code[0] & 0xf0) == 0x70 || (code[0] == 0x0f && (code[1] & 0xf0) == 0x80);
}

static uint8_t condition(const uint8_t *code)
{
	switch ((code[0] == 0x0f ? code[1] : code[0]) & 0xf) {
	case 4:
		return COND_ZERO;
	case 5:
		return COND_NONZERO;
	default:
		return COND_OTHER;
	}
}

/*
 * What branch_setup_xol_ops() and push_setup_xol_ops() of arch/x86/kernel/uprobes.c take on.
 * Prefixed forms are left out, save REX.B of push, and so are long nops, which old kernels
 * single-step.
 */
static bool is_emulated(const cs_insn *ci)
{
	const uint8_t *code = ci->bytes;

	if (is_jcc(code))
		return true;
	switch (code[0]) {
	case 0xe8: /* call rel32 */
	case 0xe9: /* jmp rel32 */
	case 0xeb: /* jmp rel8 */
		return true;
	case 0x90:
		return ci->size == 1;
	case 0x41:
		return ci->size == 2 && (code[1] & 0xf8) == 0x50;
	default:
		return ci->size == 1 && (code[0] & 0xf8) == 0x50;
	}
}

/* The address a RIP-relative operand names, else 0. */
static uint64_t fixed_address(const cs_insn *ci, const cs_x86_op *op)
{
	if (op->type != X86_OP_MEM || op->mem.base != X86_REG_RIP || op->mem.index)
		return 0;
	return ci->address + ci->size + (uint64_t)op->mem.disp;
}

/* jmp *disp(,src,8) */
static void fill_table_jump(const cs_x86_op *op, struct insn *in)
{
	if (op->type != X86_OP_MEM || op->mem.base || !op->mem.index || op->mem.scale != 8 ||
	    op->mem.segment != X86_REG_INVALID)
		return;
	in->shape = SHAPE_TABLE_JUMP;
	in->src = insn_x86__reg(op->mem.index);
	in->disp = op->mem.disp;
}

static void fill_flow(const cs_insn *ci, const cs_x86 *x, struct insn *in)
{
	bool direct = x->op_count == 1 && x->operands[0].type == X86_OP_IMM;

	switch (ci->id) {
	case X86_INS_JMP:
		in->kind = direct ? INSN_JUMP : INSN_JUMP_INDIRECT;
		break;
	case X86_INS_CALL:
		in->kind = direct ? INSN_CALL : INSN_CALL_INDIRECT;
		break;
	case X86_INS_RET:
		in->kind = INSN_RETURN;
		return;
	case X86_INS_UD2:
	case X86_INS_INT3:
	case X86_INS_HLT:
		in->kind = INSN_TRAP;
		return;
	default:
		if (!direct || !insn_arch__is_jump(ci))
			return;
		in->kind = INSN_BRANCH;
		in->cond = is_jcc(ci->bytes) ? condition(ci->bytes) : COND_OTHER;
	}
	if (in->kind == INSN_JUMP_INDIRECT)
		fill_table_jump(x->operands, in);
	if (x->op_count == 1)
		in->target = direct ? (uint64_t)x->operands[0].imm : fixed_address(ci, x->operands);
}

/* base + disp; what lies on the stack is the function's own business. */
static bool plain_memory(const cs_x86_op *op)
{
	return op->type == X86_OP_MEM && op->mem.segment == X86_REG_INVALID && !op->mem.index &&
	       op->mem.base != X86_REG_RSP && insn_x86__reg(op->mem.base) != INSN_NO_REG;
}

static void set_memory(struct insn *in, uint8_t shape, const cs_x86_op *mem, const cs_x86_op *reg)
{
	in->shape = shape;
	in->base = insn_x86__reg(mem->mem.base);
	in->disp = mem->mem.disp;
	if (shape == SHAPE_LOAD)
		in->dst = insn_x86__reg(reg->reg);
	else if (shape == SHAPE_STORE)
		in->src = insn_x86__reg(reg->reg);
}

static void set_copy(struct insn *in, unsigned int dst, unsigned int src, int64_t add)
{
	in->shape = SHAPE_COPY;
	in->dst = insn_x86__reg(dst);
	in->src = insn_x86__reg(src);
	in->disp = add;
}

static void set_int_copy(struct insn *in, unsigned int dst, unsigned int src)
{
	in->shape = SHAPE_COPY_INT;
	in->dst = insn_x86__reg(dst);
	in->src = insn_x86__reg(src);
}

static void set_address(struct insn *in, unsigned int dst, uint64_t address)
{
	in->shape = SHAPE_ADDRESS;
	in->dst = insn_x86__reg(dst);
	in->disp = (int64_t)address;
}

static void set_limit(struct insn *in, unsigned int src, int64_t limit)
{
	in->shape = SHAPE_LIMIT;
	in->src = insn_x86__reg(src);
	in->disp = limit;
}

static void set_table_read(struct insn *in, const cs_x86_op *dst, const cs_x86_op *table)
{
	in->shape = SHAPE_TABLE_READ;
	in->dst = insn_x86__reg(dst->reg);
	in->base = insn_x86__reg(table->mem.base);
	in->src = insn_x86__reg(table->mem.index);
}

static void fill_mov(const cs_x86_op *dst, const cs_x86_op *src, struct insn *in)
{
	bool to_reg = dst->type == X86_OP_REG && insn_x86__reg(dst->reg) != INSN_NO_REG;
	bool from_reg = src->type == X86_OP_REG && insn_x86__reg(src->reg) != INSN_NO_REG;

	if (to_reg && from_reg)
		set_copy(in, dst->reg, src->reg, 0);
	else if (to_reg && plain_memory(src))
		set_memory(in, SHAPE_LOAD, src, dst);
	else if (plain_memory(dst) && from_reg)
		set_memory(in, SHAPE_STORE, dst, src);
	else if (plain_memory(dst) && src->type == X86_OP_IMM && !src->imm)
		set_memory(in, SHAPE_STORE_ZERO, dst, NULL);
}

/* A word of the stack at a fixed distance from the stack pointer. */
static bool is_stack(const cs_x86_op *op)
{
	return op->type == X86_OP_MEM && op->mem.base == X86_REG_RSP && !op->mem.index &&
	       op->mem.segment == X86_REG_INVALID && op->mem.disp == (int32_t)op->mem.disp;
}

/* The same from the frame pointer, if rbp is one. */
static bool is_frame(const cs_x86_op *op)
{
	return op->type == X86_OP_MEM && op->mem.base == X86_REG_RBP && !op->mem.index &&
	       op->mem.segment == X86_REG_INVALID && op->mem.disp == (int32_t)op->mem.disp;
}

/* Moves of 8 bytes from and to rbp + disp have shapes of their own: it may be any pointer. */
static bool is_spill(const cs_x86_op *op)
{
	return is_stack(op) || (is_frame(op) && op->size == 4);
}

static void set_spill(struct insn *in, uint8_t shape, int64_t disp, const cs_x86_op *reg)
{
	in->shape = shape;
	in->disp = disp;
	in->size = reg->size;
	if (shape == SHAPE_RELOAD)
		in->dst = insn_x86__reg(reg->reg);
	else if (shape == SHAPE_SPILL)
		in->src = insn_x86__reg(reg->reg);
}

/* Moves of 4 or 8 bytes to and from the stack; false for other instructions. */
static bool fill_spill(const cs_insn *ci, const cs_x86_op *a, const cs_x86_op *b, struct insn *in)
{
	if (a->size != 8 && a->size != 4)
		return false;
	if (ci->id == X86_INS_MOV && is_spill(a) && b->type == X86_OP_REG)
		set_spill(in, SHAPE_SPILL, a->mem.disp, b);
	else if (ci->id == X86_INS_MOV && is_spill(b) && a->type == X86_OP_REG)
		set_spill(in, SHAPE_RELOAD, b->mem.disp, a);
	else if (ci->id == X86_INS_CMP && is_spill(a) && b->type == X86_OP_IMM && !b->imm)
		set_spill(in, SHAPE_TEST_SPILL, a->mem.disp, a);
	else
		return false;
	return true;
}

static void fill_push(const cs_insn *ci, const cs_x86_op *op, struct insn *in)
{
	bool push = ci->id == X86_INS_PUSH;

	in->sp_add = push ? -8 : 8;
	if (op->type == X86_OP_REG && op->size == 8)
		set_spill(in, push ? SHAPE_SPILL : SHAPE_RELOAD, push ? -8 : 0, op);
	if (op->size != 8)
		in->sp_lost = true;
	if (push) {
		in->wrote = 8;
		in->wrote_at = -8;
	}
}

/* What the instruction does to the stack and to its pointer. */
static void fill_stack(const cs_insn *ci, const cs_x86 *x, struct insn *in)
{
	const cs_x86_op *a = &x->operands[0], *b = &x->operands[1];
	bool moves = in->writes >> 7 & 1, of_sp = x->op_count == 2 && a->reg == X86_REG_RSP;

	in->on_fp = (x->op_count && is_frame(a)) || (x->op_count == 2 && is_frame(b));
	in->sets_fp = in->shape == SHAPE_COPY && in->src == 7 && in->dst == 6;
	if (x->op_count && (is_stack(a) || is_frame(a)) && a->access & CS_AC_WRITE) {
		in->wrote = a->size;
		in->wrote_at = (int32_t)a->mem.disp;
	}
	if ((ci->id == X86_INS_PUSH || ci->id == X86_INS_POP) && x->op_count == 1)
		fill_push(ci, a, in);
	else if (moves && of_sp && ci->id == X86_INS_SUB && b->type == X86_OP_IMM)
		in->sp_add = (int32_t)-b->imm;
	else if (moves && of_sp && ci->id == X86_INS_ADD && b->type == X86_OP_IMM)
		in->sp_add = (int32_t)b->imm;
	else if (moves && of_sp && ci->id == X86_INS_LEA && is_stack(b))
		in->sp_add = (int32_t)b->mem.disp;
	else if (moves)
		in->sp_lost = true;
}

static void fill_shape(const cs_insn *ci, const cs_x86 *x, struct insn *in)
{
	const cs_x86_op *a = &x->operands[0], *b = &x->operands[1];

	if (x->op_count != 2 || fill_spill(ci, a, b, in))
		return;
	switch (ci->id) {
	case X86_INS_MOV:
		if (a->size == 8)
			fill_mov(a, b, in);
		else if (a->size == 4 && a->type == X86_OP_REG && b->type == X86_OP_REG)
			set_int_copy(in, a->reg, b->reg);
		break;
	case X86_INS_LEA:
		if (a->size == 8 && fixed_address(ci, b))
			set_address(in, a->reg, fixed_address(ci, b));
		else if (a->size == 8 && plain_memory(b))
			set_copy(in, a->reg, b->mem.base, b->mem.disp);
		break;
	case X86_INS_MOVSXD:
		if (a->size == 8 && b->type == X86_OP_MEM && b->mem.index && b->mem.scale == 4 &&
		    !b->mem.disp)
			set_table_read(in, a, b);
		break;
	case X86_INS_ADD:
		if (a->size == 8 && a->type == X86_OP_REG && b->type == X86_OP_IMM)
			set_copy(in, a->reg, a->reg, b->imm);
		break;
	case X86_INS_CMP:
		if (a->size == 1 && plain_memory(a) && b->type == X86_OP_IMM && b->imm == 0)
			set_memory(in, SHAPE_BYTE_ZERO, a, NULL);
		else if (a->type == X86_OP_REG && b->type == X86_OP_IMM)
			set_limit(in, a->reg, b->imm);
		break;
	case X86_INS_AND:
		if (a->type == X86_OP_REG && b->type == X86_OP_IMM && !(b->imm & (b->imm + 1)))
			set_limit(in, a->reg, b->imm);
		break;
	case X86_INS_MOVZX:
		if (b->size == 1 && plain_memory(b)) {
			set_memory(in, SHAPE_LOAD_BYTE, b, a);
			in->dst = insn_x86__reg(a->reg);
		}
		break;
	case X86_INS_TEST:
		if (a->type == X86_OP_REG && b->type == X86_OP_REG && a->reg == b->reg) {
			in->shape = SHAPE_TEST;
			in->src = insn_x86__reg(a->reg);
		}
		break;
	default:
		break;
	}
}

/* capstone's eflags also lists what an instruction only reads. */
static bool changes_flags(uint64_t eflags)
{
	const uint64_t tests = X86_EFLAGS_TEST_OF | X86_EFLAGS_TEST_SF | X86_EFLAGS_TEST_ZF |
			       X86_EFLAGS_TEST_PF | X86_EFLAGS_TEST_CF | X86_EFLAGS_TEST_NT |
			       X86_EFLAGS_TEST_DF;

	return eflags & ~tests;
}

void insn_x86__fill(const cs_insn *ci, struct insn *in)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	const cs_x86 *x = &ci->detail->x86;

	in->emulated = is_emulated(ci);
	in->landing_pad = ci->size == 4 && memcmp(ci->bytes, endbr64, 4) == 0;
	in->nop = ci->id == X86_INS_NOP;
	in->writes_flags = changes_flags(x->eflags);
	fill_flow(ci, x, in);
	if (in->kind != INSN_PLAIN)
		return;
	fill_shape(ci, x, in);
	fill_stack(ci, x, in);
}
