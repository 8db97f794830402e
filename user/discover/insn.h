/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One machine instruction, reduced to what the planner asks: where it leads, whether the
 * kernel's uprobes emulate it, which registers it changes, and the few shapes that interpreters
 * are known by.
 */
#ifndef VTBPF_INSN_H
#define VTBPF_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf_image.h"

#define INSN_REGS 32 /* general registers, numbered as in bpf/vtbpf.h */
#define INSN_NO_REG 0xff

enum insn_kind {
	INSN_PLAIN,
	INSN_JUMP,	    /* always, to target */
	INSN_BRANCH,	    /* maybe, to target */
	INSN_CALL,	    /* to target */
	INSN_JUMP_INDIRECT, /* target: where the address is read from, when that is fixed; else 0 */
	INSN_CALL_INDIRECT,
	INSN_RETURN,
	INSN_TRAP, /* ud2, int3, hlt: does not go on */
};

enum insn_shape {
	SHAPE_OTHER,
	SHAPE_COPY,	  /* dst = src + disp: mov, lea, add of a constant */
	SHAPE_COPY_INT,	  /* the lower half of dst = that of src */
	SHAPE_LOAD,	  /* dst = 8 bytes at base + disp */
	SHAPE_STORE,	  /* 8 bytes of src to base + disp */
	SHAPE_BYTE_ZERO,  /* compares the byte at base + disp with 0 */
	SHAPE_LOAD_BYTE,  /* dst = the byte at base + disp */
	SHAPE_TEST,	  /* compares src with 0 */
	SHAPE_ADDRESS,	  /* dst = the address disp */
	SHAPE_STORE_ZERO, /* 8 bytes of 0 to base + disp */
	SHAPE_SPILL,	  /* `size` bytes of src to the stack pointer + disp */
	SHAPE_RELOAD,	  /* dst = `size` bytes at the stack pointer + disp */
	SHAPE_TEST_SPILL, /* compares `size` bytes at the stack pointer + disp with 0 */
	SHAPE_LIMIT,	  /* compares src with disp, a constant, or cuts it to that many bits */
	SHAPE_TABLE_READ, /* dst = the signed 4 bytes at base + 4 * src */
	SHAPE_TABLE_JUMP, /* jumps to what the 8 bytes at disp + 8 * src name */
};

enum insn_cond { COND_OTHER, COND_ZERO, COND_NONZERO };

struct insn {
	uint64_t vaddr;
	uint64_t target;
	int64_t disp;
	uint32_t writes; /* bit mask of general registers it changes, in whole or in part */
	uint8_t len;
	uint8_t kind;  /* enum insn_kind */
	uint8_t shape; /* enum insn_shape */
	uint8_t cond;  /* enum insn_cond of a branch: of the flags, or of src if it names one */
	uint8_t dst, src, base;
	uint8_t pair;  /* second register that is moved from or to memory, behind the first */
	uint8_t size;  /* of a spill, of each of a pair */
	uint8_t wrote; /* bytes that it writes at the stack pointer + wrote_at */
	bool on_fp;    /* memory that it names lies at the frame pointer instead */
	bool moves_fp; /* writes to the frame pointer */
	bool sets_fp;  /* frame pointer = stack pointer + disp */
	bool sp_lost;  /* moves the stack pointer to where is not known */
	int32_t wrote_at;
	int32_t sp_add; /* moves the stack pointer, after whatever else it does */
	bool emulated;	/* the kernel emulates it (arch/x86/kernel/uprobes.c, Linux 5.8, and
			 * arch/arm64/kernel/probes/decode-insn.c) */
	bool refused;	/* the kernel puts no probe on it */
	bool writes_flags;
	bool landing_pad; /* endbr64, bti: does nothing else */
	bool nop;
};

struct decoder;

/* machine is EM_X86_64 or EM_AARCH64. NULL and errno (ENOTSUP for others). */
struct decoder *decoder__new(uint16_t machine);
void decoder__free(struct decoder *d);

/* Decodes the instruction at vaddr of img; false when there is none. */
bool decoder__insn(struct decoder *d, const struct elf_image *img, uint64_t vaddr, struct insn *in);

/* Writes the instruction at vaddr as text ("jne 0x90a51"), or an empty string. Returns buf. */
char *decoder__text(struct decoder *d, const struct elf_image *img, uint64_t vaddr, char *buf,
		    size_t size);

/* "rbx", "x23"; "-" for INSN_NO_REG and what the machine does not have. */
const char *insn__reg_name(uint16_t machine, uint8_t reg);

/* The stack pointer and the frame pointer, numbered as in bpf/vtbpf.h. */
uint8_t insn__sp_reg(uint16_t machine);
uint8_t insn__fp_reg(uint16_t machine);

/* Registers that the machine's C calling convention passes arguments 0-2 in, and does not
 * preserve. */
uint8_t insn__arg_reg(uint16_t machine, unsigned int arg);
uint32_t insn__caller_saved(uint16_t machine);

static inline bool insn__ends(const struct insn *in) /* nothing falls through it */
{
	return in->kind == INSN_JUMP || in->kind == INSN_JUMP_INDIRECT || in->kind == INSN_RETURN ||
	       in->kind == INSN_TRAP;
}

#endif
