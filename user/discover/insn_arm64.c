// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "insn_arch.h"

uint8_t insn_arm64__reg(unsigned int cs_reg)
{
	/* capstone numbers x0-x28 and w0-w30 in sequence, x29 and x30 apart. */
	if (cs_reg >= ARM64_REG_X0 && cs_reg <= ARM64_REG_X28)
		return (uint8_t)(cs_reg - ARM64_REG_X0);
	if (cs_reg >= ARM64_REG_W0 && cs_reg <= ARM64_REG_W30)
		return (uint8_t)(cs_reg - ARM64_REG_W0);
	if (cs_reg == ARM64_REG_X29)
		return 29;
	return cs_reg == ARM64_REG_X30 ? 30 : INSN_NO_REG;
}

static void set_target(const cs_arm64 *a, struct insn *in)
{
	const cs_arm64_op *last = &a->operands[a->op_count - 1];

	if (a->op_count && last->type == ARM64_OP_IMM)
		in->target = (uint64_t)last->imm;
}

static void fill_flow(const cs_insn *ci, const cs_arm64 *a, struct insn *in)
{
	switch (ci->id) {
	case ARM64_INS_B:
		in->kind = a->cc == ARM64_CC_INVALID || a->cc == ARM64_CC_AL ? INSN_JUMP :
									       INSN_BRANCH;
		if (in->kind == INSN_BRANCH)
			in->cond = a->cc == ARM64_CC_EQ ? COND_ZERO :
				   a->cc == ARM64_CC_NE ? COND_NONZERO :
							  COND_OTHER;
		break;
	case ARM64_INS_CBZ:
	case ARM64_INS_CBNZ:
		in->kind = INSN_BRANCH;
		in->cond = ci->id == ARM64_INS_CBZ ? COND_ZERO : COND_NONZERO;
		in->src = insn_arm64__reg(a->operands[0].reg);
		break;
	case ARM64_INS_TBZ:
	case ARM64_INS_TBNZ:
		in->kind = INSN_BRANCH;
		break;
	case ARM64_INS_BL:
		in->kind = INSN_CALL;
		break;
	case ARM64_INS_BR:
		in->kind = INSN_JUMP_INDIRECT;
		break;
	case ARM64_INS_BLR:
		in->kind = INSN_CALL_INDIRECT;
		break;
	case ARM64_INS_RET:
		in->kind = INSN_RETURN;
		break;
	case ARM64_INS_BRK:
	case ARM64_INS_HLT:
		in->kind = INSN_TRAP;
		return;
	default:
		return;
	}
	/* simulate-insn.c of arch/arm64/kernel/probes has all of these, also in old kernels. */
	in->emulated = true;
	set_target(a, in);
}

static bool is_x(unsigned int reg)
{
	return (reg >= ARM64_REG_X0 && reg <= ARM64_REG_X28) || reg == ARM64_REG_X29 ||
	       reg == ARM64_REG_X30;
}

static void set_memory(struct insn *in, uint8_t shape, const cs_arm64_op *mem, uint8_t reg)
{
	in->shape = shape;
	in->base = insn_arm64__reg(mem->mem.base);
	in->disp = mem->mem.disp;
	if (shape == SHAPE_STORE)
		in->src = reg;
	else
		in->dst = reg;
}

static void set_copy(struct insn *in, const cs_arm64 *a, int64_t add)
{
	in->shape = SHAPE_COPY;
	in->dst = insn_arm64__reg(a->operands[0].reg);
	in->src = insn_arm64__reg(a->operands[1].reg);
	in->disp = add;
}

static bool is_stack(const cs_arm64_op *op)
{
	return op->type == ARM64_OP_MEM && op->mem.base == ARM64_REG_SP && !op->mem.index;
}

static bool is_gpr(const cs_arm64_op *op)
{
	return op->type == ARM64_OP_REG && insn_arm64__reg(op->reg) != INSN_NO_REG;
}

/* str and ldr of a whole general register on the stack; false for others. */
static bool fill_spill(const cs_insn *ci, const cs_arm64 *a, struct insn *in)
{
	const cs_arm64_op *op = a->operands;
	bool store = ci->id == ARM64_INS_STR || ci->id == ARM64_INS_STUR;

	if (a->op_count != 2 || a->writeback || !is_gpr(&op[0]) || !is_stack(&op[1]) ||
	    (!store && ci->id != ARM64_INS_LDR && ci->id != ARM64_INS_LDUR))
		return false;
	in->shape = store ? SHAPE_SPILL : SHAPE_RELOAD;
	in->disp = op[1].mem.disp;
	in->size = is_x(op[0].reg) ? 8 : 4;
	*(store ? &in->src : &in->dst) = insn_arm64__reg(op[0].reg);
	return true;
}

/* Does it store, and is its last operand the place? capstone 4 does not say that of all. */
static bool stores_to_stack(const cs_insn *ci, const cs_arm64 *a)
{
	size_t i;

	if (strncmp(ci->mnemonic, "st", 2) != 0)
		return false;
	for (i = 0; i < a->op_count; i++) {
		if (is_stack(&a->operands[i]))
			return true;
	}
	return false;
}

/* What the instruction does to the stack and to its pointer. */
static void fill_stack(const cs_insn *ci, const cs_arm64 *a, struct insn *in)
{
	const cs_arm64_op *op = a->operands;
	size_t i;

	if (stores_to_stack(ci, a)) {
		in->wrote = 32; /* the longest pair: more than need be is said to be written */
		for (i = 0; i < a->op_count; i++)
			in->wrote_at = is_stack(&op[i]) ? op[i].mem.disp : in->wrote_at;
	}
	if (a->op_count == 3 && op[0].type == ARM64_OP_REG && op[0].reg == ARM64_REG_SP) {
		bool sub = ci->id == ARM64_INS_SUB, add = ci->id == ARM64_INS_ADD;

		if ((sub || add) && op[1].reg == ARM64_REG_SP && op[2].type == ARM64_OP_IMM &&
		    !op[2].shift.type)
			in->sp_add = (int32_t)(sub ? -op[2].imm : op[2].imm);
		else
			in->sp_lost = true;
	} else if (a->op_count && op[0].type == ARM64_OP_REG && op[0].reg == ARM64_REG_SP) {
		in->sp_lost = true;
	}
	/* [sp, #n]! moves it before, [sp], #n behind the access: both are told apart by where the
	 * offset stands. */
	if (a->writeback && a->op_count && is_stack(&op[a->op_count - 1]))
		in->sp_add = op[a->op_count - 1].mem.disp;
	else if (a->writeback && a->op_count > 1 && op[a->op_count - 1].type == ARM64_OP_IMM)
		in->sp_add = is_stack(&op[a->op_count - 2]) ? (int32_t)op[a->op_count - 1].imm : 0;
}

static void fill_shape(const cs_insn *ci, const cs_arm64 *a, struct insn *in)
{
	const cs_arm64_op *op = a->operands;

	if (fill_spill(ci, a, in) || a->op_count < 2 || op[0].type != ARM64_OP_REG || a->writeback)
		return;
	if (op[0].reg == ARM64_REG_XZR && op[1].type == ARM64_OP_MEM && !op[1].mem.index &&
	    (ci->id == ARM64_INS_STR || ci->id == ARM64_INS_STUR))
		set_memory(in, SHAPE_STORE_ZERO, &op[1], INSN_NO_REG);
	if (!is_x(op[0].reg))
		return;
	if (op[1].type == ARM64_OP_MEM && !op[1].mem.index) {
		if (ci->id == ARM64_INS_STR || ci->id == ARM64_INS_STUR)
			set_memory(in, SHAPE_STORE, &op[1], insn_arm64__reg(op[0].reg));
		else if (ci->id == ARM64_INS_LDR || ci->id == ARM64_INS_LDUR)
			set_memory(in, SHAPE_LOAD, &op[1], insn_arm64__reg(op[0].reg));
	} else if (op[1].type == ARM64_OP_REG && is_x(op[1].reg)) {
		if (ci->id == ARM64_INS_MOV && a->op_count == 2)
			set_copy(in, a, 0);
		else if (ci->id == ARM64_INS_ADD && a->op_count == 3 &&
			 op[2].type == ARM64_OP_IMM && !op[2].shift.type)
			set_copy(in, a, op[2].imm);
	}
}

void insn_arm64__fill(const cs_insn *ci, struct insn *in)
{
	const cs_arm64 *a = &ci->detail->arm64;

	in->nop = ci->id == ARM64_INS_NOP;
	in->landing_pad = ci->id == ARM64_INS_HINT;
	in->writes_flags = a->update_flags;
	fill_flow(ci, a, in);
	if (in->kind != INSN_PLAIN)
		return;
	fill_shape(ci, a, in);
	fill_stack(ci, a, in);
}
