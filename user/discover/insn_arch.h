/* SPDX-License-Identifier: GPL-2.0-only */
/* What insn.c needs of each machine: filling struct insn from capstone's view of an instruction. */
#ifndef VTBPF_INSN_ARCH_H
#define VTBPF_INSN_ARCH_H

#include <capstone/capstone.h>

#include "insn.h"

/* Fills kind, target, shape and the rest; vaddr, len and writes are set. */
void insn_x86__fill(const cs_insn *ci, struct insn *in);
void insn_arm64__fill(const cs_insn *ci, struct insn *in);

/* Fills len and writes, too, of 4 bytes that capstone does not know. */
void insn_arm64__fill_unknown(const uint8_t *bytes, struct insn *in);

/* Number of a capstone register in bpf/vtbpf.h's numbering, INSN_NO_REG when it has none. */
uint8_t insn_x86__reg(unsigned int cs_reg);
uint8_t insn_arm64__reg(unsigned int cs_reg);

static inline bool insn_arch__is_jump(const cs_insn *ci)
{
	uint8_t i;

	for (i = 0; i < ci->detail->groups_count; i++) {
		if (ci->detail->groups[i] == CS_GRP_JUMP)
			return true;
	}
	return false;
}

#endif
