// SPDX-License-Identifier: GPL-2.0-only
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

static void fill_shape(const cs_insn *ci, const cs_arm64 *a, struct insn *in)
{
	const cs_arm64_op *op = a->operands;

	if (a->op_count < 2 || op[0].type != ARM64_OP_REG || !is_x(op[0].reg) || a->writeback)
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
	if (in->kind == INSN_PLAIN)
		fill_shape(ci, a, in);
}
