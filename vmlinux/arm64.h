/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Registers at a probe: user API, the offsets are fixed (arch/arm64/include/uapi/asm/ptrace.h). */
struct user_pt_regs {
	u64 regs[31];
	u64 sp;
	u64 pc;
	u64 pstate;
};

/* bpf_tracing.h casts its context to user_pt_regs; the name pt_regs must exist for that. */
struct pt_regs {
	struct user_pt_regs user_regs;
	u64 orig_x0;
	s32 syscallno;
};
